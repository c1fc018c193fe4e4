#include "network/port_forwarder.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "base/monotonic.h"
#include "base/status.h"
#include "network/client_address.h"
#include "network/tcp_relay.h"
#include "os/unique_fd.h"

namespace coracle::network {
namespace {

// What conntrack keeps for a UDP exchange, rounded.
constexpr int64_t kUdpSilenceMillis = 120000;
constexpr size_t kMaxDatagram = 65536;
constexpr int kDatagramsARound = 64;

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address ToSocketAddress(const IpAddress& address, uint16_t port) {
  Address result;
  const std::string bytes = address.Bytes();
  if (address.is_v6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = __builtin_bswap16(port);
    memcpy(&v6->sin6_addr, bytes.data(), bytes.size());
    result.size = sizeof(*v6);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = __builtin_bswap16(port);
    memcpy(&v4->sin_addr, bytes.data(), bytes.size());
    result.size = sizeof(*v4);
  }
  return result;
}

IpAddress FromBytes(const void* bytes, size_t count) {
  absl::uint128 value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<const uint8_t*>(bytes)[i];
  return IpAddress(value, count == 16);
}

std::optional<PortForwarder::Socket> Describe(int fd) {
  PortForwarder::Socket result;
  int type = 0, protocol = 0;
  socklen_t size = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return std::nullopt;
  size = sizeof(protocol);
  if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0) return std::nullopt;
  if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return std::nullopt;
  Address bound;
  if (getsockname(fd, bound.get(), &bound.size) != 0) return std::nullopt;
  result.fd = fd;
  result.is_udp = type == SOCK_DGRAM;
  if (bound.storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&bound.storage);
    result.address = FromBytes(&v6->sin6_addr, 16);
    result.port = __builtin_bswap16(v6->sin6_port);
  } else {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&bound.storage);
    result.address = FromBytes(&v4->sin_addr, 4);
    result.port = __builtin_bswap16(v4->sin_port);
  }
  return result;
}

