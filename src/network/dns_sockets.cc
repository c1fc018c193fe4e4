// Sockets of another network namespace: a child process enters it, binds them there, and passes them back.
// We can't go there and come back ourselves: coming back takes a privilege over the host's namespace, which
// an ordinary user has not.
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "network/dns_redirect.h"
#include "network/dns_server.h"
#include "network/published_names.h"
#include "os/file.h"
#include "os/process.h"

namespace coracle::network {
namespace {

constexpr uint16_t kDnsPort = 53;

// -errno, or the socket.
int BindSocket(int type, uint16_t port) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  const int on = 1;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = inet_addr(kResolverAddress);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return -errno;
  if (type == SOCK_STREAM && listen(fd, 16) != 0) return -errno;
  return fd;
}

// Before lo is up its addresses are not there, and binding to one all the same (IP_FREEBIND) makes a socket
// that answers from another address.
int RaiseLoopback() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ifreq request = {};
  memcpy(request.ifr_name, "lo", sizeof("lo"));
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const int error = ioctl(fd, SIOCSIFFLAGS, &request) != 0 ? errno : 0;
  close(fd);
  return error;
}

// Async-signal-safe, for between clone and exit.
void SendSockets(int channel, const int* fds, size_t count, int error) {
  iovec data = {&error, sizeof(error)};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
  }
  (void)sendmsg(channel, &message, MSG_NOSIGNAL);
}

// In a process of its own, forked from one with a single thread.
[[noreturn]] void MakeSockets(int channel, int netns, bool redirected) {
  if (setns(netns, CLONE_NEWNET) != 0) {
    SendSockets(channel, nullptr, 0, errno);
    _exit(1);
  }
  const absl::StatusOr<DnsSockets> sockets = BindDnsSockets(redirected);
  if (!sockets.ok()) {
    const int error = ErrnoOf(sockets.status());
    SendSockets(channel, nullptr, 0, error != 0 ? error : EIO);
    _exit(1);
  }
  const int fds[2] = {sockets->udp.get(), sockets->tcp.get()};
  SendSockets(channel, fds, 2, 0);
  _exit(0);
}

absl::StatusOr<DnsSockets> ReceiveSockets(int channel) {
  int error = 0;
  iovec data = {&error, sizeof(error)};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t got;
  do {
    got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof(error)) return absl::InternalError("the process that binds the resolver's sockets died");
  if (error != 0) return ErrnoStatus(error, absl::StrCat("listen on ", kResolverAddress, ":", kDnsPort));
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_len != CMSG_LEN(2 * sizeof(int))) {
    return absl::InternalError("the resolver's sockets did not come");
  }
  int fds[2];
  memcpy(fds, CMSG_DATA(header), sizeof(fds));
  return DnsSockets{os::UniqueFd(fds[0]), os::UniqueFd(fds[1])};
}

}  // namespace

absl::StatusOr<DnsSockets> BindDnsSockets(bool redirected) {
  DnsSockets sockets;
  if (const int error = RaiseLoopback(); error != 0) return ErrnoStatus(error, "set interface lo up");
  uint16_t ports[2] = {};
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    const int fd = BindSocket(type, redirected ? 0 : kDnsPort);
    if (fd < 0) return ErrnoStatus(-fd, absl::StrCat("listen on ", kResolverAddress, ":", kDnsPort));
    (type == SOCK_DGRAM ? sockets.udp : sockets.tcp).Reset(fd);
    sockaddr_in address = {};
    socklen_t size = sizeof(address);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return ErrnoStatus(errno, "getsockname");
    }
    ports[type == SOCK_STREAM] = ntohs(address.sin_port);
  }
  if (!redirected || RedirectDns(ports[0], ports[1]).ok()) return sockets;
  return BindDnsSockets(/*redirected=*/false);
}

absl::StatusOr<DnsSockets> OpenDnsSockets(pid_t pid, bool redirected) {
  ASSIGN_OR_RETURN(const os::UniqueFd netns,
                   os::OpenAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/ns/net"), O_RDONLY));
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return ErrnoStatus(errno, "socketpair");
  const os::UniqueFd ours(ends[0]);
  os::UniqueFd theirs(ends[1]);
  os::CloneResult clone;
  const int result = os::CloneProcess({}, &clone);
  if (result < 0) return ErrnoStatus(-result, "fork");
  if (clone.pid == 0) MakeSockets(theirs.get(), netns.get(), redirected);
  os::ChildProcess child(clone.pid, os::UniqueFd(clone.pidfd));
  theirs.Reset();
  absl::StatusOr<DnsSockets> sockets = ReceiveSockets(ours.get());
  (void)child.Wait();  // it has said what there is to say
  return sockets;
}

}  // namespace coracle::network
