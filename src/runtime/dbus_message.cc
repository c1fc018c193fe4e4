#include "runtime/dbus_message.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/monotonic.h"
#include "base/status.h"

namespace coracle::runtime {
namespace {

constexpr size_t kMaxMessage = 1 << 20;
constexpr size_t kFixedHeader = 16;
constexpr int kAuthTimeoutMs = 10000;

enum Field : uint8_t {
  kPath = 1,
  kInterface,
  kMember,
  kErrorName,
  kReplySerial,
  kDestination,
  kSender,
  kSignature
};

uint32_t LittleEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[static_cast<size_t>(i)]);
  return value;
}

void StringField(DbusWriter* out, Field field, absl::string_view signature, absl::string_view value) {
  if (value.empty()) return;
  out->Align(8);
  out->Byte(field);
  out->Signature(signature);
  if (signature == "g") {
    out->Signature(value);
  } else {
    out->String(value);
  }
}

absl::Status NoMessage() { return absl::InvalidArgumentError("D-Bus: malformed message"); }

}  // namespace

void DbusWriter::Uint32(uint32_t value) {
  Align(4);
  for (int i = 0; i < 4; ++i) Byte(static_cast<uint8_t>(value >> (8 * i)));
}

void DbusWriter::Uint64(uint64_t value) {
  Align(8);
  for (int i = 0; i < 8; ++i) Byte(static_cast<uint8_t>(value >> (8 * i)));
}

void DbusWriter::String(absl::string_view value) {
  Uint32(static_cast<uint32_t>(value.size()));
  data_.append(value.data(), value.size());
  Byte(0);
}

void DbusWriter::Signature(absl::string_view value) {
  Byte(static_cast<uint8_t>(value.size()));
  data_.append(value.data(), value.size());
  Byte(0);
}

size_t DbusWriter::BeginArray(size_t align) {
  Uint32(0);
  length_at_.push_back(data_.size() - 4);
  Align(align);  // not counted in the length
  return data_.size();
}

void DbusWriter::EndArray(size_t begin) {
  const uint32_t length = static_cast<uint32_t>(data_.size() - begin);
  const size_t at = length_at_.back();
  length_at_.pop_back();
  for (size_t i = 0; i < 4; ++i) data_[at + i] = static_cast<char>(length >> (8 * i));
}

void DbusWriter::Property(absl::string_view name, absl::string_view signature) {
  Align(8);
  String(name);
  Signature(signature);
}

absl::string_view DbusReader::Take(size_t count) {
  if (!ok_ || count > data_.size() - at_) {
    ok_ = false;
    return {};
  }
  at_ += count;
  return data_.substr(at_ - count, count);
}

void DbusReader::Align(size_t to) { (void)Take((to - at_ % to) % to); }

uint8_t DbusReader::Byte() {
  const absl::string_view byte = Take(1);
  return byte.empty() ? 0 : static_cast<uint8_t>(byte[0]);
}

uint32_t DbusReader::Uint32() {
  Align(4);
  const absl::string_view bytes = Take(4);
  return bytes.empty() ? 0 : LittleEndian(bytes);
}

std::string DbusReader::String() {
  const uint32_t size = Uint32();
  const std::string text(Take(size));
  (void)Take(1);
  return text;
}

std::string DbusReader::Signature() {
  const uint8_t size = Byte();
  const std::string text(Take(size));
  (void)Take(1);
  return text;
}

std::string EncodeMessage(const DbusMessage& message, absl::string_view destination) {
  DbusWriter out;
  out.Byte('l');
  out.Byte(message.type);
  out.Byte(0);  // flags
  out.Byte(1);  // version
  out.Uint32(static_cast<uint32_t>(message.body.size()));
  out.Uint32(message.serial);
  const size_t fields = out.BeginArray(8);
  StringField(&out, kPath, "o", message.path);
  StringField(&out, kInterface, "s", message.interface);
  StringField(&out, kMember, "s", message.member);
  StringField(&out, kDestination, "s", destination);
  StringField(&out, kSignature, "g", message.signature);
  out.EndArray(fields);
  out.Align(8);
  return absl::StrCat(out.data(), message.body);
}

size_t MessageLength(absl::string_view head) {
  if (head.size() < kFixedHeader || head[0] != 'l' || head[3] != 1) return 0;
  const size_t body = LittleEndian(head.substr(4, 4)), fields = LittleEndian(head.substr(12, 4));
  if (body > kMaxMessage || fields > kMaxMessage) return 0;
  return kFixedHeader + (fields + 7) / 8 * 8 + body;
}

