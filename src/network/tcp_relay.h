// One connection of TCP, passed on to another.
#ifndef CORACLE_NETWORK_TCP_RELAY_H_
#define CORACLE_NETWORK_TCP_RELAY_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "os/unique_fd.h"

namespace coracle::network {

struct Pipe {
  os::UniqueFd read_end, write_end;
};

// Both ends are non-blocking sockets and watched, edge-triggered, by the owner, who calls Pump whenever
// something happened to one of them. What one side ends is ended on the other (shutdown(2)) when all that was
// sent before has arrived.
class TcpRelay {
 public:
  enum class State { kWaits, kHasMore, kEnded };
  // `server` may be connecting still.
  TcpRelay(os::UniqueFd client, os::UniqueFd server)
      : client_(std::move(client)), server_(std::move(server)) {}
  // Passes on what there is, for a while: kHasMore asks for another call soon. `spare`: pipes that are empty;
  // one is taken while bytes are stuck, and given back.
  State Pump(std::vector<Pipe>& spare);
  int client() const { return client_.get(); }
  int server() const { return server_.get(); }

 private:
  struct Flow {
    Pipe pipe;
    size_t held = 0;  // bytes in the pipe
    bool eof = false;
    bool done = false;
  };
  enum class Step { kBlocked, kMoved, kFailed };
  static Step Move(Flow& flow, int from, int to, std::vector<Pipe>& spare);

  State Connect();

  os::UniqueFd client_, server_;
  bool connected_ = false;
  Flow up_, down_;
};

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_TCP_RELAY_H_
