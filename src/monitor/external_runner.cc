// Drives another OCI runtime through the command line that runc has and all others copy.
//
// runtime create --bundle B --pid-file P [--console-socket S] ID; runtime start ID; runtime delete --force
// ID. The container's first process is orphaned by `create` and comes to us as a child, since we are a
// subreaper. An overlay root is mounted in our own private mount namespace, so that nothing is left on the
// host.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "monitor/runner.h"
#include "monitor/unix_socket.h"
#include "os/file.h"
#include "os/process.h"

namespace coracle::monitor {
namespace {

constexpr size_t kMaxMessage = 64 << 10;
constexpr int kConsoleWaitMillis = 10000;

class ExternalRunner : public Runner {
 public:
  explicit ExternalRunner(const LaunchPlan& plan) : plan_(plan) {}
  absl::StatusOr<runtime::Container> Create(const runtime::Stdio& stdio) override;
  absl::Status Start(runtime::Container& container) override;
  std::vector<std::string> CgroupPaths() const override {
    const auto cgroup = runtime::Cgroup::Find(plan_.cgroup);
    return cgroup.ok() ? (*cgroup)->paths() : std::vector<std::string>();
  }
  bool OomKilled() const override {
    const auto cgroup = runtime::Cgroup::Find(plan_.cgroup);
    return cgroup.ok() && (*cgroup)->OomKilled();
  }
  void KillLeftovers() override { (void)Call({"kill", "--all", plan_.id, "KILL"}, runtime::Stdio()); }
  void Teardown() override;

 private:
  absl::Status PrepareBundle();
  absl::Status MountRoot();
  absl::StatusOr<runtime::Container> CreateAndStart(const runtime::Stdio& stdio);
  absl::StatusOr<os::UniqueFd> ReceiveConsole(int listener);
  // Runs the runtime with `args`. Its stderr is kept when `stdio.err` is -1, and its last line is the error.
  absl::Status Call(const std::vector<std::string>& args, const runtime::Stdio& stdio);
  std::string PidFile() const { return absl::StrCat(plan_.run_dir, "/runtime-pid"); }

  const LaunchPlan& plan_;
  bool root_mounted_ = false, created_ = false;
};

absl::Status ExternalRunner::MountRoot() {
  if (!plan_.root_overlay.has_value() || root_mounted_) return absl::OkStatus();
  if (unshare(CLONE_NEWNS) != 0) return ErrnoStatus(errno, "make a mount namespace");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return ErrnoStatus(errno, "make the mount namespace private");
  }
  ASSIGN_OR_RETURN(const os::UniqueFd overlay, os::MakeOverlay(*plan_.root_overlay));
  const std::string target = absl::StrCat(plan_.bundle, "/rootfs");
  RETURN_IF_ERROR(os::MakeDirectories(target, 0700));
  if (syscall(SYS_move_mount, overlay.get(), "", AT_FDCWD, target.c_str(), 4 /* MOVE_MOUNT_F_EMPTY_PATH */) !=
      0) {
    return ErrnoStatus(errno, absl::StrCat("mount the root at ", target));
  }
  root_mounted_ = true;
  return absl::OkStatus();
}

absl::Status ExternalRunner::PrepareBundle() {
  RETURN_IF_ERROR(os::MakeDirectories(plan_.bundle, 0700));
  oci::Spec spec = plan_.spec;
  if (plan_.root_overlay.has_value()) {
    if (!spec.root.has_value()) spec.root.emplace();
    spec.root->path = absl::StrCat(plan_.bundle, "/rootfs");
  }
  return os::WriteFileAt(AT_FDCWD, absl::StrCat(plan_.bundle, "/config.json"), oci::SerializeSpec(spec),
                         0600);
}

absl::StatusOr<runtime::Container> ExternalRunner::Create(const runtime::Stdio& stdio) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return ErrnoStatus(errno, "become a subreaper");
  RETURN_IF_ERROR(MountRoot());
  RETURN_IF_ERROR(PrepareBundle());
  absl::StatusOr<runtime::Container> container = CreateAndStart(stdio);
  if (!container.ok()) Teardown();
  return container;
}

absl::StatusOr<runtime::Container> ExternalRunner::CreateAndStart(const runtime::Stdio& stdio) {
  std::vector<std::string> args = {"create", "--bundle", plan_.bundle, "--pid-file", PidFile()};
  os::UniqueFd listener, directory;
  if (plan_.tty) {
    ASSIGN_OR_RETURN(listener, BindSocket(plan_.run_dir, "console.sock", SOCK_STREAM));
    // The name of a socket is limited to 107 bytes (unix(7)).
    ASSIGN_OR_RETURN(directory, os::OpenAt(AT_FDCWD, plan_.run_dir, O_PATH | O_DIRECTORY));
    args.insert(args.end(), {"--console-socket",
                             absl::StrCat("/proc/", getpid(), "/fd/", directory.get(), "/console.sock")});
  }
  if (plan_.preserve_fds > 0) args.insert(args.end(), {"--preserve-fds", absl::StrCat(plan_.preserve_fds)});
  args.push_back(plan_.id);
  created_ = true;  // also a create that fails half-way leaves things to delete
  RETURN_IF_ERROR(Call(args, stdio));
  runtime::Container container;
  ASSIGN_OR_RETURN(const std::string pid, os::ReadFileAt(AT_FDCWD, PidFile(), 64));
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(pid), &container.pid)) {
    return absl::DataLossError(absl::StrCat(plan_.external_runtime, " wrote no pid"));
  }
  ASSIGN_OR_RETURN(container.pidfd, os::OpenPidfd(container.pid));
  ASSIGN_OR_RETURN(container.start_time, os::StartTimeOf(container.pid));
  if (plan_.tty) {
    ASSIGN_OR_RETURN(container.console, ReceiveConsole(listener.get()));
  }
  if (plan_.on_namespaces) RETURN_IF_ERROR(plan_.on_namespaces(container.pid));
  if (!plan_.hold) RETURN_IF_ERROR(Start(container));
  return container;
}

