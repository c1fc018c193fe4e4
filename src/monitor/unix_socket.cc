#include "monitor/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::monitor {
namespace {

// Names the socket through the directory's descriptor where the plain path is too long.
absl::StatusOr<sockaddr_un> AddressOf(const std::string& directory, const std::string& name,
                                      os::UniqueFd* dir) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::string path = absl::StrCat(directory, "/", name);
  if (path.size() >= sizeof(address.sun_path)) {
    ASSIGN_OR_RETURN(*dir, os::OpenAt(AT_FDCWD, directory, O_PATH | O_DIRECTORY));
    path = absl::StrCat("/proc/self/fd/", dir->get(), "/", name);
  }
  if (path.size() >= sizeof(address.sun_path)) return absl::InvalidArgumentError("socket name too long");
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

absl::StatusOr<os::UniqueFd> BindSocket(const std::string& directory, const std::string& name, int type,
                                        unsigned mode) {
  const std::string path = absl::StrCat(directory, "/", name);
  os::UniqueFd dir;
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(directory, name, &dir));
  os::UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "make a socket");
  (void)fchmod(fd.get(), mode);  // taken over by the name that bind makes
  (void)unlink(path.c_str());
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, absl::StrCat("bind ", path));
  }
  if ((mode & 077) != 0) (void)chmod(path.c_str(), mode);  // the umask took these away
  if (type == SOCK_STREAM && listen(fd.get(), 32) != 0) {
    const int error = errno;
    (void)unlink(path.c_str());
    return ErrnoStatus(error, absl::StrCat("listen on ", path));
  }
  return fd;
}

absl::StatusOr<os::UniqueFd> ConnectSocket(const std::string& directory, const std::string& name) {
  os::UniqueFd dir;
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(directory, name, &dir));
  os::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "make a socket");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const absl::Status status = ErrnoStatus(errno, absl::StrCat("connect to ", directory, "/", name));
    return ErrnoOf(status) == ECONNREFUSED ? absl::NotFoundError(status.message()) : status;
  }
  return fd;
}

}  // namespace coracle::monitor
