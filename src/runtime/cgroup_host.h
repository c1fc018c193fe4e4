// Which cgroup hierarchies this process sees, and where it stands in them.
//
// A host is v2 (one cgroup2 tree), v1 (one tree a controller or group of controllers), or hybrid (v1
// controllers and a cgroup2 tree beside them, with some or no controllers). Everything here is read from
// /proc/self; nothing is cached. Source: cgroups(7), proc(5) "mountinfo".
#ifndef CORACLE_RUNTIME_CGROUP_HOST_H_
#define CORACLE_RUNTIME_CGROUP_HOST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::runtime {

struct CgroupHierarchy {
  bool v2 = false;
  // v1: controllers mounted together ("cpu", "cpuacct"), or the one name "name=systemd" of a hierarchy
  // without any. v2: the controllers of its root that a child could get.
  std::vector<std::string> controllers;
  std::string mount;  // absolute directory of the root we see
  std::string
      own;  // absolute directory of our own cgroup; equals `mount` when that is outside of what is mounted
};

struct CgroupLayout {
  std::vector<CgroupHierarchy> v1;  // in the order of their mounts
  std::optional<CgroupHierarchy> v2;
  const CgroupHierarchy* FindV1(absl::string_view controller) const;
  bool V2Has(absl::string_view controller) const;
};

// From the text of /proc/self/mountinfo and /proc/self/cgroup. v2's controllers stay empty (they are in
// sysfs). Lines that do not parse are passed over; a hierarchy mounted twice counts once.
CgroupLayout ParseCgroupLayout(absl::string_view mountinfo, absl::string_view self_cgroup);
// Errors: those of reading /proc.
absl::StatusOr<CgroupLayout> DiscoverCgroups();

// `path` below a hierarchy without empty and "." parts, with a leading "/". Errors: InvalidArgument for "..",
// NUL, or more than 4096 bytes.
absl::StatusOr<std::string> CleanCgroupPath(absl::string_view path);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CGROUP_HOST_H_
