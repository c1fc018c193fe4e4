#include "runtime/process_plan.h"

#include <sched.h>
#include <sys/personality.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace coracle::runtime {

const RlimitName kRlimitNames[16] = {
    {"AS", RLIMIT_AS},           {"CORE", RLIMIT_CORE},         {"CPU", RLIMIT_CPU},
    {"DATA", RLIMIT_DATA},       {"FSIZE", RLIMIT_FSIZE},       {"LOCKS", RLIMIT_LOCKS},
    {"MEMLOCK", RLIMIT_MEMLOCK}, {"MSGQUEUE", RLIMIT_MSGQUEUE}, {"NICE", RLIMIT_NICE},
    {"NOFILE", RLIMIT_NOFILE},   {"NPROC", RLIMIT_NPROC},       {"RSS", RLIMIT_RSS},
    {"RTPRIO", RLIMIT_RTPRIO},   {"RTTIME", RLIMIT_RTTIME},     {"SIGPENDING", RLIMIT_SIGPENDING},
    {"STACK", RLIMIT_STACK},
};

namespace {

constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct NamedNumber {
  const char* name;
  uint64_t value;
};
constexpr NamedNumber kPolicies[] = {
    {"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},       {"SCHED_BATCH", 3},
    {"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6},
};
// linux/sched.h, SCHED_FLAG_*.
constexpr NamedNumber kSchedulerFlags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", 0x01},  {"SCHED_FLAG_RECLAIM", 0x02},
    {"SCHED_FLAG_DL_OVERRUN", 0x04},     {"SCHED_FLAG_KEEP_POLICY", 0x08},
    {"SCHED_FLAG_KEEP_PARAMS", 0x10},    {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
};
// linux/ioprio.h: the class lies above 13 bits of data.
constexpr NamedNumber kIoClasses[] = {
    {"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};

template <size_t n>
std::optional<uint64_t> Lookup(const NamedNumber (&table)[n], absl::string_view name) {
  for (const NamedNumber& entry : table) {
    if (name == entry.name) return entry.value;
  }
  return std::nullopt;
}

absl::Status Invalid(absl::string_view what, absl::string_view value) {
  return WithExitCode(
      absl::InvalidArgumentError(absl::StrCat("process.", what, ": '", value, "' is not valid")), 125);
}

// "0-3,7" (config.md, execCPUAffinity); empty: nothing.
absl::StatusOr<std::optional<cpu_set_t>> ParseCpuList(const std::string& text) {
  if (text.empty()) return std::nullopt;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, '-');
    unsigned first = 0, last = 0;
    if (ends.size() > 2 || !absl::SimpleAtoi(ends[0], &first) || !absl::SimpleAtoi(ends.back(), &last) ||
        first > last || last >= CPU_SETSIZE) {
      return Invalid("execCPUAffinity", text);
    }
    for (unsigned cpu = first; cpu <= last; ++cpu) CPU_SET(cpu, &set);
  }
  return set;
}

absl::Status PlanScheduler(const oci::Scheduler& scheduler, ProcessPlan& plan) {
  SchedulerAttributes attributes;
  const auto policy = Lookup(kPolicies, scheduler.policy);
  if (!policy.has_value()) return Invalid("scheduler.policy", scheduler.policy);
  attributes.policy = static_cast<uint32_t>(*policy);
  for (const std::string& flag : scheduler.flags) {
    const auto value = Lookup(kSchedulerFlags, flag);
    if (!value.has_value()) return Invalid("scheduler.flags", flag);
    attributes.flags |= *value;
  }
  attributes.nice = scheduler.nice;
  attributes.priority = static_cast<uint32_t>(scheduler.priority);
  attributes.runtime = scheduler.runtime;
  attributes.deadline = scheduler.deadline;
  attributes.period = scheduler.period;
  plan.scheduler = attributes;
  return absl::OkStatus();
}

absl::Status PlanRlimits(const oci::Process& process, ProcessPlan& plan) {
  for (const oci::Rlimit& limit : process.rlimits) {
    const RlimitName* found = nullptr;
    for (const RlimitName& entry : kRlimitNames) {
      if (limit.type == absl::StrCat("RLIMIT_", entry.name)) found = &entry;
    }
    if (found == nullptr) return Invalid("rlimits.type", limit.type);
    if (limit.soft > limit.hard) {
      return WithExitCode(
          absl::InvalidArgumentError(absl::StrCat("process.rlimits: ", limit.type, ": the soft limit ",
                                                  limit.soft, " is above the hard limit ", limit.hard)),
          125);
    }
    plan.rlimits.push_back({.resource = found->resource,
                            .value = {.rlim_cur = limit.soft, .rlim_max = limit.hard},
                            .name = limit.type});
  }
  return absl::OkStatus();
}

absl::Status PlanPersonality(const oci::Linux& linux_config, ProcessPlan& plan) {
  if (linux_config.personality_domain.empty()) return absl::OkStatus();
  if (linux_config.personality_domain == "LINUX") {
    plan.personality = PER_LINUX;
  } else if (linux_config.personality_domain == "LINUX32") {
    plan.personality = PER_LINUX32;
  } else {
    return WithExitCode(
        absl::InvalidArgumentError(
            absl::StrCat("linux.personality.domain: '", linux_config.personality_domain, "' is not valid")),
        125);
  }
  if (!linux_config.personality_flags.empty()) {
    return WithExitCode(absl::InvalidArgumentError("linux.personality.flags: none are defined"), 125);
  }
  return absl::OkStatus();
}

void PlanCommand(ProcessPlan& plan) {
  const std::string& command = plan.args[0];
  if (absl::StrContains(command, '/')) {
    plan.candidates.push_back(command);
    return;
  }
  plan.searched = true;
  absl::string_view path = kDefaultPath;
  for (const std::string& entry : plan.env) {
    if (absl::StartsWith(entry, "PATH=")) path = absl::string_view(entry).substr(5);
  }
  for (const absl::string_view directory : absl::StrSplit(path, ':')) {
    // A relative entry would search the working directory, which the image chose.
    if (absl::StartsWith(directory, "/")) plan.candidates.push_back(absl::StrCat(directory, "/", command));
  }
}

absl::Status CheckStrings(const std::vector<std::string>& values, absl::string_view member) {
  for (const std::string& value : values) {
    if (absl::StrContains(value, '\0')) return Invalid(member, "a string with a NUL byte");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ProcessPlan> PlanProcess(const oci::Process& process, const oci::Linux& linux_config) {
  ProcessPlan plan;
  if (process.args.empty() || process.args[0].empty()) {
    return WithExitCode(absl::InvalidArgumentError("process.args: no command"), 125);
  }
  if (!absl::StartsWith(process.cwd, "/")) return Invalid("cwd", process.cwd);
  RETURN_IF_ERROR(CheckStrings(process.args, "args"));
  RETURN_IF_ERROR(CheckStrings(process.env, "env"));
  RETURN_IF_ERROR(CheckStrings({process.cwd, process.apparmor_profile, process.selinux_label}, "cwd"));
  plan.args = process.args;
  plan.env = process.env;
  for (std::string& arg : plan.args) plan.argv.push_back(arg.data());
  for (std::string& entry : plan.env) plan.envp.push_back(entry.data());
  plan.argv.push_back(nullptr);
  plan.envp.push_back(nullptr);
  PlanCommand(plan);
  plan.cwd = process.cwd;
  plan.uid = process.user.uid;
  plan.gid = process.user.gid;
  plan.groups.assign(process.user.additional_gids.begin(), process.user.additional_gids.end());
  plan.umask = process.user.umask.value_or(0022) & 0777;
  ASSIGN_OR_RETURN(plan.capabilities, PlanCapabilities(process.capabilities.value_or(oci::Capabilities{})));
  RETURN_IF_ERROR(PlanRlimits(process, plan));
  RETURN_IF_ERROR(PlanPersonality(linux_config, plan));
  if (process.scheduler.has_value()) RETURN_IF_ERROR(PlanScheduler(*process.scheduler, plan));
  if (process.io_priority.has_value()) {
    const auto io_class = Lookup(kIoClasses, process.io_priority->io_class);
    if (!io_class.has_value()) return Invalid("ioPriority.class", process.io_priority->io_class);
    plan.io_priority = static_cast<int>(*io_class << 13) | (process.io_priority->priority & 0x1fff);
  }
  plan.no_new_privileges = process.no_new_privileges;
  plan.apparmor_profile = process.apparmor_profile;
  plan.selinux_label = process.selinux_label;
  if (process.oom_score_adj.has_value()) plan.oom_score_adj = absl::StrCat(*process.oom_score_adj);
  ASSIGN_OR_RETURN(plan.first_cpus, ParseCpuList(process.exec_cpu_affinity_initial));
  ASSIGN_OR_RETURN(plan.final_cpus, ParseCpuList(process.exec_cpu_affinity_final));
  plan.terminal = process.terminal;
  if (process.console_size.has_value()) {
    plan.rows = process.console_size->height;
    plan.columns = process.console_size->width;
  }
  return plan;
}

}  // namespace coracle::runtime
