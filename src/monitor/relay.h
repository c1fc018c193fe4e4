// Carries bytes between a container's stdio, its log and the attached clients.
//
// Who waits for whom: an attached client that is slow makes the container wait once kClientBuffer is full, so
// that `run ... | less` loses nothing, exactly as a pipe would. The client that started the container is
// waited for without a limit; one that attached later is dropped after kClientPatienceMillis without taking a
// byte, so that a forgotten terminal can't stop a service. A client that goes away is dropped at once. The
// log waits for nobody and nobody for the log, but for the disk.
#ifndef CORACLE_MONITOR_RELAY_H_
#define CORACLE_MONITOR_RELAY_H_

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "monitor/attach_connection.h"
#include "monitor/log_writer.h"
#include "os/unique_fd.h"

namespace coracle::monitor {

// Our ends of the container's stdio. With `console` the others are empty.
struct ContainerStdio {
  os::UniqueFd in, out, err, console;
};

// What clients may ask for.
struct RelayHooks {
  std::function<void(int signal)> signal;
  std::function<absl::Status()> start;  // a held container
  std::function<void()> stop_requested;
  std::function<void()> reload;  // the container's record has changed
};

class Relay {
 public:
  // `log` may be null, `listener` empty.
  Relay(std::unique_ptr<LogWriter> log, os::UniqueFd listener, RelayHooks hooks);
  ~Relay();

  // A new run of the container begins. With `stdin_once` its stdin is closed when the client that sends input
  // ends it or leaves.
  void SetStdio(ContainerStdio stdio, bool stdin_once);
  // `foreground`: sends input and takes both streams from the start.
  void AddClient(os::UniqueFd fd, bool foreground, bool input);

  // One round: what to poll for, and what to do about it. `timeout` is lowered if the relay needs to wake.
  void Prepare(std::vector<pollfd>* polls, int* timeout_millis);
  void Dispatch(const pollfd* polls, size_t count);

  // Gives buffers back to the kernel; they are mapped anew when needed.
  void ReleaseMemory();

  // The first process has ended: nobody is waited for any more, all that is left is read.
  void BeginDrain() { draining_ = true; }
  bool OutputEnded() const { return !stdio_.out.valid() && !stdio_.err.valid() && !stdio_.console.valid(); }
  // Closes our ends, whether read to the end or not, and ends the log's last lines.
  void CloseStdio();
  // The last frame to every client.
  void SendExit(int code);
  // Until every client has taken everything, or is gone. The foreground client is waited for without a limit.
  void FlushClients();
  // For tests and the idle decision.
  size_t clients() const { return clients_.size(); }

 private:
  struct Slot;
  void ReadOutput(os::UniqueFd* from, Stream stream);
  void Broadcast(Stream stream, absl::string_view chunk);
  void WriteInput();
  void ReadClient(AttachConnection* client);
  bool HandleFrame(AttachConnection* client, const Frame& frame);
  void Accept();
  void DropDead();
  void DropStuck(int64_t now);
  bool AnyClogged() const;
  bool InputPending() const;
  bool MapBuffer();
  int InputFd() const { return stdio_.console.valid() ? stdio_.console.get() : stdio_.in.get(); }

  std::unique_ptr<LogWriter> log_;
  os::UniqueFd listener_;
  RelayHooks hooks_;
  ContainerStdio stdio_;
  bool stdin_once_ = false;
  bool draining_ = false;
  bool pipes_grown_[2] = {false, false};
  std::vector<std::unique_ptr<AttachConnection>> clients_;
  std::vector<Slot> slots_;
  char* buffer_ = nullptr;
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_RELAY_H_
