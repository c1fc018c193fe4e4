// The plan of a container's first process: an OCI config turned into data, before anything is done.
//
// Pure: nothing here looks at the host.
#ifndef CORACLE_RUNTIME_LAUNCH_PLAN_H_
#define CORACLE_RUNTIME_LAUNCH_PLAN_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/runtime_spec.h"
#include "os/rooted_path.h"
#include "os/user_namespace.h"
#include "runtime/mount_options.h"
#include "runtime/process_plan.h"

namespace coracle::runtime {

struct JoinedNamespace {
  uint64_t flag = 0;  // CLONE_NEW*
  std::string path;
  const char* name = "";
};

struct PlannedMount {
  enum class Kind {
    kBind,        // a clone of a mount of the host, opened by the parent
    kFileSystem,  // a new file system, made by the child in its namespaces
    kCgroup,      // the container's own cgroup directories
    kRemount,     // changes what is mounted there
  };
  Kind kind = Kind::kFileSystem;
  os::RootedPath target;
  std::string destination;  // for messages
  std::string type, source;
  MountOptions options;
  std::vector<os::IdRange> uid_map, gid_map;  // of an idmapped mount
  // A link in the destination would let an image move it: refused for what the masks and sysctls rely on.
  bool refuse_links = false;
  bool in_dev = false;  // the destination is "/dev/NAME", exactly so
  // May lie inside the container's proc (runc's list, for lxcfs and the like).
  bool allowed_inside_proc = false;
};

struct PlannedDevice {
  os::RootedPath path;
  std::string host_path;  // the same text, for the bind fallback
  std::string name;       // below /dev ("null", "net/tun"); empty if elsewhere
  mode_t mode = 0;        // S_IFCHR | 0666
  uint64_t device = 0;    // makedev
  uid_t uid = 0;
  gid_t gid = 0;
};

struct PlannedSysctl {
  std::string path;  // "net/ipv4/ip_forward"
  std::string value;
};

struct LaunchPlan {
  uint64_t new_namespaces = 0;  // CLONE_NEW*; cgroup and time among them
  std::vector<JoinedNamespace> joined;
  bool joins_user = false;
  std::vector<os::IdRange> uid_map, gid_map;  // of a new user namespace
  std::string time_offsets;                   // for /proc/self/timens_offsets
  bool new_mounts = false;                    // a mount namespace of its own, ours to arrange
  unsigned long propagation = 0;              // of the host's mounts, first thing
  unsigned long root_propagation = 0;         // of the new root, last thing; 0: left alone
  std::string root_path;                      // absolute
  bool root_read_only = false;
  std::vector<PlannedMount> mounts;
  bool make_devices = false;
  std::vector<PlannedDevice> devices;
  std::vector<os::RootedPath> masked, read_only;
  std::vector<PlannedSysctl> sysctls;
  std::string hostname, domainname;
  ProcessPlan process;

  bool IsNew(uint64_t flag) const { return (new_namespaces & flag) != 0; }
  // An intermediate process is needed: for namespaces that must be entered before the new ones are made, and
  // for a time namespace, which takes in children only.
  bool NeedsStage() const;
};

// `bundle` is what a relative root.path is relative to.
// Errors: InvalidArgument naming the member; Unimplemented for intelRdt; FailedPrecondition for a sysctl
// without its namespace. All with exit code 125.
absl::StatusOr<LaunchPlan> PlanLaunch(const oci::Spec& spec, const std::string& bundle);

// The CLONE_NEW* flag of an OCI namespace type; 0 if unknown.
uint64_t NamespaceFlag(absl::string_view type);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_LAUNCH_PLAN_H_
