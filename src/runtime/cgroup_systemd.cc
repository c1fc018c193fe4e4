#include "runtime/cgroup_systemd.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/monotonic.h"
#include "base/status.h"
#include "os/user_namespace.h"
#include "runtime/cgroup_dir.h"
#include "runtime/cgroup_host.h"
#include "runtime/dbus_message.h"

namespace coracle::runtime {
namespace {

constexpr char kSystemSocket[] = "/run/systemd/private";
constexpr char kDestination[] = "org.freedesktop.systemd1";
constexpr char kManager[] = "org.freedesktop.systemd1.Manager";
constexpr char kManagerPath[] = "/org/freedesktop/systemd1";
constexpr char kSupervisor[] = "/supervisor";
constexpr char kContainer[] = "/container";
constexpr int kTimeoutMs = 30000;

std::string SocketPath() {
  if (!UsesUserManager()) return kSystemSocket;
  const char* runtime_dir = getenv("XDG_RUNTIME_DIR");
  return absl::StrCat(runtime_dir == nullptr ? "" : runtime_dir, "/systemd/private");
}

absl::StatusOr<DbusConnection> ConnectToManager() {
  absl::StatusOr<DbusConnection> connection = DbusConnection::Connect(SocketPath());
  if (connection.ok()) return connection;
  return WithHint(absl::FailedPreconditionError(absl::StrCat("systemd: ", connection.status().message())),
                  "use --cgroup-manager cgroupfs where systemd does not run");
}

bool IsUnitName(absl::string_view name) {
  return !name.empty() && name.size() < 256 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains(":_.\\@-", std::string(1, static_cast<char>(c)));
  });
}

// Body of StartTransientUnit(s name, s mode, a(sv) properties, a(sa(sv)) aux).
std::string StartBody(const SystemdScope& scope) {
  DbusWriter out;
  out.String(scope.unit);
  out.String("fail");
  const size_t properties = out.BeginArray(8);
  out.Property("Description", "s");
  out.String(absl::StrCat("Container ", scope.unit));
  out.Property("Slice", "s");
  out.String(scope.slice);
  out.Property("PIDs", "au");
  const size_t pids = out.BeginArray(4);
  out.Uint32(static_cast<uint32_t>(getpid()));
  out.EndArray(pids);
  // The limits stand in the leaf, where they are ours; the scope only makes the controllers available.
  for (const char* name :
       {"Delegate", "CPUAccounting", "MemoryAccounting", "TasksAccounting", "IOAccounting"}) {
    out.Property(name, "b");
    out.Bool(true);
  }
  // Whether a shutdown stops the scope, as it does services; else its processes are met by the last SIGTERM
  // to all, which has its own minute and a half. Other engines than ours (coracle oci) stop their containers
  // themselves.
  out.Property("DefaultDependencies", "b");
  out.Bool(scope.stop_signal > 0);
  out.Property("TasksMax", "t");
  out.Uint64(UINT64_MAX);
  if (scope.stop_signal > 0) {
    out.Property("KillSignal", "i");
    out.Uint32(static_cast<uint32_t>(scope.stop_signal));
  }
  if (scope.stop_timeout_seconds >= 0) {
    out.Property("TimeoutStopUSec", "t");
    out.Uint64(static_cast<uint64_t>(scope.stop_timeout_seconds) * 1000000);
  }
  // Not kept as "failed" when its processes were killed, so that the name is free again.
  out.Property("CollectMode", "s");
  out.String("inactive-or-failed");
  out.EndArray(properties);
  const size_t aux = out.BeginArray(8);
  out.EndArray(aux);
  return out.data();
}

absl::Status Refused(absl::string_view what, const DbusMessage& reply) {
  DbusReader body(reply.body);
  return absl::FailedPreconditionError(absl::StrCat("systemd: ", what, ": ", body.String()));
}

DbusMessage ManagerCall(absl::string_view member, absl::string_view signature, std::string body) {
  DbusMessage call;
  call.path = kManagerPath;
  call.interface = kManager;
  call.member = std::string(member);
  call.signature = std::string(signature);
  call.body = std::move(body);
  return call;
}

// The result of a finished job ("done"), by JobRemoved(u id, o job, s unit, s result); empty for other
// messages.
std::string JobResult(const DbusMessage& message, const std::string& job) {
  if (message.type != DbusMessage::kSignal || message.member != "JobRemoved") return "";
  DbusReader body(message.body);
  (void)body.Uint32();
  const std::string path = body.String();
  (void)body.String();
  const std::string result = body.String();
  return body.ok() && path == job ? result : "";
}

absl::Status StartScope(const SystemdScope& scope) {
  ASSIGN_OR_RETURN(DbusConnection connection, ConnectToManager());
  ASSIGN_OR_RETURN(
      const uint32_t serial,
      connection.Send(ManagerCall("StartTransientUnit", "ssa(sv)a(sa(sv))", StartBody(scope)), kDestination));
  const int64_t deadline = MonotonicMillis() + kTimeoutMs;
  std::string job;
  std::vector<DbusMessage> early;  // signals that overtook the reply
  for (;;) {
    ASSIGN_OR_RETURN(const DbusMessage message, connection.Receive(deadline), "start ", scope.unit);
    if (message.reply_serial == serial && message.type == DbusMessage::kError) {
      return Refused(absl::StrCat("start ", scope.unit), message);
    }
    if (message.reply_serial == serial && message.type == DbusMessage::kReturn) {
      job = DbusReader(message.body).String();
    } else {
      early.push_back(message);
    }
    if (job.empty()) continue;
    for (const DbusMessage& signal : early) {
      const std::string result = JobResult(signal, job);
      if (result == "done") return absl::OkStatus();
      if (!result.empty()) {
        return absl::FailedPreconditionError(absl::StrCat("systemd: start ", scope.unit, ": job ", result));
      }
    }
    early.clear();
  }
}

