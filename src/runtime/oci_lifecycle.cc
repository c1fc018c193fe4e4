#include "runtime/oci_lifecycle.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/json.h"
#include "base/status.h"
#include "base/time_format.h"
#include "os/file.h"
#include "os/process.h"

namespace coracle::runtime {
namespace {

using os::UniqueFd;

constexpr int kKillWaitMs = 10000;
constexpr int kExecWaitMs = 10000;

std::string SeccompCache(const OciStore& store) { return absl::StrCat(store.root(), "/.seccomp"); }

absl::StatusOr<std::string> Absolute(const std::string& path) {
  char* resolved = realpath(path.empty() ? "." : path.c_str(), nullptr);
  if (resolved == nullptr) return ErrnoStatus(errno, absl::StrCat("bundle ", path));
  std::string result = resolved;
  free(resolved);
  return result;
}

absl::StatusOr<oci::Spec> ReadBundle(const std::string& bundle) {
  const std::string path = absl::StrCat(bundle, "/config.json");
  ASSIGN_OR_RETURN(const std::string text, os::ReadFileAt(AT_FDCWD, path, oci::kMaxSpecBytes));
  ASSIGN_OR_RETURN(oci::Spec spec, oci::ParseSpec(text), path);
  return spec;
}

// A terminal needs somewhere to go, and a socket something to carry.
absl::Status CheckConsole(bool terminal, const std::string& socket, bool foreground) {
  if (terminal && socket.empty() && !foreground) {
    return absl::InvalidArgumentError("process.terminal: a detached container needs --console-socket");
  }
  if (!terminal && !socket.empty()) {
    return absl::InvalidArgumentError("--console-socket: the process has no terminal");
  }
  return absl::OkStatus();
}

absl::Status SendConsole(const std::string& path, int master) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("console socket ", path, ": path is longer than 107 bytes"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid() || connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, absl::StrCat("connect to console socket ", path));
  }
  // The text is the descriptor's name; receivers show it at most.
  char name[] = "/dev/ptmx";
  iovec data = {name, sizeof(name) - 1};
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
  memcpy(CMSG_DATA(rights), &master, sizeof(int));
  if (sendmsg(socket.get(), &header, MSG_NOSIGNAL) < 0) {
    return ErrnoStatus(errno, absl::StrCat("send the terminal to ", path));
  }
  return absl::OkStatus();
}

// Whole or not at all: engines read it as soon as it appears.
absl::Status WritePidFile(const std::string& path, pid_t pid) {
  if (path.empty()) return absl::OkStatus();
  return os::ReplaceFileAt(AT_FDCWD, path, absl::StrCat(pid), os::Durability::kVolatile, 0644);
}

absl::Status HandOver(const Container& container, bool foreground, const std::string& socket,
                      const std::string& pid_file) {
  if (container.console.valid() && !foreground) RETURN_IF_ERROR(SendConsole(socket, container.console.get()));
  return WritePidFile(pid_file, container.pid);
}

void KillHeld(Container& container) {
  if (container.pidfd.valid() && os::SendSignal(container.pidfd.get(), SIGKILL).ok()) {
    (void)os::WaitFor(container.pidfd.get());
  }
}

absl::StatusOr<std::optional<SeccompFilter>> Filter(const OciStore& store, const oci::Linux& config) {
  if (!config.seccomp.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(SeccompFilter filter, CompileSeccomp(*config.seccomp, SeccompCache(store)));
  return filter;
}

CgroupRequest CgroupOf(const std::string& id, const oci::Spec& spec, bool systemd) {
  CgroupRequest request;
  request.path =
      spec.linux_config.cgroups_path.empty() ? absl::StrCat("/", id) : spec.linux_config.cgroups_path;
  request.systemd = systemd;
  if (spec.linux_config.resources.has_value()) request.resources = *spec.linux_config.resources;
  return request;
}

absl::Status NotRunning() { return absl::FailedPreconditionError("container not running"); }

absl::StatusOr<std::unique_ptr<Cgroup>> OpenCgroup(const OciState& state) {
  if (state.cgroup_paths.empty()) return absl::FailedPreconditionError("the container has no cgroup");
  return Cgroup::Open(state.cgroup_paths);
}

}  // namespace

