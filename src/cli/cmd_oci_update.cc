// `coracle oci update`: other limits for a container.
#include "base/size.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {
namespace {

// "64m", or "-1" for no limit.
absl::StatusOr<int64_t> Bytes(const ParsedCommand& parsed, absl::string_view option) {
  const std::string text = parsed.GetString(option);
  if (text == "-1") return -1;
  absl::StatusOr<int64_t> size = ParseSize(text);
  if (!size.ok()) return Annotate(size.status(), absl::StrCat("--", option));
  return size;
}

absl::Status Memory(const ParsedCommand& parsed, oci::Resources* resources) {
  oci::MemoryResources memory;
  const auto read = [&](absl::string_view option, std::optional<int64_t>* into) -> absl::Status {
    if (!parsed.WasSet(option)) return absl::OkStatus();
    ASSIGN_OR_RETURN(*into, Bytes(parsed, option));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(read("memory", &memory.limit));
  RETURN_IF_ERROR(read("memory-swap", &memory.swap));
  RETURN_IF_ERROR(read("memory-reservation", &memory.reservation));
  resources->memory = memory;
  return absl::OkStatus();
}

void Cpu(const ParsedCommand& parsed, oci::Resources* resources) {
  oci::CpuResources& cpu = resources->cpu.emplace();
  if (parsed.WasSet("cpu-share")) cpu.shares = parsed.GetUint("cpu-share");
  if (parsed.WasSet("cpu-period")) cpu.period = parsed.GetUint("cpu-period");
  if (parsed.WasSet("cpu-quota")) cpu.quota = parsed.GetInt("cpu-quota");
  if (parsed.WasSet("cpu-rt-period")) cpu.realtime_period = parsed.GetUint("cpu-rt-period");
  if (parsed.WasSet("cpu-rt-runtime")) cpu.realtime_runtime = parsed.GetInt("cpu-rt-runtime");
  cpu.cpus = parsed.GetString("cpuset-cpus");
  cpu.mems = parsed.GetString("cpuset-mems");
}

absl::StatusOr<oci::Resources> ResourcesOf(const ParsedCommand& parsed) {
  if (parsed.WasSet("resources")) {
    ASSIGN_OR_RETURN(const std::string text, OciReadInput(parsed.GetString("resources")));
    return oci::ParseResources(text);
  }
  oci::Resources resources;
  RETURN_IF_ERROR(Memory(parsed, &resources));
  Cpu(parsed, &resources);
  if (parsed.WasSet("pids-limit")) resources.pids_limit = parsed.GetInt("pids-limit");
  if (parsed.WasSet("blkio-weight")) {
    if (parsed.GetUint("blkio-weight") > 1000) {
      return absl::InvalidArgumentError("--blkio-weight: must be 10 to 1000");
    }
    resources.block_io.emplace().weight = static_cast<uint16_t>(parsed.GetUint("blkio-weight"));
  }
  return resources;
}

}  // namespace

int CmdOciUpdate(Invocation& invocation) {
  const absl::StatusOr<oci::Resources> resources = ResourcesOf(invocation.parsed());
  if (!resources.ok()) return OciFail(invocation, resources.status());
  return OciFail(invocation, runtime::OciUpdate(OciStoreOf(invocation), invocation.args()[0], *resources));
}

}  // namespace coracle::cli
