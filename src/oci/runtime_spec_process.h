// The members of config.json's `process`. For runtime_spec.cc only.
// Source: runtime-spec config.md, "Process"; schema/config-schema.json.
#ifndef CORACLE_OCI_RUNTIME_SPEC_PROCESS_H_
#define CORACLE_OCI_RUNTIME_SPEC_PROCESS_H_

#include "absl/strings/match.h"
#include "oci/runtime_spec.h"

namespace coracle::oci {

template <typename Codec>
void Members(Codec& codec, User& user) {
  codec.Member("uid", user.uid);
  codec.Member("gid", user.gid);
  codec.Member("umask", user.umask);
  codec.Check(!user.umask.has_value() || *user.umask <= 0777, "umask", "not a number from 0 to 511");
  codec.Member("additionalGids", user.additional_gids);
}

template <typename Codec>
void Members(Codec& codec, ConsoleSize& size) {
  codec.Required("height", size.height);
  codec.Required("width", size.width);
}

template <typename Codec>
void Members(Codec& codec, Capabilities& capabilities) {
  codec.Member("bounding", capabilities.bounding);
  codec.Member("effective", capabilities.effective);
  codec.Member("inheritable", capabilities.inheritable);
  codec.Member("permitted", capabilities.permitted);
  codec.Member("ambient", capabilities.ambient);
}

inline bool IsRlimitType(absl::string_view type) {
  constexpr absl::string_view kPrefix = "RLIMIT_";
  if (!absl::StartsWith(type, kPrefix) || type.size() == kPrefix.size()) return false;
  for (const char c : type.substr(kPrefix.size())) {
    if (c < 'A' || c > 'Z') return false;
  }
  return true;
}

template <typename Codec>
void Members(Codec& codec, Rlimit& rlimit) {
  codec.Required("type", rlimit.type);
  codec.Check(IsRlimitType(rlimit.type), "type", "not of the form RLIMIT_NAME");
  codec.Required("hard", rlimit.hard);
  codec.Required("soft", rlimit.soft);
}

template <typename Codec>
void Members(Codec& codec, Scheduler& scheduler) {
  codec.Required("policy", scheduler.policy);
  codec.OneOf(
      "policy", scheduler.policy,
      {"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"});
  codec.Member("nice", scheduler.nice);
  codec.Member("priority", scheduler.priority);
  codec.Member("flags", scheduler.flags);
  for (const std::string& flag : scheduler.flags) {
    codec.OneOf(
        "flags", flag,
        {"SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_KEEP_POLICY",
         "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX"});
  }
  codec.Member("runtime", scheduler.runtime);
  codec.Member("deadline", scheduler.deadline);
  codec.Member("period", scheduler.period);
}

template <typename Codec>
void Members(Codec& codec, IoPriority& priority) {
  codec.Required("class", priority.io_class);
  codec.OneOf("class", priority.io_class, {"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"});
  codec.Member("priority", priority.priority);
}

inline bool IsCpuList(absl::string_view list) {
  return list.find_first_not_of("0123456789, -") == absl::string_view::npos;
}

template <typename Codec>
void Members(Codec& codec, Process& process) {
  codec.Member("terminal", process.terminal);
  codec.Member("consoleSize", process.console_size);
  if constexpr (Codec::kReading) {
    codec.Member("user", process.user);
  } else {
    codec.Required("user", process.user);  // written even for root: other runtimes look for it
  }
  codec.Member("args", process.args);
  codec.Member("env", process.env);
  codec.Required("cwd", process.cwd);
  codec.Check(absl::StartsWith(process.cwd, "/"), "cwd", "not an absolute path");
  codec.Member("capabilities", process.capabilities);
  codec.Member("rlimits", process.rlimits);
  for (size_t i = 0; i < process.rlimits.size(); ++i) {
    for (size_t j = 0; Codec::kReading && j < i; ++j) {
      codec.Check(process.rlimits[i].type != process.rlimits[j].type, "rlimits", "the same type twice");
    }
  }
  codec.Member("noNewPrivileges", process.no_new_privileges);
  codec.Member("apparmorProfile", process.apparmor_profile);
  codec.Member("selinuxLabel", process.selinux_label);
  codec.Member("oomScoreAdj", process.oom_score_adj);
  codec.Check(!process.oom_score_adj.has_value() ||
                  (*process.oom_score_adj >= -1000 && *process.oom_score_adj <= 1000),
              "oomScoreAdj", "not a number from -1000 to 1000");
  codec.Member("scheduler", process.scheduler);
  codec.Member("ioPriority", process.io_priority);
  codec.Nested("execCPUAffinity", [&](Codec& nested) {
    nested.Member("initial", process.exec_cpu_affinity_initial);
    nested.Check(IsCpuList(process.exec_cpu_affinity_initial), "initial", "not a list of CPUs");
    nested.Member("final", process.exec_cpu_affinity_final);
    nested.Check(IsCpuList(process.exec_cpu_affinity_final), "final", "not a list of CPUs");
  });
}

}  // namespace coracle::oci

#endif  // CORACLE_OCI_RUNTIME_SPEC_PROCESS_H_
