// Network namespaces by descriptor.
#ifndef CORACLE_OS_NETWORK_NAMESPACE_H_
#define CORACLE_OS_NETWORK_NAMESPACE_H_

#include <sys/types.h>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"

namespace coracle::os {

// That of a process. Errors: as open(2).
// Whether the network namespace of this thread belongs to its user namespace, whose root may change it then;
// false for an ordinary user who is root in a user namespace alone. Source: ioctl_ns(2).
bool OwnsNetworkNamespace();

absl::StatusOr<UniqueFd> OpenNetworkNamespace(pid_t pid);

// The calling thread is in another network namespace for as long as this lives: sockets that are opened
// meanwhile belong there, and /proc/sys/net shows its values. A thread that can't come back ends the process:
// what it did next would hit the wrong network.
class ScopedNetworkNamespace {
 public:
  // Errors: as setns(2).
  static absl::StatusOr<ScopedNetworkNamespace> Enter(int fd);
  ScopedNetworkNamespace(ScopedNetworkNamespace&&) = default;
  ScopedNetworkNamespace& operator=(ScopedNetworkNamespace&&) = delete;
  ~ScopedNetworkNamespace();

 private:
  explicit ScopedNetworkNamespace(UniqueFd back) : back_(std::move(back)) {}
  UniqueFd back_;
};

}  // namespace coracle::os

#endif  // CORACLE_OS_NETWORK_NAMESPACE_H_
