#include "runtime/process_setup.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "os/mount.h"
#include "os/process.h"
#include "runtime/exec_failure.h"
#include "runtime/setup_step.h"

namespace coracle::runtime {
namespace {

constexpr long kDevptsMagic = 0x1cd1;

void ResetSignals() {
  // An ignored signal would stay ignored in the container, a blocked one blocked.
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal <= SIGRTMAX; ++signal) (void)sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
}

void WriteOomScore(int channel, const ProcessPlan& plan) {
  if (plan.oom_score_adj.empty()) return;
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) Fail(channel, SetupStep::kOomScore, errno, plan.oom_score_adj.c_str());
  if (write(fd, plan.oom_score_adj.data(), plan.oom_score_adj.size()) < 0) {
    // Lowering it below what the caller was given needs CAP_SYS_RESOURCE.
    Fail(channel, SetupStep::kOomScore, errno, plan.oom_score_adj.c_str());
  }
  close(fd);
}

void JoinKeyring(int channel) {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) >= 0) return;
  if (errno == ENOSYS) return;
  // The user's quota of keys is used up by other containers: share one keyring of ours rather than the
  // caller's.
  if (errno == EDQUOT && syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.coracle") >= 0) return;
  Fail(channel, SetupStep::kKeyring, errno);
}

int OpenLabelFile(int channel, const std::string& label, const char* path, const char* what) {
  if (label.empty()) return -1;
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    char detail[200];
    snprintf(detail, sizeof(detail), "'%s': %s is not enabled on this host", label.c_str(), what);
    Fail(channel, SetupStep::kSecurityLabel, 0, detail);
  }
  return fd;
}

void WriteLabel(int channel, int fd, const char* prefix, const std::string& label) {
  if (fd < 0) return;
  char text[512];
  const int length = snprintf(text, sizeof(text), "%s%s", prefix, label.c_str());
  if (length < 0 || static_cast<size_t>(length) >= sizeof(text)) {
    Fail(channel, SetupStep::kSecurityLabel, ENAMETOOLONG, label.c_str());
  }
  if (write(fd, text, static_cast<size_t>(length)) < 0) {
    Fail(channel, SetupStep::kSecurityLabel, errno, label.c_str());
  }
  close(fd);
}

void SetLimits(int channel, const ProcessPlan& plan) {
  for (const PlannedRlimit& limit : plan.rlimits) {
    if (prlimit64(0, static_cast<__rlimit_resource>(limit.resource), &limit.value, nullptr) == 0) continue;
    const int error = errno;
    rlimit64 now = {};
    (void)prlimit64(0, static_cast<__rlimit_resource>(limit.resource), nullptr, &now);
    char detail[200];
    if (error == EPERM && limit.value.rlim_max > now.rlim_max) {
      snprintf(detail, sizeof(detail),
               "%s to %llu: above our own hard limit of %llu, and raising it needs CAP_SYS_RESOURCE",
               limit.name.c_str(), static_cast<unsigned long long>(limit.value.rlim_max),
               static_cast<unsigned long long>(now.rlim_max));
    } else {
      snprintf(detail, sizeof(detail), "%s", limit.name.c_str());
    }
    Fail(channel, SetupStep::kRlimit, error, detail);
  }
}

void SetScheduling(int channel, const ProcessPlan& plan) {
  if (plan.personality.has_value() && personality(*plan.personality) < 0) {
    Fail(channel, SetupStep::kPersonality, errno);
  }
  if (plan.scheduler.has_value() && syscall(SYS_sched_setattr, 0, &*plan.scheduler, 0) != 0) {
    Fail(channel, SetupStep::kScheduler, errno);
  }
  constexpr int kWhoProcess = 1;  // linux/ioprio.h, IOPRIO_WHO_PROCESS
  if (plan.io_priority.has_value() && syscall(SYS_ioprio_set, kWhoProcess, 0, *plan.io_priority) != 0) {
    Fail(channel, SetupStep::kIoPriority, errno);
  }
}

void Filter(int channel, const SeccompFilter* filter) {
  if (filter == nullptr) return;
  int listener = -1;
  const int error = InstallSeccomp(*filter, &listener);
  if (error != 0) Fail(channel, SetupStep::kSeccomp, error);
  if (!filter->has_notify) return;
  ChildMessage message;
  message.kind = MessageKind::kListener;
  if (SendMessage(channel, message, listener) < 0) _exit(125);
  close(listener);
}

