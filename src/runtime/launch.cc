// The parent side of Create and Start.
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/json.h"
#include "base/status.h"
#include "os/file.h"
#include "os/process.h"
#include "os/user_namespace.h"
#include "runtime/container.h"
#include "runtime/launch_child.h"
#include "runtime/launch_plan.h"
#include "runtime/launch_prepare.h"
#include "runtime/launch_wait.h"

namespace coracle::runtime {
namespace {

using os::ChildProcess;
using os::UniqueFd;

// Limits above what a process in the container's user namespace could give itself.
absl::Status RaiseLimits(pid_t pid, const ProcessPlan& plan) {
  for (const PlannedRlimit& limit : plan.rlimits) {
    rlimit64 now = {};
    const auto resource = static_cast<__rlimit_resource>(limit.resource);
    if (prlimit64(pid, resource, nullptr, &now) != 0 || now.rlim_max >= limit.value.rlim_max) continue;
    rlimit64 raised = now;
    raised.rlim_max = limit.value.rlim_max;
    if (prlimit64(pid, resource, &raised, nullptr) != 0 && errno != EPERM) {
      return ErrnoStatus(errno, absl::StrCat("set limit ", limit.name));
    }
    // EPERM: the child tries it itself and says what is missing.
  }
  return absl::OkStatus();
}

absl::Status OnNamespaces(const CreateRequest& request, const LaunchPlan& plan, pid_t pid) {
  if (plan.IsNew(CLONE_NEWUSER)) {
    RETURN_IF_ERROR(os::WriteIdMaps(pid, plan.uid_map, plan.gid_map), "map ids of the user namespace");
  }
  if (plan.IsNew(CLONE_NEWUSER) || plan.joins_user) RETURN_IF_ERROR(RaiseLimits(pid, plan.process));
  if (request.on_namespaces != nullptr) return request.on_namespaces(pid);
  return absl::OkStatus();
}

absl::Status OnBeforePivot(const CreateRequest& request, pid_t pid) {
  const oci::Spec& spec = *request.spec;
  const std::string state = StateJson(request.id, "creating", pid, request.bundle, spec);
  RETURN_IF_ERROR(RunHooks(spec.hooks.prestart, state), "prestart");
  return RunHooks(spec.hooks.create_runtime, state);
}

// runtime-spec config-linux.md, "The Container Process State": the listener goes with a state document to a
// socket.
absl::Status OnListener(const CreateRequest& request, pid_t pid, int listener) {
  const auto& seccomp = request.spec->linux_config.seccomp;
  if (!seccomp.has_value() || seccomp->listener_path.empty()) {
    return absl::InvalidArgumentError("seccomp: SCMP_ACT_NOTIFY needs a listenerPath");
  }
  Json state = Json::object();
  state["ociVersion"] = request.spec->oci_version;
  state["fds"] = Json::array({"seccompFd"});
  state["pid"] = pid;
  if (!seccomp->listener_metadata.empty()) state["metadata"] = seccomp->listener_metadata;
  ASSIGN_OR_RETURN(state["state"],
                   ParseJson(StateJson(request.id, "creating", pid, request.bundle, *request.spec)));
  const std::string text = DumpJson(state);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (seccomp->listener_path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError("seccomp: listenerPath is too long");
  }
  memcpy(address.sun_path, seccomp->listener_path.data(), seccomp->listener_path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid() || connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, absl::StrCat("seccomp: connect to ", seccomp->listener_path));
  }
  iovec data = {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header = {};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(rights), &listener, sizeof(int));
  if (sendmsg(socket.get(), &header, MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
    return ErrnoStatus(errno, absl::StrCat("seccomp: send to ", seccomp->listener_path));
  }
  return absl::OkStatus();
}

struct Gate {
  UniqueFd child, parent;
};

absl::StatusOr<Gate> MakeGate(const CreateRequest& request) {
  Gate gate;
  if (!request.hold_before_exec) return gate;
  if (!request.exec_fifo.empty()) {
    // For reading and writing: a read waits for a byte however many writers come and go, and a writer that
    // opens it finds a reader for as long as the process waits.
    ASSIGN_OR_RETURN(gate.child, os::OpenAt(AT_FDCWD, request.exec_fifo, O_RDWR));
    return gate;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  gate.child.Reset(ends[0]);
  gate.parent.Reset(ends[1]);
  return gate;
}

absl::Status ExplainClone(int error, const LaunchPlan& plan) {
  absl::Status status = ErrnoStatus(error, "make namespaces");
  if (error == EPERM && !plan.IsNew(CLONE_NEWUSER)) {
    return WithHint(status, "this needs root, or a user namespace");
  }
  if (error == ENOSPC) return WithHint(status, "a limit in /proc/sys/user/max_*_namespaces is reached");
  return status;
}

// The clone, into the v2 cgroup if the kernel lets us; else the child enters it itself.
absl::Status Clone(ChildContext& context, os::CloneResult* clone) {
  os::CloneOptions options;
  options.flags = context.staged ? 0 : context.clone_flags;
  options.cgroup_dir = context.cgroup == nullptr ? -1 : context.cgroup->v2_dir;
  int result = os::CloneProcess(options, clone);
  if (result < 0 && options.cgroup_dir >= 0 &&
      (result == -EACCES || result == -EPERM || result == -EOPNOTSUPP || result == -E2BIG ||
       result == -EINVAL)) {
    context.join_v2_by_file = true;
    options.cgroup_dir = -1;
    result = os::CloneProcess(options, clone);
  }
  return result < 0 ? ExplainClone(-result, *context.plan) : absl::OkStatus();
}

// A pid namespace to join is entered by us, for our next child, if we can come back from it; else by a stage.
absl::Status JoinPidNamespace(const LaunchPlan& plan, const Prepared& prepared, ChildContext& context,
                              PidNamespaceForChildren& children) {
  for (size_t i = 0; i < plan.joined.size() && !context.staged; ++i) {
    if (plan.joined[i].flag != CLONE_NEWPID) continue;
    ASSIGN_OR_RETURN(const bool entered, children.Enter(prepared.join[i].get()));
    context.staged = !entered;
  }
  return absl::OkStatus();
}

absl::StatusOr<Container> Launch(const CreateRequest& request) {
  ASSIGN_OR_RETURN(const LaunchPlan plan, PlanLaunch(*request.spec, request.bundle));
  ASSIGN_OR_RETURN(Prepared prepared, PrepareLaunch(request, plan));
  ASSIGN_OR_RETURN(Gate gate, MakeGate(request));
  UniqueFd channel, child_channel;
  RETURN_IF_ERROR(MakeChannel(&channel, &child_channel));

  ASSIGN_OR_RETURN(const PreparedHandover handover, PrepareHandover(request, plan, child_channel.get()));
  ChildContext context;
  context.request = &request;
  context.plan = &plan;
  context.channel = child_channel.get();
  prepared.Describe(context);
  context.cgroup = request.cgroup == nullptr ? nullptr : &request.cgroup->entry();
  context.clone_flags = plan.new_namespaces & ~static_cast<uint64_t>(CLONE_NEWCGROUP | CLONE_NEWTIME);
  context.staged = plan.NeedsStage();
  context.ask_before_pivot =
      !request.spec->hooks.prestart.empty() || !request.spec->hooks.create_runtime.empty();
  context.gate = gate.child.get();
  context.handover = handover.get();

  os::CloneResult clone;
  {
    PidNamespaceForChildren children;
    RETURN_IF_ERROR(JoinPidNamespace(plan, prepared, context, children));
    context.ask_namespaces = request.on_namespaces != nullptr || context.staged || plan.IsNew(CLONE_NEWUSER);
    RETURN_IF_ERROR(Clone(context, &clone));
    if (clone.pid == 0) {
      // The parent's ends: with ours alone open, its death is seen.
      close(channel.get());
      if (gate.parent.valid()) close(gate.parent.get());
      RunChild(context);
    }
  }
  ChildProcess child(clone.pid, UniqueFd(clone.pidfd));
  child_channel.Reset();
  gate.child.Reset();
  prepared = Prepared();

  Container container;
  ChildEvents events;
  events.on_namespaces = [&](pid_t pid) { return OnNamespaces(request, plan, pid); };
  events.on_before_pivot = [&](pid_t pid) { return OnBeforePivot(request, pid); };
  events.on_listener = [&](pid_t pid, int listener) { return OnListener(request, pid, listener); };
  events.console = &container.console;
  events.process = &plan.process;
  RETURN_IF_ERROR(FollowChild(channel.get(), child, events, context.staged, request.hold_before_exec));
  ASSIGN_OR_RETURN(container.start_time, os::StartTimeOf(child.pid()));
  container.pid = child.pid();
  container.pidfd = child.Release();
  container.start_gate = std::move(gate.parent);
  if (request.hold_before_exec) container.exec_status = std::move(channel);
  return container;
}

}  // namespace

absl::StatusOr<Container> Create(const CreateRequest& request) {
  auto container = Launch(request);
  if (!container.ok() && !ExitCodeOf(container.status()).has_value())
    return WithExitCode(container.status(), 125);
  return container;
}

absl::Status Start(Container& container) {
  if (!container.start_gate.valid()) return absl::FailedPreconditionError("start: the container is not held");
  if (write(container.start_gate.get(), "x", 1) != 1) return ErrnoStatus(errno, "start");
  container.start_gate.Reset();
  for (bool exec = false;;) {
    ChildMessage message;
    UniqueFd fd;
    const int result = ReceiveMessage(container.exec_status.get(), &message, &fd);
    if (result < 0) return ErrnoStatus(-result, "start");
    if (result == 0 && exec) return absl::OkStatus();
    if (result == 0) return WithExitCode(absl::UnknownError("start: the container's process has ended"), 125);
    if (message.kind == MessageKind::kFailure) return FailureStatus(message);
    exec |= message.kind == MessageKind::kExec;
  }
}

}  // namespace coracle::runtime
