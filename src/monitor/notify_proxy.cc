#include "monitor/notify_proxy.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "monitor/unix_socket.h"
#include "os/file.h"

namespace coracle::monitor {
namespace {

constexpr size_t kMaxMessage = 4096;
constexpr char kInside[] = "/run/notify";

}  // namespace

absl::StatusOr<NotifyProxy> NotifyProxy::Create(const std::string& run_dir, const std::string& manager_socket,
                                                oci::Spec* spec) {
  const std::string directory = absl::StrCat(run_dir, "/notify");
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, directory, 0755));
  // Any user of the container may report; the directory above is closed to the host's other users.
  ASSIGN_OR_RETURN(os::UniqueFd fd, BindSocket(directory, "notify.sock", SOCK_DGRAM, 0666));
  oci::Mount mount;
  mount.destination = kInside;
  mount.type = "bind";
  mount.source = directory;
  mount.options = {"bind", "ro", "nosuid", "nodev", "noexec", "rprivate"};
  spec->mounts.push_back(std::move(mount));
  if (spec->process.has_value()) {
    std::vector<std::string>& env = spec->process->env;
    env.erase(std::remove_if(env.begin(), env.end(),
                             [](const std::string& e) { return absl::StartsWith(e, "NOTIFY_SOCKET="); }),
              env.end());
    env.push_back(absl::StrCat("NOTIFY_SOCKET=", kInside, "/notify.sock"));
  }
  return NotifyProxy(std::move(fd), manager_socket);
}

void NotifyProxy::Relay(pid_t main_pid) {
  char buffer[kMaxMessage];
  const ssize_t count = recv(fd_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
  if (count <= 0) return;
  std::string message;
  for (const absl::string_view line :
       absl::StrSplit(absl::string_view(buffer, static_cast<size_t>(count)), '\n')) {
    // Only what can't redirect the manager to another process or descriptor.
    if (line == "READY=1") {
      absl::StrAppend(&message, "MAINPID=", main_pid, "\nREADY=1\n");
    } else if (absl::StartsWith(line, "STATUS=") || line == "STOPPING=1" || line == "WATCHDOG=1" ||
               absl::StartsWith(line, "EXTEND_TIMEOUT_USEC=")) {
      absl::StrAppend(&message, line, "\n");
    }
  }
  if (!message.empty()) SendNotify(manager_socket_, message);
}

void SendNotify(const std::string& manager_socket, const std::string& message) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (manager_socket.empty() || manager_socket.size() >= sizeof(address.sun_path)) return;
  memcpy(address.sun_path, manager_socket.data(), manager_socket.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  os::UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return;
  const socklen_t size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + manager_socket.size());
  (void)sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address),
               size);
}

}  // namespace coracle::monitor