// capabilities(7): the bounding set is dropped while CAP_SETPCAP is there, the permitted set survives the
// change of user by keep-caps, and the sets are made exact last.
void ChangeUser(int channel, const ProcessPlan& plan) {
  int error = DropBounding(plan.capabilities);
  if (error != 0) Fail(channel, SetupStep::kBoundingSet, error);
  if (plan.uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) Fail(channel, SetupStep::kUser, errno);
  // EPERM with nothing to set: a user namespace where setgroups is denied for good (only one's own id is
  // mapped).
  if (syscall(SYS_setgroups, plan.groups.size(), plan.groups.data()) != 0 &&
      !(errno == EPERM && plan.groups.empty())) {
    Fail(channel, SetupStep::kGroups, errno, errno == EPERM ? "that this user namespace does not map" : "");
  }
  if (syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) != 0 ||
      syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) != 0) {
    error = errno;
    char detail[96];
    snprintf(detail, sizeof(detail), "%u:%u%s", plan.uid, plan.gid,
             error == EINVAL ? ", which the container's user namespace does not map" : "");
    Fail(channel, SetupStep::kUser, error, detail);
  }
}

// The cwd may be a link or a /proc/self/fd path that leads out of the container (CVE-2024-21626): getcwd(2)
// answers with a path that does not start with '/' then.
void EnterWorkingDirectory(int channel, const ProcessPlan& plan) {
  if (chdir(plan.cwd.c_str()) != 0) Fail(channel, SetupStep::kWorkingDirectory, errno, plan.cwd.c_str());
  char path[4096];
  const long length = syscall(SYS_getcwd, path, sizeof(path));
  if (length < 0 && errno == ERANGE) return;  // longer than a page, so below the root
  if (length < 0 || path[0] != '/') {
    char detail[230];
    snprintf(detail, sizeof(detail), "%s: it lies outside the container", plan.cwd.c_str());
    Fail(channel, SetupStep::kWorkingDirectory, 0, detail);
  }
}

// Out of the way of the numbers below `end`. -1 stays.
void MoveAbove(int end, int channel, int* fd) {
  if (*fd < 0 || *fd >= end) return;
  *fd = fcntl(*fd, F_DUPFD_CLOEXEC, end);
  if (*fd < 0) Fail(channel, SetupStep::kDescriptors, errno);
}

// Gives the descriptors that are passed on their numbers. What else has them is ours and not needed any more,
// but for the last few.
void PlacePassed(int* channel, EarlyFiles* files, FinalWishes* wishes) {
  if (wishes->passed.empty()) return;
  const int first = 3 + wishes->preserve_fds, end = first + static_cast<int>(wishes->passed.size());
  const int reports = *channel;  // for as long as the old number is open, which it stays until the loop below
  MoveAbove(end, reports, channel);
  MoveAbove(end, reports, &files->apparmor);
  MoveAbove(end, reports, &files->selinux);
  MoveAbove(end, reports, &wishes->gate);
  MoveAbove(end, reports, &wishes->handover.program);
  for (int& fd : wishes->passed) MoveAbove(end, reports, &fd);
  for (int i = first; i < end; ++i) {
    if (dup2(wishes->passed[static_cast<size_t>(i - first)], i) < 0) {
      Fail(*channel, SetupStep::kDescriptors, errno);
    }
  }
  wishes->preserve_fds += static_cast<int>(wishes->passed.size());
}

// What set-up has left open goes now, so that neither the cwd nor a hook nor the program's first lines can
// reach it through /proc/self/fd: all but the standard, the preserved and our own last ones.
void CloseTheRest(int channel, const EarlyFiles& files, const FinalWishes& wishes) {
  int keep[] = {channel, files.apparmor, files.selinux, wishes.gate, wishes.handover.program};
  std::sort(std::begin(keep), std::end(keep));
  unsigned from = static_cast<unsigned>(3 + wishes.preserve_fds);
  for (const int fd : keep) {
    if (fd < static_cast<int>(from)) continue;
    if (fd > static_cast<int>(from)) (void)close_range(from, static_cast<unsigned>(fd) - 1, 0);
    from = static_cast<unsigned>(fd) + 1;
  }
  (void)close_range(from, ~0U, 0);  // missing before Linux 5.9: they are close-on-exec as well
}

void WaitAtGate(int channel, int gate) {
  ChildMessage message;
  message.kind = MessageKind::kHeld;
  if (SendMessage(channel, message) < 0) _exit(125);
  char byte;
  ssize_t count = read(gate, &byte, 1);
  while (count < 0 && errno == EINTR) count = read(gate, &byte, 1);
  if (count != 1) _exit(125);  // whoever could have started us is gone
  close(gate);
}

