// The inside of Cgroup; for cgroup*.cc only.
#ifndef CORACLE_RUNTIME_CGROUP_STATE_H_
#define CORACLE_RUNTIME_CGROUP_STATE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_dir.h"
#include "runtime/cgroup_plan.h"

namespace coracle::runtime {

struct Cgroup::State {
  std::vector<CgroupDirectory> dirs;  // v2 first
  std::string v2_base;                // what v2's directory was made below; empty if unknown
  std::vector<std::string> paths;     // of `dirs`
  CgroupEntry entry;

  const CgroupDirectory* V2() const { return !dirs.empty() && dirs[0].v2 ? &dirs[0] : nullptr; }
  const CgroupDirectory* V1(absl::string_view controller) const;
  // Whether `directory` has this controller (v2: whether it was passed down to it).
  bool Has(const CgroupDirectory& directory, absl::string_view controller) const;
  // Renews `paths` and `entry` from `dirs`, opening what is needed. Errors: errno of open; a directory that
  // is gone may be passed over.
  absl::Status OpenEntry(bool missing_is_fine);
};

// Carries out `writes`, each in the directory of its controller. A write that the order of others can make
// valid is tried again at the end. Errors: the errno of the write, naming file, value and option.
absl::Status ApplyCgroupWrites(absl::Span<const CgroupDirectory> dirs, absl::Span<const CgroupWrite> writes);

// Sets the device rules on whichever version has them; in a user namespace, where devices can't be made, a
// refusal is no error.
absl::Status ApplyDeviceRules(absl::Span<const CgroupDirectory> dirs,
                              const std::vector<oci::DeviceCgroupRule>& rules);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CGROUP_STATE_H_
