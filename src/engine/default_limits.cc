#include "engine/default_limits.h"

#include "runtime/cgroup.h"

namespace coracle::engine {
namespace {

constexpr int64_t kPidsLimit = 2048;

}  // namespace

std::optional<int64_t> DefaultPidsLimit(const store::ContainerConfig& config) {
  if (config.limits().has_pids_limit() || config.cgroups() == "disabled") return std::nullopt;
  return kPidsLimit;
}

std::optional<int64_t> DefaultMemorySwap(const store::ContainerConfig& config) {
  const store::Limits& limits = config.limits();
  if (limits.memory_bytes() <= 0 || limits.has_memory_swap_bytes()) return std::nullopt;
  if (limits.memory_bytes() > INT64_MAX / 2) return std::nullopt;
  return limits.memory_bytes() * 2;
}

int64_t PidsLimitInForce(const store::ContainerConfig& config) {
  const std::optional<int64_t> by_default = DefaultPidsLimit(config);
  if (!by_default.has_value()) return config.limits().pids_limit();
  return runtime::CgroupControllerUsable("pids") ? *by_default : 0;
}

int64_t MemorySwapInForce(const store::ContainerConfig& config) {
  return DefaultMemorySwap(config).value_or(config.limits().memory_swap_bytes());
}

}  // namespace coracle::engine