absl::StatusOr<Container> OciCreate(const OciStore& store, const OciCreateOptions& options,
                                    bool hold_at_fifo) {
  ASSIGN_OR_RETURN(const std::string bundle, Absolute(options.bundle));
  ASSIGN_OR_RETURN(const oci::Spec spec, ReadBundle(bundle));
  if (!spec.process.has_value()) return absl::InvalidArgumentError("config.json: process is missing");
  RETURN_IF_ERROR(CheckConsole(spec.process->terminal, options.console_socket, options.foreground));
  ASSIGN_OR_RETURN(const std::optional<SeccompFilter> seccomp, Filter(store, spec.linux_config));
  ASSIGN_OR_RETURN(const UniqueFd lock, store.Claim(options.id));
  absl::Cleanup unclaim = [&] { (void)store.Remove(options.id); };

  OciState state;
  state.id = options.id;
  state.bundle = bundle;
  if (spec.root.has_value()) {
    state.root_path =
        absl::StartsWith(spec.root->path, "/") ? spec.root->path : absl::StrCat(bundle, "/", spec.root->path);
  }
  state.created = FormatRfc3339Nano(absl::Now());
  state.boot_id = KernelBootId();
  // Three times, each before what a create that is killed would leave: the cgroup, the process in it.
  RETURN_IF_ERROR(store.SaveSpec(state.id, spec));
  RETURN_IF_ERROR(store.Save(state));
  ASSIGN_OR_RETURN(const std::unique_ptr<Cgroup> cgroup,
                   Cgroup::Create(CgroupOf(options.id, spec, options.systemd_cgroup)));
  absl::Cleanup remove_cgroup = [&] { (void)cgroup->Remove(); };

  state.cgroup_paths = cgroup->paths();
  RETURN_IF_ERROR(store.Save(state));

  CreateRequest request;
  request.spec = &spec;
  request.id = options.id;
  request.bundle = bundle;
  request.stdio = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  request.preserve_fds = options.preserve_fds;
  request.cgroup = cgroup.get();
  request.seccomp = seccomp.has_value() ? &*seccomp : nullptr;
  request.new_session_keyring = options.new_keyring;
  request.hold_before_exec = true;
  if (hold_at_fifo) request.exec_fifo = store.FifoPath(options.id);
  ASSIGN_OR_RETURN(Container container, Create(request));
  absl::Cleanup kill_it = [&] { KillHeld(container); };

  state.pid = container.pid;
  state.start_time = container.start_time;
  RETURN_IF_ERROR(store.Save(state));
  RETURN_IF_ERROR(HandOver(container, options.foreground, options.console_socket, options.pid_file));
  std::move(kill_it).Cancel();
  std::move(remove_cgroup).Cancel();
  std::move(unclaim).Cancel();
  return container;
}

absl::Status OciMarkStarted(const OciStore& store, const std::string& id) {
  (void)unlink(store.FifoPath(id).c_str());
  ASSIGN_OR_RETURN(const OciState state, store.Load(id));
  ASSIGN_OR_RETURN(const oci::Spec spec, store.LoadSpec(id));
  return RunHooks(spec.hooks.poststart, StateJson(id, "running", state.pid, state.bundle, spec));
}

absl::Status OciStart(const OciStore& store, const std::string& id) {
  ASSIGN_OR_RETURN(const UniqueFd lock, store.Lock(id));
  ASSIGN_OR_RETURN(const OciState state, store.Load(id));
  const OciStatus status = store.StatusOf(state);
  if (status != OciStatus::kCreated) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot start a container that is ", OciStatusName(status)));
  }
  // ENXIO: nobody reads it, the process has gone since.
  ASSIGN_OR_RETURN(const UniqueFd fifo, os::OpenAt(AT_FDCWD, store.FifoPath(id), O_WRONLY | O_NONBLOCK));
  if (write(fifo.get(), "x", 1) != 1) return ErrnoStatus(errno, "start the container's process");
  // The process's end closes by itself when it executes the program or ends.
  pollfd wait = {fifo.get(), 0, 0};
  int ready;
  do {
    ready = poll(&wait, 1, kExecWaitMs);
  } while (ready < 0 && errno == EINTR);
  return OciMarkStarted(store, id);
}

