#include "engine/host.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "os/file.h"

namespace coracle::engine {
namespace {

// Number of ids that a map file of user_namespaces(7) covers.
uint64_t MappedIds(const char* path) {
  const auto text = os::ReadFileAt(AT_FDCWD, path, 64 << 10);
  if (!text.ok()) return 0;
  uint64_t count = 0;
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t size = 0;
    if (fields.size() == 3 && absl::SimpleAtoi(fields[2], &size)) count += size;
  }
  return count;
}

bool HasCapability(unsigned capability) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[capability / 32].effective >> (capability % 32) & 1) != 0;
}

uint64_t HardLimit(__rlimit_resource resource) {
  rlimit limit = {};
  if (getrlimit(resource, &limit) != 0) return 0;
  return limit.rlim_max;
}

}  // namespace

HostFacts ProbeHost() {
  constexpr uint64_t kAllIds = 4294967295U;
  HostFacts facts;
  facts.mapped_gids = MappedIds("/proc/self/gid_map");
  facts.user_namespace = facts.mapped_gids != 0 && facts.mapped_gids < kAllIds;
  facts.nofile_hard = HardLimit(RLIMIT_NOFILE);
  facts.nproc_hard = HardLimit(RLIMIT_NPROC);
  facts.may_raise_limits = !facts.user_namespace && HasCapability(CAP_SYS_RESOURCE);
  return facts;
}

}  // namespace coracle::engine
