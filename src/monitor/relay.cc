#include "monitor/relay.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/string_view.h"
#include "base/monotonic.h"
#include "monitor/attach.pb.h"
#include "monitor/log_time.h"

namespace coracle::monitor {
namespace {

constexpr size_t kReadSize = 128 << 10;
static_assert(kReadSize <= kMaxFrame, "a read goes out as one frame");
// A pipe that fills a read of this size is grown, once.
constexpr size_t kBusyRead = 64 << 10;
constexpr int kBusyPipe = 1 << 20;
constexpr size_t kMaxClients = 64;
constexpr size_t kClientRead = 16 << 10;

void SetNonBlocking(int fd) {
  if (fd >= 0) (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

struct Relay::Slot {
  enum Kind { kListener, kOut, kErr, kConsole, kInput, kClient } kind;
  AttachConnection* client;
};

Relay::Relay(std::unique_ptr<LogWriter> log, os::UniqueFd listener, RelayHooks hooks)
    : log_(std::move(log)), listener_(std::move(listener)), hooks_(std::move(hooks)) {}

Relay::~Relay() {
  if (buffer_ != nullptr) munmap(buffer_, kReadSize);
}

void Relay::SetStdio(ContainerStdio stdio, bool stdin_once) {
  stdio_ = std::move(stdio);
  stdin_once_ = stdin_once;
  draining_ = false;
  pipes_grown_[0] = pipes_grown_[1] = false;
  for (const os::UniqueFd* fd : {&stdio_.in, &stdio_.out, &stdio_.err, &stdio_.console})
    SetNonBlocking(fd->get());
}

void Relay::AddClient(os::UniqueFd fd, bool foreground, bool input) {
  SetNonBlocking(fd.get());
  auto client = std::make_unique<AttachConnection>(std::move(fd));
  client->foreground = client->wants_out = client->wants_err = foreground;
  client->sends_input = input;
  client->last_progress_millis = MonotonicMillis();
  clients_.push_back(std::move(client));
}

bool Relay::MapBuffer() {
  if (buffer_ != nullptr) return true;
  void* mapped = mmap(nullptr, kReadSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return false;
  buffer_ = static_cast<char*>(mapped);
  return true;
}

void Relay::ReleaseMemory() {
  if (buffer_ != nullptr) madvise(buffer_, kReadSize, MADV_DONTNEED);
  if (log_ != nullptr) log_->ReleaseMemory();
  for (const auto& client : clients_) client->parser.ReleaseIfEmpty();
}

bool Relay::AnyClogged() const {
  return std::any_of(clients_.begin(), clients_.end(), [](const auto& client) { return client->Clogged(); });
}

bool Relay::InputPending() const {
  return std::any_of(clients_.begin(), clients_.end(),
                     [](const auto& client) { return !client->input.empty(); });
}

void Relay::Prepare(std::vector<pollfd>* polls, int* timeout_millis) {
  slots_.clear();
  const auto add = [&](int fd, short events, Slot::Kind kind, AttachConnection* client) {
    polls->push_back({fd, events, 0});
    slots_.push_back({kind, client});
  };
  if (listener_.valid() && clients_.size() < kMaxClients) {
    add(listener_.get(), POLLIN, Slot::kListener, nullptr);
  }
  const bool wait = !draining_ && AnyClogged();
  if (!wait) {
    if (stdio_.out.valid()) add(stdio_.out.get(), POLLIN, Slot::kOut, nullptr);
    if (stdio_.err.valid()) add(stdio_.err.get(), POLLIN, Slot::kErr, nullptr);
    if (stdio_.console.valid()) add(stdio_.console.get(), POLLIN, Slot::kConsole, nullptr);
  }
  if (InputFd() >= 0 && InputPending()) add(InputFd(), POLLOUT, Slot::kInput, nullptr);
  for (const auto& client : clients_) {
    const short events = static_cast<short>(POLLIN | (client->out.empty() ? 0 : POLLOUT));
    add(client->fd.get(), events, Slot::kClient, client.get());
  }
  if (wait && (*timeout_millis < 0 || *timeout_millis > 1000)) *timeout_millis = 1000;  // see DropStuck
}

void Relay::Dispatch(const pollfd* polls, size_t count) {
  const int64_t now = MonotonicMillis();
  for (size_t i = 0; i < count && i < slots_.size(); ++i) {
    const short events = polls[i].revents;
    if (events == 0) continue;
    switch (slots_[i].kind) {
      case Slot::kListener:
        Accept();
        break;
      case Slot::kOut:
        ReadOutput(&stdio_.out, Stream::kStdout);
        break;
      case Slot::kErr:
        ReadOutput(&stdio_.err, Stream::kStderr);
        break;
      case Slot::kConsole:
        ReadOutput(&stdio_.console, Stream::kStdout);
        break;
      case Slot::kInput:
        WriteInput();
        break;
      case Slot::kClient:
        if ((events & POLLOUT) != 0) slots_[i].client->Flush(now);
        if ((events & ~POLLOUT) != 0) ReadClient(slots_[i].client);
        break;
    }
  }
  DropStuck(now);
  DropDead();
}

void Relay::ReadOutput(os::UniqueFd* from, Stream stream) {
  if (!from->valid() || !MapBuffer()) return;
  const ssize_t count = read(from->get(), buffer_, kReadSize);
  if (count > 0) {
    const size_t size = static_cast<size_t>(count);
    bool& grown = pipes_grown_[static_cast<int>(stream)];
    if (size >= kBusyRead && !grown) {
      grown = true;
      (void)fcntl(from->get(), F_SETPIPE_SZ, kBusyPipe);  // refused beyond the user's quota: stays small
    }
    if (log_ != nullptr) log_->Write(stream, absl::string_view(buffer_, size), NowUnixNanos());
    Broadcast(stream, absl::string_view(buffer_, size));
    return;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  from->Reset();  // end; a pseudo-terminal whose last user is gone says EIO
}

void Relay::Broadcast(Stream stream, absl::string_view chunk) {
  const int64_t now = clients_.empty() ? 0 : MonotonicMillis();
  for (const auto& client : clients_) {
    if (stream == Stream::kStdout ? client->wants_out : client->wants_err) {
      client->Send(stream == Stream::kStdout ? FrameType::kStdout : FrameType::kStderr, chunk, now);
    }
  }
}

void Relay::WriteInput() {
  for (const auto& client : clients_) {
    size_t taken = 0;
    while (InputFd() >= 0 && !client->input.empty()) {
      const absl::string_view front = client->input.Front();
      const ssize_t count = write(InputFd(), front.data(), front.size());
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (count < 0) {  // the container closed its stdin
        stdio_.in.Reset();
        break;
      }
      client->input.Consume(static_cast<size_t>(count));
      taken += static_cast<size_t>(count);
    }
    if (taken > 0 && !client->input_ended) {
      InputTaken message;
      message.set_bytes(static_cast<uint32_t>(taken));
      client->Send(FrameType::kInputTaken, message.SerializeAsString(), MonotonicMillis());
    }
    if (client->input_ended && client->input.empty() && client->sends_input && stdin_once_) stdio_.in.Reset();
  }
  if (InputFd() < 0) {
    for (const auto& client : clients_) client->input.Clear();
  }
}

void Relay::ReadClient(AttachConnection* client) {
  for (int round = 0; round < 16 && !client->dead; ++round) {
    size_t room = 0;
    char* space = client->parser.Space(kClientRead, &room);
    const ssize_t count = recv(client->fd.get(), space, room, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
      client->dead = true;
      return;
    }
    client->parser.Commit(static_cast<size_t>(count));
    Frame frame;
    FrameParser::Result result = FrameParser::Result::kNeedMore;
    while ((result = client->parser.Next(&frame)) == FrameParser::Result::kFrame) {
      if (!HandleFrame(client, frame)) client->dead = true;
      if (client->dead) return;
    }
    if (result == FrameParser::Result::kBad) client->dead = true;
  }
}

bool Relay::HandleFrame(AttachConnection* client, const Frame& frame) {
  const int payload_size = static_cast<int>(frame.payload.size());
  switch (frame.type) {
    case FrameType::kInput:
      // Beyond the window, or input nobody announced: a client that does not keep to the protocol.
      if (!client->sends_input || client->input_ended) return false;
      if (client->input.size() + frame.payload.size() > kInputWindow) return false;
      client->input.Append(frame.payload);
      WriteInput();
      return true;
    case FrameType::kInputEof:
      client->input_ended = true;
      WriteInput();
      return true;
    case FrameType::kSubscribe: {
      Subscribe message;
      if (!message.ParseFromArray(frame.payload.data(), payload_size)) return false;
      client->wants_out = message.output();
      client->wants_err = message.error();
      client->sends_input = message.input();
      return true;
    }
    case FrameType::kResize: {
      Resize message;
      if (!message.ParseFromArray(frame.payload.data(), payload_size)) return false;
      if (!stdio_.console.valid()) return true;
      winsize size = {};
      size.ws_row = static_cast<unsigned short>(message.rows());
      size.ws_col = static_cast<unsigned short>(message.columns());
      (void)ioctl(stdio_.console.get(), TIOCSWINSZ, &size);
      return true;
    }
    case FrameType::kSignal: {
      Signal message;
      if (!message.ParseFromArray(frame.payload.data(), payload_size)) return false;
      if (hooks_.signal) hooks_.signal(message.number());
      return true;
    }
    case FrameType::kStart: {
      StartResult result;
      StatusToResult(hooks_.start ? hooks_.start() : absl::FailedPreconditionError("nothing to start"),
                     &result);
      client->Send(FrameType::kStartResult, result.SerializeAsString(), MonotonicMillis());
      return true;
    }
    case FrameType::kStopRequested:
      if (hooks_.stop_requested) hooks_.stop_requested();
      client->Send(FrameType::kAck, "", MonotonicMillis());
      return true;
    case FrameType::kReload:
      if (hooks_.reload) hooks_.reload();
      client->Send(FrameType::kAck, "", MonotonicMillis());
      return true;
    default:
      return false;  // frames that only the monitor sends
  }
}

void Relay::Accept() {
  os::UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd.valid()) AddClient(std::move(fd), /*foreground=*/false, /*input=*/false);
}

void Relay::DropStuck(int64_t now) {
  for (const auto& client : clients_) {
    if (!client->foreground && client->Clogged() &&
        now - client->last_progress_millis > kClientPatienceMillis) {
      client->dead = true;
    }
  }
}

void Relay::DropDead() {
  bool input_left = false;
  for (const auto& client : clients_) {
    if (!client->dead) continue;
    client->input_ended = true;
    // What it had sent before it left still goes in; then its end counts as the end of input.
    input_left = input_left || (client->sends_input && !client->input.empty() && InputFd() >= 0);
    if (client->sends_input && client->input.empty() && stdin_once_) stdio_.in.Reset();
  }
  if (input_left) WriteInput();
  clients_.erase(std::remove_if(clients_.begin(), clients_.end(),
                                [&](const auto& client) {
                                  if (!client->dead) return false;
                                  if (client->sends_input && stdin_once_) stdio_.in.Reset();
                                  return true;
                                }),
                 clients_.end());
}

void Relay::CloseStdio() {
  stdio_ = ContainerStdio();
  if (log_ != nullptr) log_->Finish(NowUnixNanos());
}

void Relay::SendExit(int code) {
  Exit message;
  message.set_code(code);
  const std::string payload = message.SerializeAsString();
  for (const auto& client : clients_) client->Send(FrameType::kExit, payload, MonotonicMillis());
}

void Relay::FlushClients() {
  listener_.Reset();
  for (;;) {
    DropStuck(MonotonicMillis());
    clients_.erase(std::remove_if(clients_.begin(), clients_.end(),
                                  [](const auto& client) { return client->dead || client->out.empty(); }),
                   clients_.end());
    if (clients_.empty()) return;
    std::vector<pollfd> polls;
    for (const auto& client : clients_) polls.push_back({client->fd.get(), POLLOUT, 0});
    if (poll(polls.data(), polls.size(), 1000) < 0 && errno != EINTR) return;
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (polls[i].revents != 0) clients_[i]->Flush(MonotonicMillis());
    }
  }
}

}  // namespace coracle::monitor