absl::Status OciKill(const OciStore& store, const std::string& id, int signal, bool all) {
  ASSIGN_OR_RETURN(const OciState state, store.Load(id));
  if (all) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Cgroup> cgroup, OpenCgroup(state));
    return cgroup->KillAll(signal);
  }
  // A descriptor first, then the check: from there on the pid can't become another process unnoticed.
  absl::StatusOr<UniqueFd> pidfd = os::OpenPidfd(state.pid);
  if (state.pid <= 0 || !pidfd.ok() || store.StatusOf(state) == OciStatus::kStopped) return NotRunning();
  absl::Status sent = os::SendSignal(pidfd->get(), signal);
  return absl::IsNotFound(sent) ? NotRunning() : sent;
}

namespace {

absl::Status StopForDelete(const OciStore& store, const OciState& state, bool force) {
  absl::StatusOr<UniqueFd> pidfd = os::OpenPidfd(state.pid);
  const OciStatus status = store.StatusOf(state);
  // Of a create that was killed the cgroup holds all there is; its removal kills it.
  if (status == OciStatus::kStopped || status == OciStatus::kCreating || !pidfd.ok()) return absl::OkStatus();
  // A created container has run nothing of its own yet.
  if (!force && status != OciStatus::kCreated) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot delete container ", state.id, " that is not stopped: ", OciStatusName(status)));
  }
  RETURN_IF_ERROR(os::SendSignal(pidfd->get(), SIGKILL));
  pollfd wait = {pidfd->get(), POLLIN, 0};
  int ready;
  do {
    ready = poll(&wait, 1, kKillWaitMs);
  } while (ready < 0 && errno == EINTR);
  if (ready == 1) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("process ", state.pid, " of container ", state.id, " does not end"));
}

// Of a create that was killed before it recorded the paths: no process of ours is in there yet, and the path
// is the bundle's choice, so one that is in use is somebody else's.
absl::Status RemoveUnrecordedCgroup(const OciState& state, const oci::Spec& spec) {
  ASSIGN_OR_RETURN(const auto cgroup, Cgroup::Find(CgroupOf(state.id, spec, /*systemd=*/false)));
  if (cgroup->paths().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<int32_t> pids, cgroup->Pids());
  return pids.empty() ? cgroup->Remove() : absl::OkStatus();
}

}  // namespace

absl::Status OciDelete(const OciStore& store, const std::string& id, bool force) {
  absl::StatusOr<UniqueFd> lock = store.Lock(id);
  if (absl::IsNotFound(lock.status()) && force) return absl::OkStatus();
  RETURN_IF_ERROR(lock.status());
  absl::StatusOr<OciState> state = store.Load(id);
  // A create that was killed half-way left a directory, and its process with the pipes that hold it is gone.
  if (absl::IsNotFound(state.status())) return store.Remove(id);
  RETURN_IF_ERROR(state.status());
  // A frozen process dies only when it is let go (cgroup v1).
  std::unique_ptr<Cgroup> cgroup;
  if (!state->cgroup_paths.empty() && state->boot_id == KernelBootId()) {
    ASSIGN_OR_RETURN(cgroup, Cgroup::Open(state->cgroup_paths));
    if (force && cgroup->Frozen()) (void)cgroup->Thaw();
  }
  RETURN_IF_ERROR(StopForDelete(store, *state, force));
  if (cgroup != nullptr) RETURN_IF_ERROR(cgroup->Remove());
  absl::StatusOr<oci::Spec> spec = store.LoadSpec(id);
  if (state->pid <= 0 && state->cgroup_paths.empty() && spec.ok()) {
    RETURN_IF_ERROR(RemoveUnrecordedCgroup(*state, *spec));
  }
  RETURN_IF_ERROR(store.Remove(id));
  if (!spec.ok() || spec->hooks.poststop.empty()) return absl::OkStatus();
  return RunHooks(spec->hooks.poststop, StateJson(id, "stopped", 0, state->bundle, *spec));
}