absl::StatusOr<std::string> OwnDirectory() {
  ASSIGN_OR_RETURN(const CgroupLayout layout, DiscoverCgroups());
  if (!layout.v2.has_value()) return absl::FailedPreconditionError("no cgroup v2 tree");
  return layout.v2->own;
}

// "…/x.scope" of "…/x.scope/leaf"; empty if `directory` is no leaf of a scope.
std::string ScopeOf(absl::string_view directory, absl::string_view leaf) {
  if (!absl::EndsWith(directory, leaf)) return "";
  directory.remove_suffix(leaf.size());
  return absl::EndsWith(directory, ".scope") ? std::string(directory) : "";
}

}  // namespace

absl::StatusOr<SystemdScope> ParseSystemdPath(absl::string_view path, bool user_manager) {
  std::vector<std::string> parts = absl::StrSplit(path, ':');
  if (parts.size() == 1 && absl::StrContains(path, '/')) {
    const std::vector<std::string> names = absl::StrSplit(path, '/', absl::SkipEmpty());
    const std::string parent = names.size() < 2 ? "" : names[names.size() - 2];
    parts = {absl::EndsWith(parent, ".slice") ? parent : "", "coracle", names.empty() ? "" : names.back()};
  }
  if (parts.size() != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("cgroup path '", path, "': not of the form slice:prefix:name"));
  }
  SystemdScope scope;
  scope.slice = !parts[0].empty() ? parts[0] : user_manager ? "user.slice" : "system.slice";
  scope.unit = absl::StrCat(parts[1], parts[1].empty() ? "" : "-", parts[2], ".scope");
  if (parts[2].empty() || !IsUnitName(scope.unit) || !IsUnitName(scope.slice) ||
      !absl::EndsWith(scope.slice, ".slice")) {
    return absl::InvalidArgumentError(
        absl::StrCat("cgroup path '", path, "': not made of systemd unit names"));
  }
  return scope;
}

bool UsesUserManager() { return geteuid() != 0 || os::InUserNamespace(); }

bool PrefersSystemdCgroups() {
  if (access("/run/systemd/system", F_OK) != 0) return false;  // sd_booted(3)
  absl::StatusOr<CgroupLayout> layout = DiscoverCgroups();
  return layout.ok() && layout->v1.empty() && layout->v2.has_value() && SystemdAnswers();
}

bool SystemdAnswers() { return DbusConnection::Connect(SocketPath()).ok(); }

absl::StatusOr<std::string> EnterSystemdScope(const SystemdScope& scope, const std::string& v2_mount) {
  ASSIGN_OR_RETURN(std::string own, OwnDirectory());
  // A restart: this process supervised the container before.
  const std::string before = ScopeOf(own, kSupervisor);
  if (absl::EndsWith(before, absl::StrCat("/", scope.unit))) return before;
  RETURN_IF_ERROR(StartScope(scope));
  ASSIGN_OR_RETURN(own, OwnDirectory());
  if (!absl::EndsWith(own, absl::StrCat("/", scope.unit))) {
    return absl::FailedPreconditionError(
        absl::StrCat("systemd: ", scope.unit, " was started, but we are in ", own));
  }
  bool made = false;
  const std::string leaf = absl::StrCat(own, kSupervisor);
  int error = MakeCgroupDirectory(v2_mount, leaf, &made);
  if (error == 0) error = WriteCgroupFile(leaf, "cgroup.procs", "0");
  if (error != 0) return ErrnoStatus(error, absl::StrCat("move to cgroup ", leaf));
  return own;
}

absl::Status AttachToSystemdScope(const std::string& container_directory) {
  const std::string scope = ScopeOf(container_directory, kContainer);
  if (scope.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string own, OwnDirectory());
  if (absl::StartsWith(own, absl::StrCat(scope, "/"))) return absl::OkStatus();
  ASSIGN_OR_RETURN(DbusConnection connection, ConnectToManager());
  // AttachProcessesToUnit(s unit, s subcgroup, au pids)
  DbusWriter body;
  body.String(absl::string_view(scope).substr(scope.rfind('/') + 1));
  body.String(kSupervisor);
  const size_t pids = body.BeginArray(4);
  body.Uint32(static_cast<uint32_t>(getpid()));
  body.EndArray(pids);
  ASSIGN_OR_RETURN(const uint32_t serial,
                   connection.Send(ManagerCall("AttachProcessesToUnit", "ssau", body.data()), kDestination));
  const int64_t deadline = MonotonicMillis() + kTimeoutMs;
  for (;;) {
    ASSIGN_OR_RETURN(const DbusMessage message, connection.Receive(deadline), "attach to ", scope);
    if (message.reply_serial != serial) continue;
    if (message.type == DbusMessage::kError) return Refused(absl::StrCat("attach to ", scope), message);
    return absl::OkStatus();
  }
}

}  // namespace coracle::runtime
