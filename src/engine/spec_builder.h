// From a container's record to the OCI config that runs it. Pure: everything that comes from the host is an
// input.
#ifndef CORACLE_ENGINE_SPEC_BUILDER_H_
#define CORACLE_ENGINE_SPEC_BUILDER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/host.h"
#include "oci/runtime_spec.h"
#include "store/records.pb.h"

namespace coracle::engine {

// A device of the host, looked up before the plan is made.
struct HostDevice {
  std::string type;  // c or b
  int64_t major = 0, minor = 0;
  uint32_t mode = 0, uid = 0, gid = 0;
};

struct SpecInput {
  const store::ContainerRecord* record = nullptr;
  HostFacts host;
  oci::User user;  // resolved in the root file system
  std::string home;
  std::vector<std::string> link_env;  // of --link; weaker than none but the defaults
  bool has_passwd_entry = false;
  std::string root_path;                                                  // absolute; what root.path says
  std::string hosts_file, hostname_file, resolv_file, containerenv_file;  // absolute; empty: not mounted
  std::string init_program;                   // absolute path of the tiny init; with config.init
  std::map<std::string, std::string> joined;  // namespace type -> path
  std::map<std::string, HostDevice> devices;  // by host path
  std::vector<oci::Device> all_host_devices;  // with privileged and real root
  std::optional<oci::Seccomp> seccomp;
  std::vector<std::string> capabilities;        // merged, "CAP_X"
  std::vector<oci::Mount> user_mounts;          // see mount_plan.h
  std::vector<std::string> added_capabilities;  // those of --cap-add, without ALL
};

// Errors: InvalidArgument naming the option and value, exit code 125.
absl::StatusOr<oci::Spec> BuildSpec(const SpecInput& input);

// The parts, in files of their own; each reads `input` and fills its part of `spec`.
absl::Status AddMounts(const SpecInput& input, oci::Spec& spec);
absl::Status AddResources(const SpecInput& input, oci::Spec& spec);
// What makes `after` of `before` in a cgroup that has `before`.
oci::Resources ChangedResources(const store::Limits& before, const store::Limits& after);
// Of `resources` the part that ChangedResources is about, anew.
void ReplaceLimits(const store::Limits& limits, oci::Resources& resources);
absl::Status AddSecurity(const SpecInput& input, oci::Spec& spec);
absl::Status AddRlimits(const SpecInput& input, oci::Spec& spec);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_SPEC_BUILDER_H_
