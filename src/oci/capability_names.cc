#include "oci/capability_names.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::oci {
namespace {

constexpr char kAll[] = "ALL";

// In the order of their bits.
constexpr absl::string_view kNames[kCapabilityCount] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

absl::StatusOr<std::set<std::string>> NormalizeAll(absl::Span<const std::string> names) {
  std::set<std::string> normalized;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(std::string one, NormalizeCapability(name));
    normalized.insert(std::move(one));
  }
  return normalized;
}

}  // namespace

absl::string_view CapabilityName(int bit) { return kNames[bit]; }

std::optional<int> CapabilityBit(absl::string_view name) {
  for (int bit = 0; bit < kCapabilityCount; ++bit) {
    if (kNames[bit] == name) return bit;
  }
  return std::nullopt;
}

std::vector<std::string> AllCapabilities() {
  const std::set<std::string> sorted(std::begin(kNames), std::end(kNames));
  return std::vector<std::string>(sorted.begin(), sorted.end());
}

uint64_t CapabilityMask(absl::Span<const std::string> names) {
  uint64_t mask = 0;
  for (const std::string& name : names) {
    if (const std::optional<int> bit = CapabilityBit(name); bit.has_value()) mask |= uint64_t{1} << *bit;
  }
  return mask;
}

absl::StatusOr<std::string> NormalizeCapability(absl::string_view name) {
  std::string upper = absl::AsciiStrToUpper(name);
  if (upper == kAll || CapabilityBit(upper).has_value()) return upper;
  upper.insert(0, "CAP_");
  if (CapabilityBit(upper).has_value()) return upper;
  return absl::InvalidArgumentError(absl::StrCat("unknown capability \"", Printable(name), "\""));
}

absl::StatusOr<std::vector<std::string>> MergeCapabilities(absl::Span<const std::string> base,
                                                           absl::Span<const std::string> add,
                                                           absl::Span<const std::string> drop,
                                                           bool privileged) {
  ASSIGN_OR_RETURN(std::set<std::string> added, NormalizeAll(add));
  ASSIGN_OR_RETURN(std::set<std::string> dropped, NormalizeAll(drop));
  ASSIGN_OR_RETURN(std::set<std::string> result, NormalizeAll(base));
  const bool add_all = added.erase(kAll) > 0;
  const bool drop_all = dropped.erase(kAll) > 0;
  if (add_all && drop_all) return absl::InvalidArgumentError("all capabilities are both added and dropped");
  for (const std::string& name : added) {
    if (dropped.count(name) > 0) {
      return absl::InvalidArgumentError(absl::StrCat("capability ", name, " is both added and dropped"));
    }
  }
  if (add_all || privileged) result.insert(std::begin(kNames), std::end(kNames));
  if (drop_all) result.clear();
  for (const std::string& name : dropped) result.erase(name);
  result.insert(added.begin(), added.end());
  return std::vector<std::string>(result.begin(), result.end());
}

}  // namespace coracle::oci
