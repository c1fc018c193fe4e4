#include "runtime/launch_child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "os/mount.h"
#include "os/process.h"
#include "runtime/process_setup.h"

namespace coracle::runtime {
namespace {

// Writing "0" to a v1 `tasks` moves the writing thread, and costs nothing; writing a pid to cgroup.procs
// waits for a grace period. cgroup v2 was entered by the clone.
void EnterCgroups(const ChildContext& context) {
  if (context.cgroup == nullptr) return;
  for (const int tasks : context.cgroup->v1_tasks) {
    if (write(tasks, "0", 1) != 1) Fail(context.channel, SetupStep::kEnterCgroup, errno);
  }
  if (!context.join_v2_by_file || context.cgroup->v2_dir < 0) return;
  const int procs = openat(context.cgroup->v2_dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (procs < 0 || write(procs, "0", 1) != 1) Fail(context.channel, SetupStep::kEnterCgroup, errno);
  close(procs);
}

int Join(const ChildContext& context, size_t index) {
  const JoinedNamespace& joined = context.plan->joined[index];
  // A pid namespace is for the next process: the stage's clone, or the parent did it before ours.
  if (joined.flag == CLONE_NEWPID && !context.staged) return 0;
  return setns(context.join[index], static_cast<int>(joined.flag)) == 0 ? 0 : errno;
}

// Namespaces of the host's need the privilege that we have now; those of the joined user namespace need the
// one that joining it gives. So: what can be joined, then the user namespace, then the rest.
void JoinNamespaces(const ChildContext& context) {
  const std::vector<JoinedNamespace>& joined = context.plan->joined;
  bool done[8] = {};
  for (size_t i = 0; i < joined.size() && i < 8; ++i) {
    if (joined[i].flag == CLONE_NEWUSER) continue;
    const int error = Join(context, i);
    done[i] = error == 0;
    if (error != 0 && !(error == EPERM && context.plan->joins_user)) {
      Fail(context.channel, SetupStep::kJoinNamespace, error, joined[i].name);
    }
  }
  if (!context.plan->joins_user) return;
  if (const int error = Join(context, 0); error != 0) {
    Fail(context.channel, SetupStep::kJoinNamespace, error, joined[0].name);
  }
  for (size_t i = 1; i < joined.size() && i < 8; ++i) {
    if (done[i]) continue;
    if (const int error = Join(context, i); error != 0) {
      Fail(context.channel, SetupStep::kJoinNamespace, error, joined[i].name);
    }
  }
}

// Offsets can be set until the first process is in (time_namespaces(7)).
void MakeTimeNamespace(const ChildContext& context) {
  if (!context.plan->IsNew(CLONE_NEWTIME)) return;
  if (unshare(CLONE_NEWTIME) != 0) Fail(context.channel, SetupStep::kNewNamespaces, errno, "time");
  const std::string& offsets = context.plan->time_offsets;
  if (offsets.empty()) return;
  const int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, offsets.data(), offsets.size()) < 0) {
    Fail(context.channel, SetupStep::kNewNamespaces, errno, "time offsets");
  }
  close(fd);
}

// The mounts and files that follow are made as root of the user namespace, whatever we were outside.
void BecomeRoot(const ChildContext& context) {
  if (syscall(SYS_setgroups, 0UL, nullptr) != 0 && errno != EPERM) {
    Fail(context.channel, SetupStep::kBecomeRoot, errno);
  }
  if (syscall(SYS_setresgid, 0, 0, 0) != 0 || syscall(SYS_setresuid, 0, 0, 0) != 0) {
    Fail(context.channel, SetupStep::kBecomeRoot, errno, "(is id 0 mapped?)");
  }
}

void BringLoopbackUp(int channel) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) Fail(channel, SetupStep::kLoopback, errno);
  ifreq request = {};
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) Fail(channel, SetupStep::kLoopback, errno);
  close(fd);
}

void SetNames(const ChildContext& context) {
  const LaunchPlan& plan = *context.plan;
  if (!plan.hostname.empty() && sethostname(plan.hostname.data(), plan.hostname.size()) != 0) {
    Fail(context.channel, SetupStep::kHostname, errno, plan.hostname.c_str());
  }
  if (!plan.domainname.empty() && setdomainname(plan.domainname.data(), plan.domainname.size()) != 0) {
    Fail(context.channel, SetupStep::kDomainname, errno, plan.domainname.c_str());
  }
}

void WriteSysctls(const ChildContext& context, const RootView& view) {
  if (context.plan->sysctls.empty()) return;
  // The container's own proc, reached by its mount and not by a name; the host's if it has none.
  const bool own = view.proc >= 0;
  const int sys =
      os::OpenResolved(own ? view.proc : AT_FDCWD, own ? "sys" : "/proc/sys", O_PATH | O_DIRECTORY, 0);
  if (sys < 0) Fail(context.channel, SetupStep::kSysctl, -sys, "/proc/sys");
  for (const PlannedSysctl& sysctl : context.plan->sysctls) {
    const int fd = openat(sys, sysctl.path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || write(fd, sysctl.value.data(), sysctl.value.size()) < 0) {
      Fail(context.channel, SetupStep::kSysctl, errno, sysctl.path.c_str());
    }
    close(fd);
  }
  close(sys);
}

