// A container's TCP connections to its resolver: messages with two bytes of length before each (RFC 1035,
// 4.2.2), one answered after another.
#ifndef CORACLE_NETWORK_DNS_STREAM_H_
#define CORACLE_NETWORK_DNS_STREAM_H_

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "os/unique_fd.h"

namespace coracle::network {

inline constexpr size_t kMaxConnections = 16;

class DnsStreams {
 public:
  // What the other side asks; the answer comes by Answer, at once or later.
  using OnQuery = std::function<void(uint64_t connection, absl::string_view query)>;
  using OnClose = std::function<void(uint64_t connection)>;

  // The longest silent one makes room if there are too many.
  void Accept(int listener, int64_t now_millis, const OnClose& on_close);
  void Prepare(std::vector<pollfd>* polls, int* timeout_millis, int64_t now_millis);
  void Dispatch(const pollfd* polls, size_t count, int64_t now_millis, const OnQuery& on_query,
                const OnClose& on_close);
  // Of a connection that has gone meanwhile: nothing happens.
  void Answer(uint64_t connection, absl::string_view answer);
  size_t size() const { return connections_.size(); }

 private:
  struct Connection {
    uint64_t number = 0;
    os::UniqueFd fd;
    std::string in, out;
    bool waits = false;  // for an answer: nothing more is read
    bool ended = false;
    int64_t deadline_millis = 0;
  };
  static void Read(Connection* connection);
  static void Write(Connection* connection);
  // Takes the next whole message out of `in`.
  static bool Next(Connection* connection, std::string* message);
  void Drop(const OnClose& on_close);

  std::vector<std::unique_ptr<Connection>> connections_;
  uint64_t last_number_ = 0;
};

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_DNS_STREAM_H_
