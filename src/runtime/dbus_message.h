// D-Bus messages, as far as talking to systemd needs them: one connection, method calls, replies and signals.
// Source: D-Bus Specification, "Message Protocol" and "Authentication Protocol".
#ifndef CORACLE_RUNTIME_DBUS_MESSAGE_H_
#define CORACLE_RUNTIME_DBUS_MESSAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/unique_fd.h"

namespace coracle::runtime {

// Marshals values, little-endian, each at its alignment from the start of the buffer.
class DbusWriter {
 public:
  void Align(size_t to) { data_.resize((data_.size() + to - 1) / to * to); }
  void Byte(uint8_t value) { data_.push_back(static_cast<char>(value)); }
  void Uint32(uint32_t value);
  void Uint64(uint64_t value);
  void Bool(bool value) { Uint32(value ? 1 : 0); }
  void String(absl::string_view value);  // also an object path
  void Signature(absl::string_view value);
  // An array of elements with alignment `align`: Begin, the elements, End with what Begin returned.
  size_t BeginArray(size_t align);
  void EndArray(size_t begin);
  // A (sv) of a property list; the value follows.
  void Property(absl::string_view name, absl::string_view signature);
  const std::string& data() const { return data_; }

 private:
  std::string data_;
  std::vector<size_t> length_at_;
};

struct DbusMessage {
  enum Type : uint8_t { kCall = 1, kReturn = 2, kError = 3, kSignal = 4 };
  Type type = kReturn;
  uint32_t serial = 0, reply_serial = 0;
  std::string path, interface, member, error_name, signature;
  std::string body;
};

// Reads values from a body. Past the end, or malformed: zero values, and ok() is false.
class DbusReader {
 public:
  explicit DbusReader(absl::string_view data) : data_(data) {}
  void Align(size_t to);
  uint8_t Byte();
  uint32_t Uint32();
  std::string String();
  std::string Signature();
  bool ok() const { return ok_; }
  size_t at() const { return at_; }

 private:
  absl::string_view Take(size_t count);
  absl::string_view data_;
  size_t at_ = 0;
  bool ok_ = true;
};

std::string EncodeMessage(const DbusMessage& message, absl::string_view destination);
// The length of the whole message whose first 16 bytes are `head`; 0 if they are none.
size_t MessageLength(absl::string_view head);
// Errors: InvalidArgument for bytes that are no message.
absl::StatusOr<DbusMessage> DecodeMessage(absl::string_view bytes);

class DbusConnection {
 public:
  // Connects to a Unix socket whose server knows us by SO_PEERCRED (EXTERNAL without a name: a user namespace
  // may show us another uid than the server sees). Errors: errno of connect; Unavailable if the server
  // refuses.
  static absl::StatusOr<DbusConnection> Connect(const std::string& path);
  // Sends a call and returns its serial number.
  absl::StatusOr<uint32_t> Send(DbusMessage call, absl::string_view destination);
  // The next message. Errors: DeadlineExceeded at `deadline_ms` (monotonic), Unavailable if the server hangs
  // up.
  absl::StatusOr<DbusMessage> Receive(int64_t deadline_ms);

 private:
  explicit DbusConnection(os::UniqueFd fd) : fd_(std::move(fd)) {}
  absl::Status Fill(size_t size, int64_t deadline_ms);
  os::UniqueFd fd_;
  std::string input_;
  uint32_t last_serial_ = 0;
};

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_DBUS_MESSAGE_H_
