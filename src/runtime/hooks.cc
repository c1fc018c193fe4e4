// Hooks, and the state document they read.
// Source: runtime-spec config.md "POSIX-platform Hooks", runtime.md "State".
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/json.h"
#include "base/monotonic.h"
#include "base/status.h"
#include "os/process.h"
#include "runtime/container.h"

namespace coracle::runtime {
namespace {

using os::UniqueFd;

constexpr size_t kMaxKeptOutput = 4096;

[[noreturn]] void RunHookProgram(const oci::Hook& hook, std::vector<char*>& argv, std::vector<char*>& envp,
                                 int in, int out) {
  // The kernel's default, whatever our caller did with them.
  signal(SIGPIPE, SIG_DFL);
  if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(126);
  (void)os::SetCloseOnExecFrom(3);
  execve(hook.path.c_str(), argv.data(), envp.data());
  _exit(errno == ENOENT ? 127 : 126);
}

struct Feed {
  UniqueFd in, out;
  absl::string_view left;
  std::string kept;

  // One turn of the loop: what can be written and read now. False when the output is at its end.
  bool Turn(short in_events, short out_events) {
    if (in.valid() && in_events != 0) {
      const ssize_t count = send(in.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) left.remove_prefix(static_cast<size_t>(count));
      // A hook need not read its input.
      if (left.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) in.Reset();
    }
    if (out.valid() && out_events != 0) {
      char buffer[1024];
      const ssize_t count = read(out.get(), buffer, sizeof(buffer));
      if (count > 0) {
        kept.append(buffer, static_cast<size_t>(count));
        if (kept.size() > kMaxKeptOutput) kept.erase(0, kept.size() - kMaxKeptOutput);
      } else if (count == 0 || errno != EINTR) {
        out.Reset();
      }
    }
    return out.valid();
  }
};

// The end of the hook decides, not the end of its output: it may leave a process behind that holds it.
absl::Status Follow(const oci::Hook& hook, os::ChildProcess& child, Feed& feed) {
  const int64_t deadline =
      hook.timeout_seconds.has_value() ? MonotonicMillis() + *hook.timeout_seconds * int64_t{1000} : -1;
  for (;;) {
    pollfd fds[3] = {{.fd = child.pidfd(), .events = POLLIN, .revents = 0},
                     {.fd = feed.in.get(), .events = POLLOUT, .revents = 0},
                     {.fd = feed.out.get(), .events = POLLIN, .revents = 0}};
    const int64_t left = deadline < 0 ? -1 : std::max<int64_t>(deadline - MonotonicMillis(), 0);
    const int ready = poll(fds, 3, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    if (ready == 0)
      return absl::DeadlineExceededError(absl::StrCat("not done within ", *hook.timeout_seconds, " s"));
    if (ready < 0) continue;
    (void)feed.Turn(fds[1].revents, fds[2].revents);
    if (fds[0].revents != 0 && (fds[2].revents & POLLIN) == 0) return absl::OkStatus();
  }
}

absl::Status RunHook(const oci::Hook& hook, const std::string& state_json) {
  if (!absl::StartsWith(hook.path, "/")) return absl::InvalidArgumentError("the path is not absolute");
  std::vector<std::string> args = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
  std::vector<std::string> env = hook.env;
  std::vector<char*> argv, envp;
  for (std::string& arg : args) argv.push_back(arg.data());
  for (std::string& entry : env) envp.push_back(entry.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  int in[2], out[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0) return ErrnoStatus(errno, "socketpair");
  Feed feed;
  UniqueFd child_in(in[0]);
  feed.in.Reset(in[1]);
  if (pipe2(out, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  feed.out.Reset(out[0]);
  UniqueFd child_out(out[1]);
  feed.left = state_json;
  os::CloneResult clone;
  const int result = os::CloneProcess({}, &clone);
  if (result < 0) return ErrnoStatus(-result, "fork");
  if (clone.pid == 0) RunHookProgram(hook, argv, envp, child_in.get(), child_out.get());
  os::ChildProcess child(clone.pid, UniqueFd(clone.pidfd));
  child_in.Reset();
  child_out.Reset();
  RETURN_IF_ERROR(Follow(hook, child, feed));
  ASSIGN_OR_RETURN(const os::ExitStatus status, child.Wait());
  if (status.Code() == 0) return absl::OkStatus();
  std::string text = status.signaled ? absl::StrCat("killed by signal ", status.value)
                                     : absl::StrCat("exit code ", status.value);
  for (char& c : feed.kept) c = c == '\n' ? ' ' : c;
  const absl::string_view said = absl::StripAsciiWhitespace(feed.kept);
  if (!said.empty()) absl::StrAppend(&text, ": ", said);
  return absl::UnknownError(text);
}

}  // namespace

absl::Status RunHooks(const std::vector<oci::Hook>& hooks, const std::string& state_json) {
  for (const oci::Hook& hook : hooks) RETURN_IF_ERROR(RunHook(hook, state_json), "hook ", hook.path);
  return absl::OkStatus();
}

std::string StateJson(const std::string& id, absl::string_view status, pid_t pid, const std::string& bundle,
                      const oci::Spec& spec) {
  Json state = Json::object();
  state["ociVersion"] = spec.oci_version;
  state["id"] = id;
  state["status"] = std::string(status);
  if (pid > 0) state["pid"] = pid;
  state["bundle"] = bundle;
  if (!spec.annotations.empty()) {
    Json& annotations = state["annotations"] = Json::object();
    for (const auto& [key, value] : spec.annotations) annotations[key] = value;
  }
  return DumpJson(state);
}

}  // namespace coracle::runtime