int MakeTerminal(const ChildContext& context, const RootView& view) {
  const ProcessPlan& process = context.plan->process;
  if (!process.terminal) return -1;
  int pts = view.pts;
  if (pts < 0)
    pts = os::OpenResolved(view.root >= 0 ? view.root : AT_FDCWD, view.root >= 0 ? "dev/pts" : "/dev/pts",
                           O_PATH | O_DIRECTORY, 0);
  if (pts < 0) Fail(context.channel, SetupStep::kConsole, -pts, "open /dev/pts");
  const int slave = OpenTerminal(context.channel, process, pts);
  if (view.dev < 0) return slave;
  // runtime-spec config.md: /dev/console is the terminal.
  const int file = openat(view.dev, "console", O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) Fail(context.channel, SetupStep::kConsole, errno, "/dev/console");
  const int tree = os::CloneMount(slave, "", /*recursive=*/false);
  const int result = tree < 0 ? tree : os::AttachMount(tree, file, "");
  if (result < 0) Fail(context.channel, SetupStep::kConsole, -result, "/dev/console");
  close(tree);
  close(file);
  return slave;
}

void RunContainerHooks(const ChildContext& context) {
  const oci::Spec& spec = *context.request->spec;
  if (spec.hooks.create_container.empty()) return;
  const std::string state =
      StateJson(context.request->id, "creating", getpid(), context.request->bundle, spec);
  const absl::Status status = RunHooks(spec.hooks.create_container, state);
  if (!status.ok()) {
    Fail(context.channel, SetupStep::kHook, 0, absl::StrCat("createContainer ", status.message()).c_str());
  }
}

void ChangeRoot(const ChildContext& context, const RootView& view) {
  const LaunchPlan& plan = *context.plan;
  const bool shared = (plan.root_propagation & MS_SHARED) != 0;
  if (const int result = os::PivotInto(view.root, shared); result < 0) {
    Fail(context.channel, SetupStep::kPivot, -result);
  }
  if (plan.root_propagation != 0) {
    if (const int result = os::SetPropagation("/", plan.root_propagation); result < 0) {
      Fail(context.channel, SetupStep::kPropagation, -result);
    }
  }
  if (!plan.root_read_only) return;
  const int result = os::SetMountAttributes(view.root, {.set = MOUNT_ATTR_RDONLY}, /*recursive=*/false);
  if (result < 0) Fail(context.channel, SetupStep::kRootReadOnly, -result);
}

// Without a mount namespace of its own the container gets its root by chroot, which holds no one who is
// privileged.
void ChangeRootWithoutMounts(const ChildContext& context) {
  const std::string& root = context.plan->root_path;
  if (root.empty() || root == "/") return;
  if (chroot(root.c_str()) != 0 || chdir("/") != 0)
    Fail(context.channel, SetupStep::kPivot, errno, root.c_str());
}

// Everything that needs the new namespaces, in order.
[[noreturn]] void RunFirstProcess(const ChildContext& context) {
  const LaunchPlan& plan = *context.plan;
  const CreateRequest& request = *context.request;
  if (plan.IsNew(CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) != 0) {
    // After entering the cgroup, which becomes the root of what the namespace shows.
    Fail(context.channel, SetupStep::kNewNamespaces, errno, "cgroup");
  }
  if (context.ask_namespaces) Ask(context.channel, MessageKind::kNamespaces);
  if (plan.IsNew(CLONE_NEWUSER) || plan.joins_user) BecomeRoot(context);
  const EarlyFiles files =
      StartProcess(context.channel, plan.process, request.preserve_fds, request.new_session_keyring);
  // In a pid namespace of others, they can see this process until its exec: no ptrace, no /proc/PID/fd for
  // them.
  if (!plan.IsNew(CLONE_NEWPID)) (void)prctl(PR_SET_DUMPABLE, 0);
  if (plan.IsNew(CLONE_NEWNET)) BringLoopbackUp(context.channel);
  SetNames(context);
  RootView view;
  if (plan.new_mounts) {
    AttachRoot(context, view);
    MakeMounts(context, view);
    MakeDevices(context, view);
  }
  const int slave = MakeTerminal(context, view);
  WriteSysctls(context, view);
  if (plan.new_mounts) CoverPaths(context, view);
  if (context.ask_before_pivot) Ask(context.channel, MessageKind::kBeforePivot);
  RunContainerHooks(context);
  if (plan.new_mounts) {
    ChangeRoot(context, view);
  } else {
    ChangeRootWithoutMounts(context);
  }
  PlaceStdio(context.channel, plan.process, request.stdio, request.preserve_fds, slave);
  FinalWishes wishes;
  wishes.seccomp = request.seccomp;
  wishes.die_with_parent = request.die_with_parent;
  wishes.preserve_fds = request.preserve_fds;
  wishes.passed = request.passed;
  wishes.gate = context.gate;
  wishes.handover = context.handover;
  wishes.hooks = &request.spec->hooks.start_container;
  wishes.request = &request;
  BecomeProgram(context.channel, plan.process, files, wishes);
}

}  // namespace

void RunChild(const ChildContext& context) {
  // Not before: files of a process that can't be dumped belong to root, and ours may not be.
  EnterCgroups(context);
  JoinNamespaces(context);
  if (!context.staged) RunFirstProcess(context);
  MakeTimeNamespace(context);
  os::CloneResult clone;
  const int result = os::CloneProcess({.flags = context.clone_flags | CLONE_PARENT}, &clone);
  if (result < 0) Fail(context.channel, SetupStep::kNewNamespaces, -result);
  if (clone.pid == 0) RunFirstProcess(context);
  ChildMessage message;
  message.kind = MessageKind::kStaged;
  message.pid = clone.pid;
  if (SendMessage(context.channel, message) < 0) _exit(125);
  _exit(0);
}

}  // namespace coracle::runtime
