#include "build/stage_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::build {
namespace {

// Event frames: the length in four bytes of this machine's order, then the message.
void Send(int socket, const WorkerEvent& event) {
  const std::string bytes = event.SerializeAsString();
  const uint32_t length = static_cast<uint32_t>(bytes.size());
  std::string frame(reinterpret_cast<const char*>(&length), sizeof(length));
  // Who does not listen any more is gone, and we with it.
  if (!os::WriteAll(socket, absl::StrCat(frame, bytes)).ok()) _exit(1);
}

StageLayer Message(const CachedStep& step) {
  StageLayer layer;
  layer.set_id(step.layer.id);
  layer.set_media_type(step.layer.media_type);
  layer.set_digest(step.layer.digest);
  layer.set_size(step.layer.size);
  layer.set_unpacked_bytes(step.layer.unpacked_bytes);
  layer.set_created_unix_nanos(step.created_unix_nanos);
  for (const std::string& key : step.keys) layer.add_keys(key);
  return layer;
}

void SendFailure(int socket, int step, const absl::Status& status,
                 const std::optional<CachedStep>& left = std::nullopt) {
  WorkerEvent event;
  WorkerEvent::Failure& failure = *event.mutable_failure();
  failure.set_step(step);
  failure.set_message(StatusLine(status));
  failure.set_code(static_cast<int>(status.code()));
  failure.set_exit_code(StepExitCodeOf(status));
  if (left.has_value()) *failure.mutable_left() = Message(*left);
  Send(socket, event);
}

absl::Status RunStage(const StageInputs& inputs, int socket, int& failed_step) {
  ASSIGN_OR_RETURN(store::Lease keeper, store::Lease::Take(*inputs.store, "build"));
  for (const LayerRef& layer : inputs.below) RETURN_IF_ERROR(keeper.ClaimLayer(layer.id));
  StageEvents events;
  events.begin = [socket](int step) {
    WorkerEvent event;
    event.mutable_begin()->set_step(step);
    Send(socket, event);
  };
  events.output = [socket](int step, absl::string_view text) {
    WorkerEvent event;
    event.mutable_output()->set_step(step);
    event.mutable_output()->set_data(std::string(text));
    Send(socket, event);
  };
  events.end = [socket](int step, bool cached, const CachedStep& made) {
    WorkerEvent event;
    event.mutable_end()->set_step(step);
    event.mutable_end()->set_cached(cached);
    *event.mutable_end()->mutable_layer() = Message(made);
    Send(socket, event);
  };
  StageRun run(inputs, keeper, events);
  const absl::Status status = run.Run(failed_step);
  if (!status.ok() && !run.left().has_value()) return status;
  if (status.ok()) {
    WorkerEvent done;
    done.set_done(true);
    Send(socket, done);
  } else {
    SendFailure(socket, failed_step, status, run.left());
  }
  // The other side claims what we claim, then says so, or goes.
  char byte;
  while (read(socket, &byte, 1) < 0 && errno == EINTR) {
  }
  return absl::OkStatus();
}

[[noreturn]] void ChildMain(const StageInputs& inputs, int socket) {
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) signal(signal_number, SIG_DFL);
  if (os::DieWithParent(SIGKILL, socket) != 0) _exit(1);
  int failed_step = -1;
  const absl::Status status = RunStage(inputs, socket, failed_step);
  if (!status.ok()) SendFailure(socket, failed_step, status);
  _exit(status.ok() ? 0 : 1);
}

}  // namespace

absl::StatusOr<std::unique_ptr<StageProcess>> StageProcess::Start(const StageInputs& inputs,
                                                                  store::Lease& parent_lease) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    return ErrnoStatus(errno, "socketpair");
  os::UniqueFd ours(sockets[0]);
  os::UniqueFd theirs(sockets[1]);
  os::CloneResult clone;
  const int result = os::CloneProcess({}, &clone);
  if (result < 0) return ErrnoStatus(-result, "start a process for a stage");
  if (clone.pid == 0) {
    ours.Reset();
    parent_lease.Forget();
    ChildMain(inputs, theirs.get());
  }
  os::ChildProcess child(clone.pid, os::UniqueFd(clone.pidfd));
  return std::unique_ptr<StageProcess>(new StageProcess(std::move(child), std::move(ours)));
}

bool StageProcess::Read() {
  char data[65536];
  ssize_t count;
  do {
    count = read(socket_.get(), data, sizeof(data));
  } while (count < 0 && errno == EINTR);
  if (count <= 0) return false;
  buffer_.append(data, static_cast<size_t>(count));
  return true;
}

bool StageProcess::Next(WorkerEvent& event) {
  uint32_t length = 0;
  if (buffer_.size() < sizeof(length)) return false;
  memcpy(&length, buffer_.data(), sizeof(length));
  if (buffer_.size() - sizeof(length) < length) return false;
  const bool whole = event.ParseFromArray(buffer_.data() + sizeof(length), static_cast<int>(length));
  buffer_.erase(0, sizeof(length) + length);
  return whole;
}

void StageProcess::Release() {
  // Not by closing: processes of other stages have copies of this end.
  while (write(socket_.get(), "", 1) < 0 && errno == EINTR) {
  }
  socket_.Reset();
  (void)child_.Wait();
}

}  // namespace coracle::build