absl::Status OciPause(const OciStore& store, const std::string& id) {
  ASSIGN_OR_RETURN(const UniqueFd lock, store.Lock(id));
  ASSIGN_OR_RETURN(const OciState state, store.Load(id));
  const OciStatus status = store.StatusOf(state);
  if (status != OciStatus::kRunning && status != OciStatus::kCreated) return NotRunning();
  ASSIGN_OR_RETURN(const std::unique_ptr<Cgroup> cgroup, OpenCgroup(state));
  return cgroup->Freeze();
}

absl::Status OciResume(const OciStore& store, const std::string& id) {
  ASSIGN_OR_RETURN(const UniqueFd lock, store.Lock(id));
  ASSIGN_OR_RETURN(const OciState state, store.Load(id));
  ASSIGN_OR_RETURN(const std::unique_ptr<Cgroup> cgroup, OpenCgroup(state));
  if (!cgroup->Frozen()) return absl::FailedPreconditionError("container not paused");
  return cgroup->Thaw();
}

absl::Status OciUpdate(const OciStore& store, const std::string& id, const oci::Resources& resources) {
  ASSIGN_OR_RETURN(const UniqueFd lock, store.Lock(id));
  ASSIGN_OR_RETURN(OciState state, store.Load(id));
  const OciStatus status = store.StatusOf(state);
  if (status == OciStatus::kStopped || status == OciStatus::kCreating) return NotRunning();
  ASSIGN_OR_RETURN(const std::unique_ptr<Cgroup> cgroup, OpenCgroup(state));
  RETURN_IF_ERROR(cgroup->Update(resources));
  if (cgroup->paths() == state.cgroup_paths) return absl::OkStatus();
  state.cgroup_paths = cgroup->paths();
  return store.Save(state);
}

absl::StatusOr<std::vector<int32_t>> OciPids(const OciStore& store, const std::string& id) {
  ASSIGN_OR_RETURN(const OciState state, store.Load(id));
  ASSIGN_OR_RETURN(const std::unique_ptr<Cgroup> cgroup, OpenCgroup(state));
  return cgroup->Pids();
}

absl::StatusOr<std::string> OciStateDocument(const OciStore& store, const std::string& id, int indent) {
  ASSIGN_OR_RETURN(const OciState state, store.Load(id));
  ASSIGN_OR_RETURN(const oci::Spec spec, store.LoadSpec(id));
  const OciStatus status = store.StatusOf(state);
  const std::string text =
      StateJson(id, OciStatusName(status), status == OciStatus::kStopped ? 0 : state.pid, state.bundle, spec);
  ASSIGN_OR_RETURN(Json document, ParseJson(text));
  // runc shows 0 for a stopped container, and engines read the member without asking.
  if (status == OciStatus::kStopped) document["pid"] = 0;
  document["rootfs"] = state.root_path;
  document["created"] = state.created;
  document["owner"] = "";
  return DumpJson(document, indent);
}

absl::StatusOr<Container> OciExec(const OciStore& store, const OciExecOptions& options) {
  ASSIGN_OR_RETURN(const OciState state, store.Load(options.id));
  const OciStatus status = store.StatusOf(state);
  if (status == OciStatus::kStopped || status == OciStatus::kCreating) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot exec in a container that is ", OciStatusName(status)));
  }
  if (status == OciStatus::kPaused && !options.ignore_paused) {
    return absl::FailedPreconditionError("cannot exec in a paused container");
  }
  RETURN_IF_ERROR(CheckConsole(options.process.terminal, options.console_socket, options.foreground));
  ASSIGN_OR_RETURN(const oci::Spec spec, store.LoadSpec(options.id));
  ASSIGN_OR_RETURN(const std::optional<SeccompFilter> seccomp, Filter(store, spec.linux_config));
  ExecRequest request;
  request.pid = state.pid;
  request.process = &options.process;
  request.linux_config = &spec.linux_config;
  request.stdio = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  request.preserve_fds = options.preserve_fds;
  request.seccomp = seccomp.has_value() ? &*seccomp : nullptr;
  request.cgroup_paths = state.cgroup_paths;
  ASSIGN_OR_RETURN(Container process, Exec(request));
  const absl::Status handed = HandOver(process, options.foreground, options.console_socket, options.pid_file);
  if (!handed.ok()) {
    KillHeld(process);
    return handed;
  }
  return process;
}

}  // namespace coracle::runtime