// A connected socket, or one that connects.
os::UniqueFd ConnectTo(const PortForwarder::Target& target, int type, const sockaddr* client,
                       socklen_t client_size) {
  Address address = ToSocketAddress(target.address, target.port);
  os::UniqueFd fd(socket(address.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fd;
  if (target.as_client && client->sa_family == address.storage.ss_family)
    (void)BindAsClient(fd.get(), client, client_size);
  if (connect(fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS) fd.Reset();
  return fd;
}

// Two descriptors a client: more than the soft limit allows.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);  // then fewer clients are served at once
}

// A client of UDP: what it sends goes out by a socket of its own, so that answers find back.
struct Exchange {
  size_t socket = 0;
  std::string client;  // a socket address
  os::UniqueFd server;
  // Where it sent to, to answer from there: in6_pktinfo or in_pktinfo.
  std::string destination;
  int64_t last_millis = 0;
};

// What an event of epoll is about: a socket that holds a port, or a client by its number.
constexpr uint64_t kClient = uint64_t{1} << 32;
constexpr uint64_t kUdpClient = uint64_t{1} << 63;

}  // namespace

struct PortForwarder::Impl {
  std::vector<Socket> sockets;
  FindTarget find_target;
  os::UniqueFd epoll;
  std::map<uint64_t, std::unique_ptr<TcpRelay>> relays;
  std::map<uint64_t, Exchange> exchanges;
  std::map<std::pair<size_t, std::string>, uint64_t> exchange_of;
  std::set<uint64_t> unfinished;  // relays with more to pass on
  std::set<size_t> paused;        // sockets whose clients wait until there is room
  std::vector<Pipe> spare;
  uint64_t last_number = 0;
  bool limit_is_raised = false;

  bool Watch(int fd, uint32_t events, uint64_t what) {
    epoll_event event = {};
    event.events = events;
    event.data.u64 = what;
    return epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  }

  void Accept(size_t index);
  void Pump(uint64_t number);
  void EndRelay(uint64_t number);
  void ReadClients(size_t index);
  void ReadServer(uint64_t number);
  void Forget(uint64_t number);
  void ForgetSilent(int64_t now);
  Exchange* FindExchange(size_t index, const std::string& client, int64_t now);
};

void PortForwarder::Impl::Accept(size_t index) {
  if (!limit_is_raised) RaiseDescriptorLimit();
  limit_is_raised = true;
  while (relays.size() < kMaxForwarded) {
    Address peer;
    os::UniqueFd client(accept4(sockets[index].fd, peer.get(), &peer.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.valid()) return;
    const std::optional<Target> target = find_target(sockets[index]);
    if (!target.has_value()) continue;  // closed
    os::UniqueFd server = ConnectTo(*target, SOCK_STREAM, peer.get(), peer.size);
    if (!server.valid()) continue;
    const uint64_t number = ++last_number;
    const uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    if (!Watch(client.get(), events, number * kClient) || !Watch(server.get(), events, number * kClient)) {
      continue;
    }
    relays.emplace(number, std::make_unique<TcpRelay>(std::move(client), std::move(server)));
    unfinished.insert(number);
  }
  // Not asked any more until somebody goes.
  (void)epoll_ctl(epoll.get(), EPOLL_CTL_DEL, sockets[index].fd, nullptr);
  paused.insert(index);
}

void PortForwarder::Impl::EndRelay(uint64_t number) {
  relays.erase(number);
  unfinished.erase(number);
  for (const size_t index : paused) (void)Watch(sockets[index].fd, EPOLLIN, index);
  paused.clear();
}

void PortForwarder::Impl::Pump(uint64_t number) {
  const auto found = relays.find(number);
  if (found == relays.end()) return;
  switch (found->second->Pump(spare)) {
    case TcpRelay::State::kWaits:
      unfinished.erase(number);
      return;
    case TcpRelay::State::kHasMore:
      unfinished.insert(number);
      return;
    case TcpRelay::State::kEnded:
      EndRelay(number);
  }
}

void PortForwarder::Impl::Forget(uint64_t number) {
  const auto found = exchanges.find(number);
  if (found == exchanges.end()) return;
  exchange_of.erase({found->second.socket, found->second.client});
  exchanges.erase(found);
}

void PortForwarder::Impl::ForgetSilent(int64_t now) {
  std::vector<uint64_t> silent;
  for (const auto& [number, exchange] : exchanges) {
    if (now - exchange.last_millis >= kUdpSilenceMillis) silent.push_back(number);
  }
  for (const uint64_t number : silent) Forget(number);
}

Exchange* PortForwarder::Impl::FindExchange(size_t index, const std::string& client, int64_t now) {
  const auto known = exchange_of.find({index, client});
  if (known != exchange_of.end()) return &exchanges[known->second];
  if (exchanges.size() >= kMaxForwarded) {
    const auto oldest = std::min_element(
        exchanges.begin(), exchanges.end(),
        [](const auto& a, const auto& b) { return a.second.last_millis < b.second.last_millis; });
    Forget(oldest->first);
  }
  const std::optional<Target> target = find_target(sockets[index]);
  if (!target.has_value()) return nullptr;
  Exchange exchange;
  exchange.socket = index;
  exchange.client = client;
  exchange.server = ConnectTo(*target, SOCK_DGRAM, reinterpret_cast<const sockaddr*>(client.data()),
                              static_cast<socklen_t>(client.size()));
  exchange.last_millis = now;
  const uint64_t number = ++last_number;
  if (!exchange.server.valid()) return nullptr;
  if (!Watch(exchange.server.get(), EPOLLIN, kUdpClient | number)) return nullptr;
  exchange_of[{index, client}] = number;
  return &(exchanges[number] = std::move(exchange));
}

void PortForwarder::Impl::ReadClients(size_t index) {
  const int64_t now = MonotonicMillis();
  static char data[kMaxDatagram];
  for (int i = 0; i < kDatagramsARound; ++i) {
    Address client;
    iovec iov = {data, sizeof(data)};
    alignas(cmsghdr) char control[128];
    msghdr message = {};
    message.msg_name = &client.storage;
    message.msg_namelen = sizeof(client.storage);
    message.msg_iov = &iov;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t got = recvmsg(sockets[index].fd, &message, 0);
    if (got < 0) return;
    const std::string name(reinterpret_cast<const char*>(&client.storage), message.msg_namelen);
    Exchange* exchange = FindExchange(index, name, now);
    if (exchange == nullptr) continue;
    exchange->last_millis = now;
    exchange->destination.clear();
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      const bool is_info = (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) ||
                           (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO);
      if (!is_info) continue;
      exchange->destination.assign(reinterpret_cast<const char*>(CMSG_DATA(header)),
                                   header->cmsg_len - CMSG_LEN(0));
    }
    (void)send(exchange->server.get(), data, static_cast<size_t>(got), MSG_NOSIGNAL);  // UDP may lose it
  }
}

void PortForwarder::Impl::ReadServer(uint64_t number) {
  const auto found = exchanges.find(number);
  if (found == exchanges.end()) return;
  Exchange& exchange = found->second;
  exchange.last_millis = MonotonicMillis();
  static char data[kMaxDatagram];
  for (int i = 0; i < kDatagramsARound; ++i) {
    const ssize_t got = recv(exchange.server.get(), data, sizeof(data), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return Forget(number);  // ECONNREFUSED: nobody listens there
    const Socket& socket = sockets[exchange.socket];
    iovec iov = {data, static_cast<size_t>(got)};
    alignas(cmsghdr) char control[128] = {};
    msghdr message = {};
    message.msg_name = exchange.client.data();
    message.msg_namelen = static_cast<socklen_t>(exchange.client.size());
    message.msg_iov = &iov;
    message.msg_iovlen = 1;
    if (!exchange.destination.empty()) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(exchange.destination.size());
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = socket.address.is_v6() ? IPPROTO_IPV6 : IPPROTO_IP;
      header->cmsg_type = socket.address.is_v6() ? IPV6_PKTINFO : IP_PKTINFO;
      header->cmsg_len = CMSG_LEN(exchange.destination.size());
      memcpy(CMSG_DATA(header), exchange.destination.data(), exchange.destination.size());
    }
    (void)sendmsg(socket.fd, &message, MSG_NOSIGNAL);
  }
}

PortForwarder::PortForwarder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PortForwarder::PortForwarder(PortForwarder&&) noexcept = default;
PortForwarder& PortForwarder::operator=(PortForwarder&&) noexcept = default;
PortForwarder::~PortForwarder() = default;

absl::StatusOr<PortForwarder> PortForwarder::Open(const std::vector<int>& fds, FindTarget find_target) {
  auto impl = std::make_unique<Impl>();
  impl->find_target = std::move(find_target);
  impl->epoll.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (!impl->epoll.valid()) return ErrnoStatus(errno, "epoll_create");
  for (const int fd : fds) {
    const std::optional<Socket> socket = Describe(fd);
    if (!socket.has_value()) continue;
    if (socket->is_udp) {
      const int on = 1;
      // Without it answers go out from the address that the route suggests.
      if (socket->address.is_v6()) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
      } else {
        (void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
      }
    }
    if (!impl->Watch(fd, EPOLLIN, impl->sockets.size())) return ErrnoStatus(errno, "epoll_ctl");
    impl->sockets.push_back(*socket);
  }
  return PortForwarder(std::move(impl));
}

void PortForwarder::Prepare(std::vector<pollfd>* polls, int* timeout_millis) {
  polls->push_back({impl_->epoll.get(), POLLIN, 0});
  if (!impl_->unfinished.empty()) {
    *timeout_millis = 0;
  } else if (!impl_->exchanges.empty()) {
    const int silence = static_cast<int>(kUdpSilenceMillis);
    if (*timeout_millis < 0 || silence < *timeout_millis) *timeout_millis = silence;
  }
}

void PortForwarder::Dispatch() {
  epoll_event events[64];
  const int count = epoll_wait(impl_->epoll.get(), events, 64, 0);
  for (int i = 0; i < count; ++i) {
    const uint64_t what = events[i].data.u64;
    if ((what & kUdpClient) != 0) {
      impl_->ReadServer(what & ~kUdpClient);
    } else if (what >= kClient) {
      impl_->unfinished.insert(what / kClient);
    } else if (impl_->sockets[what].is_udp) {
      impl_->ReadClients(what);
    } else {
      impl_->Accept(what);
    }
  }
  const std::set<uint64_t> ready = impl_->unfinished;
  for (const uint64_t number : ready) impl_->Pump(number);
  if (!impl_->exchanges.empty()) impl_->ForgetSilent(MonotonicMillis());
}

}  // namespace coracle::network
