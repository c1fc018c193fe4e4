#include "network/tcp_relay.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace coracle::network {
namespace {

// What an ordinary user may have at once (pipe(7), pipe-max-size): a socket's bytes come in pieces of a page,
// one for each of a pipe's slots, and with the 16 of the default a fast client costs many times as many
// system calls.
constexpr int kPipeBytes = 1 << 20;
constexpr size_t kMaxSpare = 4;
constexpr int kRounds = 32;

bool TakePipe(std::vector<Pipe>& spare, Pipe* pipe) {
  if (!spare.empty()) {
    *pipe = std::move(spare.back());
    spare.pop_back();
    return true;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return false;
  pipe->read_end.Reset(ends[0]);
  pipe->write_end.Reset(ends[1]);
  (void)fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);  // where a user has many, it stays as it is: slower
  return true;
}

void GiveBack(Pipe& pipe, std::vector<Pipe>& spare) {
  if (spare.size() < kMaxSpare) spare.push_back(std::move(pipe));
  pipe = Pipe();
}

int ErrorOf(int socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

TcpRelay::Step TcpRelay::Move(Flow& flow, int from, int to, std::vector<Pipe>& spare) {
  if (flow.done) return Step::kBlocked;
  if (!flow.pipe.read_end.valid() && !TakePipe(spare, &flow.pipe)) return Step::kFailed;
  bool moved = false;
  if (!flow.eof && flow.held == 0) {
    const ssize_t got = splice(from, nullptr, flow.pipe.write_end.get(), nullptr, kPipeBytes,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (got > 0) flow.held = static_cast<size_t>(got);
    if (got == 0) flow.eof = true;
    if (got < 0 && errno != EAGAIN && errno != EINTR) return Step::kFailed;
    moved = got >= 0;
  }
  if (flow.held > 0) {
    const ssize_t sent =
        splice(flow.pipe.read_end.get(), nullptr, to, nullptr, flow.held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (sent > 0) flow.held -= static_cast<size_t>(sent);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return Step::kFailed;
    moved = sent > 0;
  }
  if (flow.held == 0) GiveBack(flow.pipe, spare);
  if (flow.eof && flow.held == 0) {
    (void)shutdown(to, SHUT_WR);  // of one that was reset meanwhile: SO_ERROR tells
    flow.done = true;
  }
  return moved ? Step::kMoved : Step::kBlocked;
}

// Nothing may be done with a socket that connects still: shutdown(2) would give it up.
TcpRelay::State TcpRelay::Connect() {
  pollfd server = {server_.get(), POLLOUT, 0};
  if (poll(&server, 1, 0) <= 0) return State::kWaits;
  connected_ = true;
  return ErrorOf(server_.get()) == 0 ? State::kHasMore : State::kEnded;
}

TcpRelay::State TcpRelay::Pump(std::vector<Pipe>& spare) {
  if (!connected_) {
    const State state = Connect();
    if (state != State::kHasMore) return state;
  }
  for (int round = 0; round < kRounds; ++round) {
    const Step up = Move(up_, client_.get(), server_.get(), spare);
    const Step down = Move(down_, server_.get(), client_.get(), spare);
    if (up == Step::kFailed || down == Step::kFailed) return State::kEnded;
    if (up_.done && down_.done) return State::kEnded;
    if (up == Step::kBlocked && down == Step::kBlocked) {
      // One that was reset with nothing under way.
      return ErrorOf(client_.get()) == 0 && ErrorOf(server_.get()) == 0 ? State::kWaits : State::kEnded;
    }
  }
  return State::kHasMore;
}

}  // namespace coracle::network
