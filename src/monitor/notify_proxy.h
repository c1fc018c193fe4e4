// Readiness for a service manager: sd_notify(3).
//
// --sdnotify=container: the container gets a socket of its own in a directory that is mounted into it; its
// READY=1 is passed on together with MAINPID, which names the monitor, since that is what lives in the
// service's control group and ends with the container's exit code. conmon: the monitor itself says READY=1
// once the container runs.
#ifndef CORACLE_MONITOR_NOTIFY_PROXY_H_
#define CORACLE_MONITOR_NOTIFY_PROXY_H_

#include <string>

#include "absl/status/statusor.h"
#include "monitor/monitor.h"
#include "os/unique_fd.h"

namespace coracle::monitor {

class NotifyProxy {
 public:
  // Makes <run_dir>/notify/notify.sock and adds its mount and NOTIFY_SOCKET to `spec`.
  static absl::StatusOr<NotifyProxy> Create(const std::string& run_dir, const std::string& manager_socket,
                                            oci::Spec* spec);
  int fd() const { return fd_.get(); }
  // Passes on what the container said.
  void Relay(pid_t main_pid);

 private:
  NotifyProxy(os::UniqueFd fd, std::string manager_socket)
      : fd_(std::move(fd)), manager_socket_(std::move(manager_socket)) {}
  os::UniqueFd fd_;
  std::string manager_socket_;
};

// One message to the service manager's socket (a path, or @abstract). Best effort.
void SendNotify(const std::string& manager_socket, const std::string& message);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_NOTIFY_PROXY_H_
