#include "os/network_namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::os {

bool OwnsNetworkNamespace() {
  const UniqueFd network(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!network.valid()) return false;
  const UniqueFd owner(ioctl(network.get(), NS_GET_USERNS));  // EPERM: one above ours
  struct stat theirs, own;
  return owner.valid() && fstat(owner.get(), &theirs) == 0 && stat("/proc/thread-self/ns/user", &own) == 0 &&
         theirs.st_ino == own.st_ino && theirs.st_dev == own.st_dev;
}

absl::StatusOr<UniqueFd> OpenNetworkNamespace(pid_t pid) {
  return OpenAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/ns/net"), O_RDONLY);
}

absl::StatusOr<ScopedNetworkNamespace> ScopedNetworkNamespace::Enter(int fd) {
  ASSIGN_OR_RETURN(UniqueFd back, OpenAt(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY));
  if (setns(fd, CLONE_NEWNET) != 0) return ErrnoStatus(errno, "enter the network namespace");
  return ScopedNetworkNamespace(std::move(back));
}

ScopedNetworkNamespace::~ScopedNetworkNamespace() {
  if (back_.valid() && setns(back_.get(), CLONE_NEWNET) != 0) abort();
}

}  // namespace coracle::os