absl::StatusOr<DbusMessage> DecodeMessage(absl::string_view bytes) {
  const size_t length = MessageLength(bytes);
  if (length == 0 || length != bytes.size()) return NoMessage();
  DbusMessage message;
  message.type = static_cast<DbusMessage::Type>(bytes[1]);
  message.serial = LittleEndian(bytes.substr(8, 4));
  const size_t fields_end = kFixedHeader + LittleEndian(bytes.substr(12, 4));
  DbusReader reader(bytes.substr(0, fields_end));
  for (size_t i = 0; i < kFixedHeader; ++i) (void)reader.Byte();
  while (reader.ok() && reader.at() < fields_end) {
    reader.Align(8);
    if (reader.at() >= fields_end) break;
    const uint8_t field = reader.Byte();
    const std::string signature = reader.Signature();
    uint32_t number = 0;
    std::string text;
    if (signature == "s" || signature == "o") {
      text = reader.String();
    } else if (signature == "g") {
      text = reader.Signature();
    } else if (signature == "u") {
      number = reader.Uint32();
    } else {
      return NoMessage();
    }
    if (field == kPath) message.path = text;
    if (field == kInterface) message.interface = text;
    if (field == kMember) message.member = text;
    if (field == kErrorName) message.error_name = text;
    if (field == kSignature) message.signature = text;
    if (field == kReplySerial) message.reply_serial = number;
  }
  if (!reader.ok()) return NoMessage();
  const size_t body = LittleEndian(bytes.substr(4, 4));
  message.body = std::string(bytes.substr(bytes.size() - body));
  return message;
}

absl::Status DbusConnection::Fill(size_t size, int64_t deadline_ms) {
  while (input_.size() < size) {
    pollfd wait = {fd_.get(), POLLIN, 0};
    const int64_t left = deadline_ms - MonotonicMillis();
    const int ready = left <= 0 ? 0 : poll(&wait, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return absl::DeadlineExceededError("systemd: no answer in time");
    char buffer[4096];
    const ssize_t count = recv(fd_.get(), buffer, sizeof(buffer), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::UnavailableError("systemd: the connection was closed");
    input_.append(buffer, static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

absl::StatusOr<DbusConnection> DbusConnection::Connect(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return ErrnoStatus(ENAMETOOLONG, absl::StrCat("connect to ", path));
  memcpy(address.sun_path, path.data(), path.size());
  os::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() || connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, absl::StrCat("connect to ", path));
  }
  // Everything at once, as sd-bus does; the answers are "DATA" and "OK <guid>".
  static constexpr char kHello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
  if (send(fd.get(), kHello, sizeof(kHello) - 1, MSG_NOSIGNAL) != sizeof(kHello) - 1) {
    return ErrnoStatus(errno, absl::StrCat("write to ", path));
  }
  DbusConnection connection(std::move(fd));
  const int64_t deadline = MonotonicMillis() + kAuthTimeoutMs;
  for (;;) {
    const size_t end = connection.input_.find("\r\n");
    if (end == std::string::npos) {
      if (connection.input_.size() > 4096)
        return absl::UnavailableError(absl::StrCat(path, ": is no D-Bus server"));
      RETURN_IF_ERROR(connection.Fill(connection.input_.size() + 1, deadline), path);
      continue;
    }
    const std::string line = connection.input_.substr(0, end);
    connection.input_.erase(0, end + 2);
    if (absl::StartsWith(line, "OK")) return connection;
    if (!absl::StartsWith(line, "DATA"))
      return absl::PermissionDeniedError(absl::StrCat(path, ": refuses us"));
  }
}

absl::StatusOr<uint32_t> DbusConnection::Send(DbusMessage call, absl::string_view destination) {
  call.type = DbusMessage::kCall;
  call.serial = ++last_serial_;
  const std::string bytes = EncodeMessage(call, destination);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = send(fd_.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return ErrnoStatus(errno, "write to systemd");
    done += static_cast<size_t>(count);
  }
  return call.serial;
}

absl::StatusOr<DbusMessage> DbusConnection::Receive(int64_t deadline_ms) {
  RETURN_IF_ERROR(Fill(kFixedHeader, deadline_ms));
  const size_t length = MessageLength(input_);
  if (length == 0) return NoMessage();
  RETURN_IF_ERROR(Fill(length, deadline_ms));
  ASSIGN_OR_RETURN(DbusMessage message, DecodeMessage(absl::string_view(input_).substr(0, length)));
  input_.erase(0, length);
  return message;
}

}  // namespace coracle::runtime