void RunStartHooks(int channel, const FinalWishes& wishes) {
  if (wishes.hooks == nullptr || wishes.hooks->empty()) return;
  const std::string state =
      StateJson(wishes.request->id, "created", getpid(), wishes.request->bundle, *wishes.request->spec);
  const absl::Status status = RunHooks(*wishes.hooks, state);
  if (status.ok()) return;
  Fail(channel, SetupStep::kHook, 0, absl::StrCat("startContainer ", status.message()).c_str());
}

ExecFailure TryCandidates(const ProcessPlan& plan) {
  bool denied = false;
  for (size_t i = 0; i < plan.candidates.size(); ++i) {
    const char* candidate = plan.candidates[i].c_str();
    execve(candidate, plan.argv.data(), plan.envp.data());
    ExecFailure failure = {.error = errno, .candidate = static_cast<int>(i)};
    failure.exists = failure.error == ENOENT && access(candidate, F_OK) == 0;
    if (failure.exists) return failure;
    if (failure.error == EACCES) denied = true;
    const bool absent = failure.error == ENOENT || failure.error == ENOTDIR;
    if (!absent && !(failure.error == EACCES && plan.searched)) return failure;
  }
  return {.error = denied ? EACCES : ENOENT};
}

[[noreturn]] void FailExec(int channel, const ExecFailure& failure, const ProcessPlan& plan) {
  const ChildMessage message = Describe(failure, plan);
  Fail(channel, SetupStep::kExec, message.error, message.detail, message.exit_code);
}

// The program goes on with the channel, by its number, and makes it close-on-exec again.
[[noreturn]] void HandOver(int channel, const ProcessPlan& plan, const Handover& handover) {
  if (fcntl(channel, F_SETFD, 0) != 0) Fail(channel, SetupStep::kExec, errno, "handover");
  SayChannel(handover, channel);
  (void)execveat(handover.program, "", handover.argv, plan.envp.data(), AT_EMPTY_PATH);
  // Arguments and limits are the user's, whichever program meets them first.
  if (errno != E2BIG && errno != EAGAIN && errno != ENOMEM)
    Fail(channel, SetupStep::kExec, errno, "handover");
  FailExec(channel, {.error = errno, .candidate = 0}, plan);
}

}  // namespace

void BindToCpus(int channel, const std::optional<cpu_set_t>& cpus) {
  if (cpus.has_value() && sched_setaffinity(0, sizeof(*cpus), &*cpus) != 0) {
    Fail(channel, SetupStep::kScheduler, errno, "CPU affinity");
  }
}

EarlyFiles StartProcess(int channel, const ProcessPlan& plan, int preserve_fds, bool new_keyring) {
  ResetSignals();
  if (const int result = os::SetCloseOnExecFrom(3 + preserve_fds); result < 0) {
    Fail(channel, SetupStep::kDescriptors, -result);
  }
  for (int fd = 3; fd < 3 + preserve_fds; ++fd) {
    if (fcntl(fd, F_SETFD, 0) != 0) Fail(channel, SetupStep::kDescriptors, errno);
  }
  WriteOomScore(channel, plan);
  EarlyFiles files;
  files.apparmor = OpenLabelFile(channel, plan.apparmor_profile, "/proc/self/attr/apparmor/exec", "AppArmor");
  files.selinux = -1;
  if (!plan.selinux_label.empty()) {
    if (access("/sys/fs/selinux/enforce", F_OK) != 0) {
      OpenLabelFile(channel, plan.selinux_label, "/sys/fs/selinux/enforce", "SELinux");
    }
    files.selinux = OpenLabelFile(channel, plan.selinux_label, "/proc/self/attr/exec", "SELinux");
  }
  if (new_keyring) JoinKeyring(channel);
  (void)setsid();  // fails only for a session leader, which is as good
  return files;
}

int OpenTerminal(int channel, const ProcessPlan& plan, int pts_dir) {
  const int master = os::OpenResolved(pts_dir, "ptmx", O_RDWR | O_NOCTTY, 0);
  if (master < 0) Fail(channel, SetupStep::kConsole, -master, "open /dev/pts/ptmx");
  // The image may have put something else there.
  struct statfs info;
  if (fstatfs(master, &info) != 0 || info.f_type != kDevptsMagic) {
    Fail(channel, SetupStep::kConsole, ENODEV, "/dev/pts/ptmx is no pseudo-terminal");
  }
  int unlock = 0;
  if (ioctl(master, TIOCSPTLCK, &unlock) != 0) Fail(channel, SetupStep::kConsole, errno, "unlock");
  // By the master itself: the name /dev/pts/N could be another terminal's by now (ioctl_tty(2), TIOCGPTPEER).
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) Fail(channel, SetupStep::kConsole, errno, "open the other end");
  if (plan.rows != 0 || plan.columns != 0) {
    winsize size = {.ws_row = plan.rows, .ws_col = plan.columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (ioctl(slave, TIOCSWINSZ, &size) != 0) Fail(channel, SetupStep::kConsole, errno, "set size");
  }
  if (plan.uid != 0 && fchown(slave, plan.uid, static_cast<gid_t>(-1)) != 0) {
    Fail(channel, SetupStep::kConsole, errno, "change owner");
  }
  ChildMessage message;
  message.kind = MessageKind::kConsole;
  if (SendMessage(channel, message, master) < 0) _exit(125);
  close(master);
  return slave;
}

