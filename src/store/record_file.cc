#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/fault.h"
#include "base/status.h"
#include "store/crc32c.h"
#include "store/events.h"
#include "store/store.h"

namespace coracle::store {
namespace {

// All numbers little-endian; the message follows.
struct Frame {
  char magic[4];
  uint32_t schema;
  uint32_t length;
  uint32_t checksum;  // CRC-32C of schema, length and message
};
static_assert(sizeof(Frame) == 16);
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

constexpr char kMagic[4] = {'C', 'R', 'C', 'L'};
constexpr size_t kMaxRecordBytes = 16 << 20;
// Most records fit: one read(2) then gets them whole.
constexpr size_t kFirstReadBytes = 16 << 10;

uint32_t Checksum(const Frame& frame, absl::string_view message) {
  uint32_t head[2] = {frame.schema, frame.length};
  const uint32_t sums[2] = {Crc32c({reinterpret_cast<const char*>(head), sizeof(head)}), Crc32c(message)};
  return Crc32c({reinterpret_cast<const char*>(sums), sizeof(sums)});
}

// The message inside `file`, which it points into.
absl::StatusOr<absl::string_view> MessageIn(absl::string_view file) {
  Frame frame;
  if (file.size() < sizeof(frame)) return absl::DataLossError("damaged record: too short");
  memcpy(&frame, file.data(), sizeof(frame));
  if (memcmp(frame.magic, kMagic, sizeof(kMagic)) != 0) {
    return absl::DataLossError("damaged record: not a record of this store");
  }
  const absl::string_view message = file.substr(sizeof(frame));
  if (frame.schema > kNewestSchema) {
    return absl::FailedPreconditionError(absl::StrCat("the record has schema ", frame.schema,
                                                      ", this coracle reads up to ", kNewestSchema,
                                                      ": use the newer version that wrote it"));
  }
  if (frame.schema < kOldestSchema) return absl::DataLossError("damaged record: unknown schema");
  if (frame.length != message.size()) return absl::DataLossError("damaged record: wrong length");
  if (frame.checksum != Checksum(frame, message))
    return absl::DataLossError("damaged record: wrong checksum");
  return message;
}

absl::StatusOr<ssize_t> ReadSome(int fd, char* data, size_t size) {
  ssize_t count = 0;
  do {
    count = read(fd, data, size);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return ErrnoStatus(errno, "read");
  return count;
}

absl::Status ParseFrame(absl::string_view file, google::protobuf::MessageLite& message) {
  ASSIGN_OR_RETURN(const absl::string_view bytes, MessageIn(file));
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("damaged record: malformed message");
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeRecordFrame(absl::string_view message) {
  Frame frame;
  memcpy(frame.magic, kMagic, sizeof(kMagic));
  frame.schema = kNewestSchema;
  frame.length = static_cast<uint32_t>(message.size());
  frame.checksum = Checksum(frame, message);
  return absl::StrCat(absl::string_view(reinterpret_cast<const char*>(&frame), sizeof(frame)), message);
}

absl::StatusOr<std::string> DecodeRecordFrame(absl::string_view file) {
  ASSIGN_OR_RETURN(const absl::string_view message, MessageIn(file));
  return std::string(message);
}

size_t RecordFrameSize(absl::string_view bytes) {
  Frame frame;
  if (bytes.size() < sizeof(frame)) return 0;
  memcpy(&frame, bytes.data(), sizeof(frame));
  if (memcmp(frame.magic, kMagic, sizeof(kMagic)) != 0) return 0;
  if (frame.schema < kOldestSchema || frame.schema > kNewestSchema) return 0;
  return sizeof(frame) + frame.length;
}

absl::Status ReadRecordAt(int dirfd, const std::string& path, google::protobuf::MessageLite& message) {
  ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenAt(dirfd, path, O_RDONLY));
  char buffer[kFirstReadBytes];
  ASSIGN_OR_RETURN(const ssize_t count, ReadSome(fd.get(), buffer, sizeof(buffer)), "read ", path);
  // A record that was not synced and met a power cut: it was never there.
  if (count == 0) return ErrnoStatus(ENOENT, absl::StrCat("open ", path));
  absl::string_view file(buffer, static_cast<size_t>(count));
  if (file.size() < sizeof(buffer)) {
    RETURN_IF_ERROR(ParseFrame(file, message), "read ", path);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string rest, os::ReadAll(fd.get(), kMaxRecordBytes), "read ", path);
  RETURN_IF_ERROR(ParseFrame(absl::StrCat(file, rest), message), "read ", path);
  return absl::OkStatus();
}

absl::Status WriteRecord(const std::string& path, const google::protobuf::MessageLite& message,
                         os::Durability durability) {
  const std::string bytes = message.SerializeAsString();
  if (bytes.size() > kMaxRecordBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("write ", path, ": the record is too large"));
  }
  FaultPoint("store.record.before-write");
  RETURN_IF_ERROR(os::ReplaceFileAt(AT_FDCWD, path, EncodeRecordFrame(bytes), durability));
  FaultPoint("store.record.after-write");
  return absl::OkStatus();
}

}  // namespace coracle::store
