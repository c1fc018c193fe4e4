// A further process in a running container.
//
// The order follows from what the kernel asks: the pid namespace is for children only, so the parent sets it
// for its next child and takes it back; the rest is joined by the child in one call on the pidfd, where the
// kernel sorts out that the user namespace gives the privilege for the others (setns(2), Linux 5.8).
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/status.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/process.h"
#include "os/read_only_self.h"
#include "os/unique_fd.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"
#include "runtime/launch_plan.h"
#include "runtime/launch_prepare.h"
#include "runtime/launch_wait.h"
#include "runtime/process_setup.h"

namespace coracle::runtime {
namespace {

using os::UniqueFd;

struct ExecContext {
  const ExecRequest* request = nullptr;
  const ProcessPlan* plan = nullptr;
  int channel = -1;
  int target = -1;          // pidfd of the container's first process
  uint64_t namespaces = 0;  // to join by it
  int root = -1;            // of a container without a mount namespace
  const CgroupEntry* cgroup = nullptr;
  bool join_v2_by_file = false;
  bool staged = false;  // a process in between enters the pid namespace and makes the real one
};

void EnterCgroups(const ExecContext& context) {
  if (context.cgroup == nullptr) return;
  for (const int tasks : context.cgroup->v1_tasks) {
    if (write(tasks, "0", 1) != 1) Fail(context.channel, SetupStep::kEnterCgroup, errno);
  }
  if (!context.join_v2_by_file) return;
  const int procs = openat(context.cgroup->v2_dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (procs < 0 || write(procs, "0", 1) != 1) Fail(context.channel, SetupStep::kEnterCgroup, errno);
  close(procs);
}

void JoinAll(const ExecContext& context) {
  if (context.namespaces == 0) return;
  if (setns(context.target, static_cast<int>(context.namespaces)) == 0) return;
  Fail(context.channel, SetupStep::kJoinNamespace, errno, "of the container");
}

[[noreturn]] void RunProcess(const ExecContext& context) {
  const ProcessPlan& plan = *context.plan;
  // So that the stage is heard of before anything else of this process.
  if (context.staged) Ask(context.channel, MessageKind::kNamespaces);
  const EarlyFiles files =
      StartProcess(context.channel, plan, context.request->preserve_fds, !context.request->no_new_keyring);
  // From here on the container's processes can see this one: no ptrace, no /proc/PID/fd, no /proc/PID/mem for
  // them.
  if (prctl(PR_SET_DUMPABLE, 0) != 0) Fail(context.channel, SetupStep::kJoinNamespace, errno, "(dumpable)");
  JoinAll(context);
  if ((context.namespaces & CLONE_NEWUSER) != 0) {
    if (syscall(SYS_setresgid, 0, 0, 0) != 0 || syscall(SYS_setresuid, 0, 0, 0) != 0) {
      Fail(context.channel, SetupStep::kBecomeRoot, errno);
    }
  }
  if (context.root >= 0 && (fchdir(context.root) != 0 || chroot(".") != 0)) {
    Fail(context.channel, SetupStep::kPivot, errno);
  }
  int slave = -1;
  if (plan.terminal) {
    const int pts = os::OpenResolved(AT_FDCWD, "/dev/pts", O_PATH | O_DIRECTORY, 0);
    if (pts < 0) Fail(context.channel, SetupStep::kConsole, -pts, "open /dev/pts");
    slave = OpenTerminal(context.channel, plan, pts);
  }
  PlaceStdio(context.channel, plan, context.request->stdio, context.request->preserve_fds, slave);
  FinalWishes wishes;
  wishes.seccomp = context.request->seccomp;
  wishes.preserve_fds = context.request->preserve_fds;
  wishes.die_with_parent = context.request->die_with_parent;
  BecomeProgram(context.channel, plan, files, wishes);
}

[[noreturn]] void RunExecChild(const ExecContext& context) {
  BindToCpus(context.channel, context.plan->first_cpus);
  EnterCgroups(context);
  if (!context.staged) RunProcess(context);
  if (setns(context.target, CLONE_NEWPID) != 0)
    Fail(context.channel, SetupStep::kJoinNamespace, errno, "pid");
  os::CloneResult clone;
  const int result = os::CloneProcess({.flags = CLONE_PARENT}, &clone);
  if (result < 0) Fail(context.channel, SetupStep::kNewNamespaces, -result);
  if (clone.pid == 0) RunProcess(context);
  ChildMessage message;
  message.kind = MessageKind::kStaged;
  message.pid = clone.pid;
  if (SendMessage(context.channel, message) < 0) _exit(125);
  _exit(0);
}

uint64_t NamespacesToJoin(const oci::Linux& config) {
  uint64_t flags = 0;
  for (const oci::Namespace& entry : config.namespaces) flags |= NamespaceFlag(entry.type);
  return flags;
}

// EINVAL answers an attempt to join one's own user namespace: it is left out.
absl::StatusOr<bool> SameUserNamespace(pid_t pid) {
  ASSIGN_OR_RETURN(const std::string theirs,
                   os::ReadLinkAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/ns/user")));
  ASSIGN_OR_RETURN(const std::string ours, os::ReadLinkAt(AT_FDCWD, "/proc/self/ns/user"));
  return theirs == ours;
}

// Only what entering needs: Cgroup::Open would read the host's mounts first.
struct OpenedCgroup {
  std::vector<UniqueFd> owned;
  CgroupEntry entry;
};
absl::StatusOr<OpenedCgroup> OpenCgroup(const std::vector<std::string>& paths) {
  OpenedCgroup opened;
  RETURN_IF_ERROR(PrepareToEnter(paths));
  for (const std::string& path : paths) {
    // cgroup v2 has no `tasks`.
    UniqueFd fd(open((path + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
    if (fd.valid()) {
      opened.entry.v1_tasks.push_back(fd.get());
    } else {
      if (errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("enter cgroup ", path));
      ASSIGN_OR_RETURN(fd, os::OpenAt(AT_FDCWD, path, O_PATH | O_DIRECTORY), "enter cgroup");
      opened.entry.v2_dir = fd.get();
    }
    opened.owned.push_back(std::move(fd));
  }
  return opened;
}

absl::Status Clone(ExecContext& context, os::CloneResult* clone) {
  os::CloneOptions options;
  options.cgroup_dir = context.cgroup == nullptr ? -1 : context.cgroup->v2_dir;
  int result = os::CloneProcess(options, clone);
  if (result < 0 && options.cgroup_dir >= 0) {
    context.join_v2_by_file = true;
    options.cgroup_dir = -1;
    result = os::CloneProcess(options, clone);
  }
  // ENOMEM is what the kernel says when the first process of a pid namespace has ended (pid_namespaces(7)).
  if (result == -ENOMEM) return absl::NotFoundError("exec: the container has ended");
  if (result < 0) return ErrnoStatus(-result, "exec: fork");
  return absl::OkStatus();
}

absl::StatusOr<Container> Run(const ExecRequest& request) {
  if (!os::IsReadOnlySelf()) {
    return absl::FailedPreconditionError("exec: the container could write to the program that enters it");
  }
  ASSIGN_OR_RETURN(const ProcessPlan plan, PlanProcess(*request.process, *request.linux_config));
  RETURN_IF_ERROR(CheckPreservedFds(request.preserve_fds));
  ASSIGN_OR_RETURN(const UniqueFd target, os::OpenPidfd(request.pid), "exec");
  ExecContext context;
  context.request = &request;
  context.plan = &plan;
  context.target = target.get();
  context.namespaces = NamespacesToJoin(*request.linux_config);
  if ((context.namespaces & CLONE_NEWUSER) != 0) {
    ASSIGN_OR_RETURN(const bool same, SameUserNamespace(request.pid), "exec");
    if (same) context.namespaces &= ~static_cast<uint64_t>(CLONE_NEWUSER);
  }
  UniqueFd root;
  if ((context.namespaces & CLONE_NEWNS) == 0) {
    ASSIGN_OR_RETURN(
        root, os::OpenAt(AT_FDCWD, absl::StrCat("/proc/", request.pid, "/root"), O_PATH | O_DIRECTORY));
    context.root = root.get();
  }
  ASSIGN_OR_RETURN(const OpenedCgroup cgroup, OpenCgroup(request.cgroup_paths), "exec");
  context.cgroup = &cgroup.entry;
  UniqueFd channel, child_channel;
  RETURN_IF_ERROR(MakeChannel(&channel, &child_channel));
  context.channel = child_channel.get();
  os::CloneResult clone;
  {
    PidNamespaceForChildren children;
    if ((context.namespaces & CLONE_NEWPID) != 0) {
      ASSIGN_OR_RETURN(const bool entered, children.Enter(target.get()), "exec");
      context.staged = !entered;
      context.namespaces &= ~static_cast<uint64_t>(CLONE_NEWPID);
    }
    RETURN_IF_ERROR(Clone(context, &clone));
    if (clone.pid == 0) {
      close(channel.get());
      RunExecChild(context);
    }
  }
  os::ChildProcess child(clone.pid, UniqueFd(clone.pidfd));
  child_channel.Reset();
  Container process;
  ChildEvents events;
  events.console = &process.console;
  RETURN_IF_ERROR(FollowChild(channel.get(), child, events, context.staged, /*until_held=*/false));
  ASSIGN_OR_RETURN(process.start_time, os::StartTimeOf(child.pid()));
  process.pid = child.pid();
  process.pidfd = child.Release();
  return process;
}

}  // namespace

absl::StatusOr<Container> Exec(const ExecRequest& request) {
  auto process = Run(request);
  if (!process.ok() && !ExitCodeOf(process.status()).has_value()) return WithExitCode(process.status(), 125);
  return process;
}

}  // namespace coracle::runtime
