#include "runtime/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/capability_names.h"

namespace coracle::runtime {
namespace {

bool WellFormed(absl::string_view name) {
  if (!absl::StartsWith(name, "CAP_") || name.size() > 64) return false;
  for (const char c : name) {
    if (!absl::ascii_isupper(static_cast<unsigned char>(c)) && c != '_') return false;
  }
  return true;
}

absl::StatusOr<uint64_t> Mask(const std::vector<std::string>& names, absl::string_view set) {
  for (const std::string& name : names) {
    if (!WellFormed(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("capabilities.", set, ": '", name, "' is no capability name"));
    }
  }
  return oci::CapabilityMask(names);
}

void Split(uint64_t mask, uint32_t* low, uint32_t* high) {
  *low = static_cast<uint32_t>(mask);
  *high = static_cast<uint32_t>(mask >> 32);
}
uint64_t Join(uint32_t low, uint32_t high) { return static_cast<uint64_t>(high) << 32 | low; }

uint64_t Bounding() {
  uint64_t mask = 0;
  for (unsigned long bit = 0; bit < 64; ++bit) {
    const int there = prctl(PR_CAPBSET_READ, bit, 0, 0, 0);
    if (there < 0) break;  // EINVAL: above the kernel's last
    if (there == 1) mask |= uint64_t{1} << bit;
  }
  return mask;
}

}  // namespace

absl::StatusOr<CapabilitySets> PlanCapabilities(const oci::Capabilities& capabilities) {
  CapabilitySets sets;
  ASSIGN_OR_RETURN(sets.bounding, Mask(capabilities.bounding, "bounding"));
  ASSIGN_OR_RETURN(sets.effective, Mask(capabilities.effective, "effective"));
  ASSIGN_OR_RETURN(sets.inheritable, Mask(capabilities.inheritable, "inheritable"));
  ASSIGN_OR_RETURN(sets.permitted, Mask(capabilities.permitted, "permitted"));
  ASSIGN_OR_RETURN(sets.ambient, Mask(capabilities.ambient, "ambient"));
  return sets;
}

int DropBounding(const CapabilitySets& sets) {
  for (unsigned long bit = 0; bit < 64; ++bit) {
    if ((sets.bounding >> bit & 1) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // above the kernel's last
    const int error = errno;
    // Without CAP_SETPCAP nothing can be dropped; what is not there needs not be.
    if (prctl(PR_CAPBSET_READ, bit, 0, 0, 0) == 1) return error;
  }
  return 0;
}

int ApplyCapabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return errno;
  const uint64_t held = Join(data[0].permitted, data[1].permitted);
  const uint64_t inherited = Join(data[0].inheritable, data[1].inheritable);
  const uint64_t permitted = sets.permitted & held;
  const uint64_t effective = sets.effective & permitted;
  // capset(2): inheritable may only grow within what is permitted, and within the bounding set.
  const uint64_t inheritable = sets.inheritable & (inherited | (held & Bounding()));
  Split(permitted, &data[0].permitted, &data[1].permitted);
  Split(effective, &data[0].effective, &data[1].effective);
  Split(inheritable, &data[0].inheritable, &data[1].inheritable);
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) return errno;
  if (syscall(SYS_capset, &header, data) != 0) return errno;
  // An ambient capability has to be permitted and inheritable.
  const uint64_t ambient = sets.ambient & permitted & inheritable;
  for (unsigned long bit = 0; bit < 64; ++bit) {
    if ((ambient >> bit & 1) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0) != 0) return errno;
  }
  return 0;
}

}  // namespace coracle::runtime
