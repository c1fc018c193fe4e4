#include "monitor/attach_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>

#include "base/status.h"
#include "monitor/attach.pb.h"
#include "monitor/detach_keys.h"
#include "monitor/frames.h"
#include "monitor/log_time.h"
#include "monitor/output_fd.h"
#include "monitor/signal_watch.h"
#include "monitor/terminal_mode.h"
#include "monitor/unix_socket.h"
#include "os/file.h"

namespace coracle::monitor {
namespace {

constexpr size_t kReceiveSize = 512 << 10;
constexpr size_t kInputRead = 64 << 10;
// Keys that the scanner held back come on top of a full read.
constexpr size_t kClientWindow = kInputWindow - 64;

absl::Status SendFrame(const os::UniqueFd& connection, const std::string& frame) {
  size_t done = 0;
  while (done < frame.size()) {
    const ssize_t count = send(connection.get(), frame.data() + done, frame.size() - done, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "send to the container's monitor");
    done += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

// Waits for one frame; output that comes before it is dropped (control connections get none).
absl::StatusOr<std::string> AwaitFrame(const os::UniqueFd& connection, FrameType type) {
  FrameParser parser;
  for (;;) {
    size_t room = 0;
    char* space = parser.Space(4096, &room);
    const ssize_t count = recv(connection.get(), space, room, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::UnavailableError("the container's monitor ended");
    parser.Commit(static_cast<size_t>(count));
    Frame frame;
    FrameParser::Result result = FrameParser::Result::kNeedMore;
    while ((result = parser.Next(&frame)) == FrameParser::Result::kFrame) {
      if (frame.type == type) return std::string(frame.payload);
      if (frame.type == FrameType::kExit) return absl::UnavailableError("the container has ended");
    }
    if (result == FrameParser::Result::kBad)
      return absl::DataLossError("bad answer of the container's monitor");
  }
}

class AttachSession {
 public:
  AttachSession(const os::UniqueFd& connection, const AttachOptions& options, std::string detach_keys)
      : connection_(connection),
        options_(options),
        scanner_(std::move(detach_keys)),
        out_(options.out_fd),
        err_(options.err_fd),
        reading_input_(options.in) {}

  absl::StatusOr<AttachResult> Run();

 private:
  absl::Status Subscribe();
  void SendWindowSize();
  absl::Status Round();
  absl::Status Receive();
  absl::Status HandleFrame(const Frame& frame);
  absl::Status ReadInput();
  absl::Status HandleSignals();
  bool Clogged() const { return out_.pending() || err_.pending(); }

  const os::UniqueFd& connection_;
  const AttachOptions& options_;
  DetachScanner scanner_;
  OutputFd out_, err_;
  FrameParser parser_;
  std::optional<TerminalMode> terminal_;
  std::optional<SignalWatch> signals_;
  AttachResult result_;
  bool reading_input_, done_ = false;
  size_t window_ = kClientWindow;
};

absl::Status AttachSession::Subscribe() {
  monitor::Subscribe message;
  message.set_input(options_.in);
  message.set_output(options_.out);
  message.set_error(options_.err);
  return SendFrame(connection_, EncodeFrame(FrameType::kSubscribe, message));
}

void AttachSession::SendWindowSize() {
  uint16_t rows = 0, columns = 0;
  if (!TerminalSize(options_.in_fd, &rows, &columns) && !TerminalSize(options_.out_fd, &rows, &columns))
    return;
  (void)SendResize(connection_, rows, columns);  // a lost connection is seen by the loop
}

absl::StatusOr<AttachResult> AttachSession::Run() {
  // Signals first, so that none can end us between raw mode and its restoration.
  if (options_.sig_proxy || options_.tty) {
    ASSIGN_OR_RETURN(SignalWatch watch, SignalWatch::Create(/*window=*/options_.tty));
    signals_.emplace(std::move(watch));
  }
  if (options_.tty && options_.in) {
    ASSIGN_OR_RETURN(TerminalMode mode, TerminalMode::Raw(options_.in_fd));
    terminal_.emplace(std::move(mode));
  }
  // A short-lived container may have ended already, with all it said waiting to be received.
  (void)Subscribe();
  if (options_.tty) SendWindowSize();
  if (options_.start_held) RETURN_IF_ERROR(SendFrame(connection_, EncodeFrame(FrameType::kStart, "")));
  while (!done_) RETURN_IF_ERROR(Round());
  if (!result_.detached) {
    out_.FlushAll();
    err_.FlushAll();
  }
  return result_;
}

absl::Status AttachSession::Round() {
  // Output that our own reader does not take stops the receiving, and so in the end the container.
  pollfd polls[5] = {
      {connection_.get(), static_cast<short>(Clogged() ? 0 : POLLIN), 0},
      {signals_.has_value() ? signals_->fd() : -1, POLLIN, 0},
      {reading_input_ && window_ > 0 ? options_.in_fd : -1, POLLIN, 0},
      {out_.pending() ? out_.fd() : -1, POLLOUT, 0},
      {err_.pending() ? err_.fd() : -1, POLLOUT, 0},
  };
  // With output waiting, an ended connection would wake us for ever: it is looked at again afterwards.
  if (Clogged()) polls[0].fd = -1;
  if (poll(polls, 5, -1) < 0) return errno == EINTR ? absl::OkStatus() : ErrnoStatus(errno, "poll");
  if (polls[3].revents != 0) out_.Flush();
  if (polls[4].revents != 0) err_.Flush();
  if (polls[1].revents != 0) RETURN_IF_ERROR(HandleSignals());
  if (polls[0].revents != 0) RETURN_IF_ERROR(Receive());
  if (!done_ && polls[2].revents != 0) RETURN_IF_ERROR(ReadInput());
  return absl::OkStatus();
}

absl::Status AttachSession::Receive() {
  size_t room = 0;
  char* space = parser_.Space(kReceiveSize, &room);
  const ssize_t count = recv(connection_.get(), space, room, MSG_DONTWAIT);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return absl::OkStatus();
  if (count <= 0) {
    done_ = true;  // the monitor is gone without a word: no exit code
    return absl::OkStatus();
  }
  parser_.Commit(static_cast<size_t>(count));
  Frame frame;
  FrameParser::Result result = FrameParser::Result::kNeedMore;
  while ((result = parser_.Next(&frame)) == FrameParser::Result::kFrame) RETURN_IF_ERROR(HandleFrame(frame));
  if (result == FrameParser::Result::kBad)
    return absl::DataLossError("bad frame from the container's monitor");
  return absl::OkStatus();
}

absl::Status AttachSession::HandleFrame(const Frame& frame) {
  const int size = static_cast<int>(frame.payload.size());
  switch (frame.type) {
    case FrameType::kStdout:
      if (options_.out) out_.Write(frame.payload);
      return absl::OkStatus();
    case FrameType::kStderr:
      if (options_.err) err_.Write(frame.payload);
      return absl::OkStatus();
    case FrameType::kInputTaken: {
      InputTaken message;
      if (!message.ParseFromArray(frame.payload.data(), size)) return absl::DataLossError("bad frame");
      window_ = std::min(window_ + message.bytes(), kClientWindow);
      return absl::OkStatus();
    }
    case FrameType::kStartResult: {
      StartResult message;
      if (!message.ParseFromArray(frame.payload.data(), size)) return absl::DataLossError("bad frame");
      return StatusFromResult(message);
    }
    case FrameType::kExit: {
      Exit message;
      if (!message.ParseFromArray(frame.payload.data(), size)) return absl::DataLossError("bad frame");
      result_.exit_code = message.code();
      done_ = true;
      return absl::OkStatus();
    }
    default:
      return absl::OkStatus();
  }
}

absl::Status AttachSession::ReadInput() {
  char buffer[kInputRead];
  const ssize_t count = read(options_.in_fd, buffer, std::min(window_, sizeof(buffer)));
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return absl::OkStatus();
  if (count <= 0) {
    reading_input_ = false;
    (void)SendFrame(connection_, EncodeFrame(FrameType::kInputEof, ""));
    return absl::OkStatus();
  }
  const absl::string_view input(buffer, static_cast<size_t>(count));
  std::string passed;
  bool detach = false;
  if (options_.tty) {
    detach = scanner_.Scan(input, &passed);
  } else {
    passed.assign(input.data(), input.size());
  }
  window_ -= std::min(passed.size(), window_);
  if (!passed.empty()) (void)SendFrame(connection_, EncodeFrame(FrameType::kInput, passed));
  if (detach) {
    result_.detached = true;
    done_ = true;
  }
  return absl::OkStatus();
}

absl::Status AttachSession::HandleSignals() {
  while (const int signal = signals_->Next()) {
    if (signal == SIGWINCH) {
      SendWindowSize();
    } else if (options_.sig_proxy && !options_.tty) {
      Signal message;
      message.set_number(signal);
      (void)SendFrame(connection_, EncodeFrame(FrameType::kSignal, message));
    } else {
      terminal_.reset();
      DieOf(signal);
    }
  }
  return absl::OkStatus();
}

absl::Status SendAndAwaitAck(const os::UniqueFd& connection, FrameType type) {
  RETURN_IF_ERROR(SendFrame(connection, EncodeFrame(type, "")));
  return AwaitFrame(connection, FrameType::kAck).status();
}

}  // namespace

absl::StatusOr<os::UniqueFd> ConnectAttach(const std::string& run_dir) {
  absl::StatusOr<os::UniqueFd> fd = ConnectSocket(run_dir, "attach.sock");
  if (!fd.ok() && absl::IsNotFound(fd.status())) return absl::NotFoundError("the container is not running");
  return fd;
}

absl::StatusOr<AttachResult> RunAttach(const os::UniqueFd& connection, const AttachOptions& options) {
  ASSIGN_OR_RETURN(std::string keys, ParseDetachKeys(options.detach_keys));
  // A reader that is gone is an error of write(2), not the end of us: the container's exit code still counts.
  struct sigaction ignore = {}, old = {};
  ignore.sa_handler = SIG_IGN;
  (void)sigaction(SIGPIPE, &ignore, &old);
  absl::StatusOr<AttachResult> result = AttachSession(connection, options, std::move(keys)).Run();
  (void)sigaction(SIGPIPE, &old, nullptr);
  return result;
}

absl::Status SendStart(const os::UniqueFd& connection) {
  RETURN_IF_ERROR(SendFrame(connection, EncodeFrame(FrameType::kStart, "")));
  ASSIGN_OR_RETURN(const std::string payload, AwaitFrame(connection, FrameType::kStartResult));
  StartResult result;
  if (!result.ParseFromString(payload)) return absl::DataLossError("bad answer of the container's monitor");
  return StatusFromResult(result);
}

absl::Status SendStopRequested(const os::UniqueFd& connection) {
  return SendAndAwaitAck(connection, FrameType::kStopRequested);
}

absl::Status SendReload(const os::UniqueFd& connection) {
  return SendAndAwaitAck(connection, FrameType::kReload);
}

absl::Status SendResize(const os::UniqueFd& connection, uint16_t rows, uint16_t columns) {
  Resize message;
  message.set_rows(rows);
  message.set_columns(columns);
  return SendFrame(connection, EncodeFrame(FrameType::kResize, message));
}

}  // namespace coracle::monitor