absl::Status ExternalRunner::Start(runtime::Container& container) {
  (void)container;
  return Call({"start", plan_.id}, runtime::Stdio());
}

void ExternalRunner::Teardown() {
  if (created_) (void)Call({"delete", "--force", plan_.id}, runtime::Stdio());
  created_ = false;
  const std::string root = absl::StrCat(plan_.bundle, "/rootfs");
  if (root_mounted_) (void)umount2(root.c_str(), MNT_DETACH);
  root_mounted_ = false;
  (void)unlink(PidFile().c_str());
  (void)os::RemoveTreeAt(AT_FDCWD, absl::StrCat(plan_.run_dir, "/runtime"));
  (void)unlink(absl::StrCat(plan_.run_dir, "/console.sock").c_str());
}

// The runtime connects and sends the master as SCM_RIGHTS. Source: runc docs/terminals.md.
absl::StatusOr<os::UniqueFd> ExternalRunner::ReceiveConsole(int listener) {
  pollfd waiting = {listener, POLLIN, 0};
  if (poll(&waiting, 1, kConsoleWaitMillis) <= 0) {
    return absl::DeadlineExceededError(absl::StrCat(plan_.external_runtime, " sent no console"));
  }
  const os::UniqueFd connection(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  char data[256];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec part = {data, sizeof(data)};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(connection.get(), &message, MSG_CMSG_CLOEXEC) < 0)
    return ErrnoStatus(errno, "receive the console");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len < CMSG_LEN(sizeof(int))) {
    return absl::DataLossError(absl::StrCat(plan_.external_runtime, " sent no console"));
  }
  int fd = -1;
  __builtin_memcpy(&fd, CMSG_DATA(header), sizeof(fd));
  return os::UniqueFd(fd);
}

// The last line a program said, without runc's "time=... level=error msg=" in front.
std::string LastLine(const std::string& text) {
  absl::string_view rest = absl::StripTrailingAsciiWhitespace(text);
  const size_t newline = rest.rfind('\n');
  if (newline != absl::string_view::npos) rest = rest.substr(newline + 1);
  const size_t message = rest.find("msg=");
  if (message != absl::string_view::npos) rest = rest.substr(message + 4);
  return Printable(rest);
}

absl::Status ExternalRunner::Call(const std::vector<std::string>& args, const runtime::Stdio& stdio) {
  std::vector<char*> argv = {const_cast<char*>(plan_.external_runtime.c_str())};
  for (const std::string& arg : plan_.external_runtime_args) argv.push_back(const_cast<char*>(arg.c_str()));
  // What the runtime says goes to a log file: its stderr is the container's own.
  const std::string log = absl::StrCat(plan_.run_dir, "/runtime-log");
  (void)unlink(log.c_str());
  // Its state lies with the container's: what is left of a killed monitor goes with that.
  const std::string root = absl::StrCat(plan_.run_dir, "/runtime");
  for (const char* arg : {"--root", root.c_str(), "--log", log.c_str()})
    argv.push_back(const_cast<char*>(arg));
  if (plan_.cgroup.systemd) argv.push_back(const_cast<char*>("--systemd-cgroup"));
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus(errno, "fork");
  if (pid == 0) {
    const int from[3] = {stdio.in, stdio.out, stdio.err};
    for (int fd = 0; fd < 3; ++fd) {
      if (from[fd] >= 0) (void)dup2(from[fd], fd);
    }
    for (int i = 0; i < plan_.preserve_fds; ++i) (void)fcntl(3 + i, F_SETFD, 0);
    execvp(argv[0], argv.data());
    _exit(errno == ENOENT ? 127 : 126);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  const absl::StatusOr<std::string> said = os::ReadFileAt(AT_FDCWD, log, kMaxMessage);
  (void)unlink(log.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  std::string cause = said.ok() && !said->empty() ? LastLine(*said) : "it ended without a message";
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !said.ok()) cause = "No such file or directory";
  // Other runtimes report in words only; these are the ones that runc and crun both use.
  int code = 125;
  if (absl::StrContains(cause, "executable file not found") ||
      absl::StrContains(cause, "no such file or directory")) {
    code = 127;
  } else if (absl::StrContains(cause, "permission denied") || absl::StrContains(cause, "exec format error")) {
    code = 126;
  }
  return WithExitCode(absl::UnknownError(absl::StrCat(plan_.external_runtime, " ", args[0], ": ", cause)),
                      code);
}

}  // namespace

std::unique_ptr<Runner> NewExternalRunner(const LaunchPlan& plan) {
  return std::make_unique<ExternalRunner>(plan);
}

}  // namespace coracle::monitor
