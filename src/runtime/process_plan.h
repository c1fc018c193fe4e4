// What a process of a container gets just before it runs its program: pure data made from an OCI `process`.
#ifndef CORACLE_RUNTIME_PROCESS_PLAN_H_
#define CORACLE_RUNTIME_PROCESS_PLAN_H_

#include <sched.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/runtime_spec.h"
#include "runtime/capabilities.h"

namespace coracle::runtime {

struct PlannedRlimit {
  int resource = 0;
  rlimit64 value = {};
  std::string name;  // "RLIMIT_NOFILE"
};

// struct sched_attr of sched_setattr(2), which glibc 2.36 does not declare.
struct SchedulerAttributes {
  uint32_t size = 48;
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0, deadline = 0, period = 0;
};

// Invariants: argv and envp point into args and env and end with null; candidates is not empty.
struct ProcessPlan {
  std::vector<std::string> args, env;
  std::vector<char*> argv, envp;
  // Absolute or with a slash: what execve is tried on, in order.
  std::vector<std::string> candidates;
  bool searched = false;  // the command had no slash: candidates come from PATH
  std::string cwd;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  mode_t umask = 0022;
  CapabilitySets capabilities = {};
  std::vector<PlannedRlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile, selinux_label;
  std::string oom_score_adj;  // empty: left alone
  std::optional<SchedulerAttributes> scheduler;
  std::optional<cpu_set_t> first_cpus, final_cpus;  // before and after the cgroup is entered
  std::optional<int> io_priority;                   // as ioprio_set(2) takes it
  std::optional<unsigned long> personality;
  bool terminal = false;
  uint16_t rows = 0, columns = 0;

  ProcessPlan() = default;
  ProcessPlan(ProcessPlan&&) = default;
  ProcessPlan& operator=(ProcessPlan&&) = default;
  ProcessPlan(const ProcessPlan&) = delete;
  ProcessPlan& operator=(const ProcessPlan&) = delete;
};

// Errors: InvalidArgument naming the member, with exit code 125.
absl::StatusOr<ProcessPlan> PlanProcess(const oci::Process& process, const oci::Linux& linux_config);

// Names and numbers of resource limits, without the prefix RLIMIT_.
struct RlimitName {
  const char* name;
  int resource;
};
extern const RlimitName kRlimitNames[16];

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_PROCESS_PLAN_H_
