#include "network/dns_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace coracle::network {
namespace {

constexpr int64_t kSilenceMillis = 15000;

}  // namespace

void DnsStreams::Accept(int listener, int64_t now_millis, const OnClose& on_close) {
  for (;;) {
    os::UniqueFd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) return;
    if (connections_.size() >= kMaxConnections) {
      const auto oldest = std::min_element(
          connections_.begin(), connections_.end(),
          [](const auto& a, const auto& b) { return a->deadline_millis < b->deadline_millis; });
      on_close((*oldest)->number);
      connections_.erase(oldest);
    }
    auto connection = std::make_unique<Connection>();
    connection->number = ++last_number_;
    connection->fd = std::move(fd);
    connection->deadline_millis = now_millis + kSilenceMillis;
    connections_.push_back(std::move(connection));
  }
}

void DnsStreams::Prepare(std::vector<pollfd>* polls, int* timeout_millis, int64_t now_millis) {
  for (const auto& connection : connections_) {
    short events = 0;
    if (!connection->waits && connection->out.empty()) events = POLLIN;
    if (!connection->out.empty()) events = POLLOUT;
    polls->push_back({connection->fd.get(), events, 0});
    const int left = static_cast<int>(std::max<int64_t>(connection->deadline_millis - now_millis, 0));
    if (*timeout_millis < 0 || left < *timeout_millis) *timeout_millis = left;
  }
}

void DnsStreams::Read(Connection* connection) {
  char buffer[4096];
  const ssize_t got = recv(connection->fd.get(), buffer, sizeof(buffer), 0);
  if (got > 0) {
    connection->in.append(buffer, static_cast<size_t>(got));
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    connection->ended = true;
  }
}

void DnsStreams::Write(Connection* connection) {
  const ssize_t sent =
      send(connection->fd.get(), connection->out.data(), connection->out.size(), MSG_NOSIGNAL);
  if (sent >= 0) {
    connection->out.erase(0, static_cast<size_t>(sent));
  } else if (errno != EAGAIN && errno != EINTR) {
    connection->ended = true;
  }
}

bool DnsStreams::Next(Connection* connection, std::string* message) {
  std::string& in = connection->in;
  if (connection->waits || in.size() < 2) return false;
  const size_t size = size_t{static_cast<uint8_t>(in[0])} << 8 | static_cast<uint8_t>(in[1]);
  if (in.size() - 2 < size) return false;
  *message = in.substr(2, size);
  in.erase(0, size + 2);
  connection->waits = true;
  return true;
}

void DnsStreams::Dispatch(const pollfd* polls, size_t count, int64_t now_millis, const OnQuery& on_query,
                          const OnClose& on_close) {
  const size_t polled = std::min(count, connections_.size());
  for (size_t i = 0; i < polled; ++i) {
    Connection* connection = connections_[i].get();
    const short ready = polls[i].revents;
    if ((ready & POLLOUT) != 0) Write(connection);
    if ((ready & POLLIN) != 0) Read(connection);
    if ((ready & (POLLERR | POLLHUP | POLLNVAL)) != 0 && (ready & POLLIN) == 0) connection->ended = true;
    if (ready != 0) connection->deadline_millis = now_millis + kSilenceMillis;
    if (now_millis >= connection->deadline_millis) connection->ended = true;
    std::string message;
    // What came together is answered one after another, while the other side takes the answers.
    while (!connection->ended && connection->out.empty() && Next(connection, &message)) {
      on_query(connection->number, message);
      if (!connection->out.empty()) Write(connection);
    }
  }
  Drop(on_close);
}

void DnsStreams::Answer(uint64_t number, absl::string_view answer) {
  for (const auto& connection : connections_) {
    if (connection->number != number) continue;
    connection->out.push_back(static_cast<char>(answer.size() >> 8));
    connection->out.push_back(static_cast<char>(answer.size() & 0xff));
    connection->out.append(answer.data(), answer.size());
    connection->waits = false;
  }
}

void DnsStreams::Drop(const OnClose& on_close) {
  for (const auto& connection : connections_) {
    if (connection->ended) on_close(connection->number);
  }
  connections_.erase(std::remove_if(connections_.begin(), connections_.end(),
                                    [](const auto& connection) { return connection->ended; }),
                     connections_.end());
}

}  // namespace coracle::network