void PlaceStdio(int channel, const ProcessPlan& plan, const Stdio& stdio, int preserve_fds, int slave) {
  int source[3] = {stdio.in, stdio.out, stdio.err};
  if (slave >= 0) {
    if (ioctl(slave, TIOCSCTTY, 0) != 0)
      Fail(channel, SetupStep::kConsole, errno, "make it the controlling terminal");
    source[0] = source[1] = source[2] = slave;
  }
  int null = -1;
  for (int i = 0; i < 3; ++i) {
    if (source[i] < 0) {
      if (null < 0) null = open("/dev/null", O_RDWR | O_CLOEXEC);
      if (null < 0) Fail(channel, SetupStep::kStdio, errno, "open /dev/null");
      source[i] = null;
    }
    // Out of the way of the dup2s below, which would overwrite it.
    if (source[i] < 3 && source[i] != i) source[i] = fcntl(source[i], F_DUPFD_CLOEXEC, 3 + preserve_fds);
    if (source[i] < 0) Fail(channel, SetupStep::kStdio, errno);
  }
  for (int i = 0; i < 3; ++i) {
    const int result = source[i] == i ? fcntl(i, F_SETFD, 0) : dup2(source[i], i);
    if (result < 0) Fail(channel, SetupStep::kStdio, errno);
    // So that a program that is not root may open /dev/stdout again. Only pipes: a file or terminal of the
    // caller's keeps its owner.
    struct stat info;
    if (plan.uid != 0 && slave < 0 && fstat(i, &info) == 0 && S_ISFIFO(info.st_mode)) {
      (void)fchown(i, plan.uid,
                   static_cast<gid_t>(-1));  // not ours to give: then it can't be reopened, no more
    }
  }
}

void BecomeProgram(int channel, const ProcessPlan& plan, EarlyFiles files, FinalWishes wishes) {
  PlacePassed(&channel, &files, &wishes);
  CloseTheRest(channel, files, wishes);
  BindToCpus(channel, plan.final_cpus);
  SetScheduling(channel, plan);
  SetLimits(channel, plan);
  // Without no_new_privs, installing a filter needs CAP_SYS_ADMIN: before capabilities go (seccomp(2)).
  if (plan.no_new_privileges) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail(channel, SetupStep::kNoNewPrivileges, errno);
  } else {
    Filter(channel, wishes.seccomp);
  }
  EnterWorkingDirectory(channel, plan);
  ChangeUser(channel, plan);
  // Another container that sees the host's processes could open the program that still runs here, once it has
  // as many capabilities as this process. After the change of user, which resets it; the handover's exec does
  // too.
  if (wishes.handover.program >= 0 && prctl(PR_SET_DUMPABLE, 0) != 0) {
    Fail(channel, SetupStep::kCapabilities, errno, "(dumpable)");
  }
  if (const int error = ApplyCapabilities(plan.capabilities); error != 0) {
    Fail(channel, SetupStep::kCapabilities, error);
  }
  // After the change of user, which resets it (prctl(2), PR_SET_PDEATHSIG).
  if (wishes.die_with_parent) {
    if (const int result = os::DieWithParent(SIGKILL, channel); result < 0) {
      Fail(channel, SetupStep::kDieWithParent, -result);
    }
  }
  umask(plan.umask);
  if (wishes.gate >= 0) WaitAtGate(channel, wishes.gate);
  RunStartHooks(channel, wishes);
  WriteLabel(channel, files.apparmor, "exec ", plan.apparmor_profile);
  WriteLabel(channel, files.selinux, "", plan.selinux_label);
  ChildMessage message;
  message.kind = MessageKind::kExec;
  if (SendMessage(channel, message) < 0 && wishes.gate < 0) _exit(125);
  if (plan.no_new_privileges) Filter(channel, wishes.seccomp);
  if (wishes.handover.program >= 0) HandOver(channel, plan, wishes.handover);
  FailExec(channel, TryCandidates(plan), plan);
}

}  // namespace coracle::runtime
