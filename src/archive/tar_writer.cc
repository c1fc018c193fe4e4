#include "archive/tar_writer.h"

#include <cstdio>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "archive/tar_header.h"
#include "base/status.h"

namespace coracle::archive {
namespace {

// The largest numbers that fields of 7 and of 11 octal digits hold.
constexpr int64_t kMaxShort = 07777777, kMaxLong = 077777777777;

// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
void AddRecord(std::string& records, absl::string_view key, absl::string_view value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (length != rest + absl::StrCat(length).size()) length = rest + absl::StrCat(length).size();
  absl::StrAppend(&records, length, " ", key, "=", value, "\n");
}

// "[-]seconds[.nanoseconds]" without trailing zeros.
std::string TimeText(const timespec& time) {
  int64_t seconds = time.tv_sec, nanos = time.tv_nsec;
  const bool negative = seconds < 0;
  if (negative) {
    seconds = nanos == 0 ? -seconds : -(seconds + 1);
    nanos = nanos == 0 ? 0 : 1000000000 - nanos;
  }
  std::string text = absl::StrCat(negative ? "-" : "", seconds);
  if (nanos == 0) return text;
  absl::StrAppend(&text, ".", absl::Dec(nanos, absl::kZeroPad9));
  while (text.back() == '0') text.pop_back();
  return text;
}

void AddXattr(std::string& records, const std::string& name, const std::string& value) {
  if (!absl::StrContains(name, '=')) {
    AddRecord(records, absl::StrCat("SCHILY.xattr.", name), value);
    return;
  }
  // A pax keyword ends at its first "=": only libarchive's form can say this name.
  std::string encoded;
  for (const char c : name) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-') {
      encoded += c;
    } else {
      absl::StrAppend(&encoded, "%", absl::AsciiStrToUpper(absl::BytesToHexString(absl::string_view(&c, 1))));
    }
  }
  AddRecord(records, absl::StrCat("LIBARCHIVE.xattr.", encoded), absl::Base64Escape(value));
}

template <size_t kSize>
void PutText(char (&field)[kSize], absl::string_view text) {
  memcpy(field, text.data(), std::min(text.size(), kSize));
}

// `value`, or 0 where it does not fit and a pax record says it.
template <size_t kSize>
void PutNumber(char (&field)[kSize], int64_t value, int64_t max) {
  snprintf(field, kSize, "%0*llo", static_cast<int>(kSize) - 1,
           static_cast<unsigned long long>(value < 0 || value > max ? 0 : value));
}

// Puts `path` into name, or split at a slash into prefix and name. False if it does not fit.
bool PutPath(RawTarHeader& header, absl::string_view path) {
  if (path.size() <= sizeof(header.name)) {
    PutText(header.name, path);
    return true;
  }
  // The first slash that leaves a short enough name; the slash itself is not stored.
  const size_t slash = path.find('/', path.size() - sizeof(header.name) - 1);
  if (slash == absl::string_view::npos || slash == 0 || slash > sizeof(header.prefix) ||
      slash + 1 == path.size()) {
    PutText(header.name, path);
    return false;
  }
  PutText(header.prefix, path.substr(0, slash));
  PutText(header.name, path.substr(slash + 1));
  return true;
}

char TypeChar(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return '0';
    case EntryType::kHardLink:
      return '1';
    case EntryType::kSymlink:
      return '2';
    case EntryType::kCharDevice:
      return '3';
    case EntryType::kBlockDevice:
      return '4';
    case EntryType::kDirectory:
      return '5';
    case EntryType::kFifo:
      return '6';
  }
  return '0';
}

RawTarHeader EmptyHeader(char type) {
  RawTarHeader header = {};
  header.type = type;
  memcpy(header.magic, "ustar", 6);
  memcpy(header.version, "00", 2);
  return header;
}

// Fills the header; what it cannot hold is added to `records`.
RawTarHeader MakeHeader(const TarEntry& entry, const std::string& path, std::string& records) {
  RawTarHeader header = EmptyHeader(TypeChar(entry.type));
  const int64_t size = entry.type == EntryType::kFile ? entry.size : 0;
  if (!PutPath(header, path)) AddRecord(records, "path", path);
  PutText(header.link_name, entry.link_target);
  if (entry.link_target.size() > sizeof(header.link_name)) AddRecord(records, "linkpath", entry.link_target);
  PutNumber(header.mode, entry.mode & 07777, kMaxShort);
  PutNumber(header.uid, entry.uid, kMaxShort);
  PutNumber(header.gid, entry.gid, kMaxShort);
  PutNumber(header.size, size, kMaxLong);
  PutNumber(header.mtime, entry.mtime.tv_sec, kMaxLong);
  PutNumber(header.dev_major, entry.dev_major, kMaxShort);
  PutNumber(header.dev_minor, entry.dev_minor, kMaxShort);
  if (entry.uid > kMaxShort) AddRecord(records, "uid", absl::StrCat(entry.uid));
  if (entry.gid > kMaxShort) AddRecord(records, "gid", absl::StrCat(entry.gid));
  if (size > kMaxLong) AddRecord(records, "size", absl::StrCat(size));
  if (entry.mtime.tv_nsec != 0 || entry.mtime.tv_sec < 0 || entry.mtime.tv_sec > kMaxLong) {
    AddRecord(records, "mtime", TimeText(entry.mtime));
  }
  if (entry.atime.has_value()) AddRecord(records, "atime", TimeText(*entry.atime));
  for (const auto& [name, value] : entry.xattrs) AddXattr(records, name, value);
  SetChecksum(header);
  return header;
}

absl::string_view BytesOf(const RawTarHeader& header) {
  return absl::string_view(reinterpret_cast<const char*>(&header), sizeof(header));
}

}  // namespace

absl::Status TarWriter::Put(absl::string_view data) {
  const bool direct = data.size() >= kStreamBufferBytes / 2;
  if (direct || buffer_.size() + data.size() > kStreamBufferBytes) {
    RETURN_IF_ERROR(sink_.Write(buffer_));
    buffer_.clear();
  }
  if (direct) return sink_.Write(data);
  buffer_.append(data.data(), data.size());
  return absl::OkStatus();
}

absl::Status TarWriter::PutPadding(int64_t size) {
  static constexpr char kZeros[kTarBlockBytes] = {};
  const size_t over = static_cast<size_t>(size) % kTarBlockBytes;
  return over == 0 ? absl::OkStatus() : Put(absl::string_view(kZeros, kTarBlockBytes - over));
}

absl::Status TarWriter::EndContent() {
  if (remaining_ > 0) {
    return absl::FailedPreconditionError(absl::StrCat("tar entry lacks ", remaining_, " bytes of content"));
  }
  const int64_t size = size_;
  size_ = 0;
  return PutPadding(size);
}

absl::Status TarWriter::PutPaxHeader(const std::string& records, const TarEntry& entry) {
  RawTarHeader header = EmptyHeader('x');
  const size_t slash = entry.path.find_last_not_of('/') == std::string::npos
                           ? std::string::npos
                           : entry.path.rfind('/', entry.path.find_last_not_of('/'));
  PutText(header.name,
          absl::StrCat("PaxHeaders.0/", entry.path.substr(slash == std::string::npos ? 0 : slash + 1)));
  PutNumber(header.mode, 0644, kMaxShort);
  PutNumber(header.uid, 0, kMaxShort);
  PutNumber(header.gid, 0, kMaxShort);
  PutNumber(header.size, static_cast<int64_t>(records.size()), kMaxLong);
  PutNumber(header.mtime, 0, kMaxLong);
  SetChecksum(header);
  RETURN_IF_ERROR(Put(BytesOf(header)));
  RETURN_IF_ERROR(Put(records));
  return PutPadding(static_cast<int64_t>(records.size()));
}

absl::Status TarWriter::WriteEntry(const TarEntry& entry) {
  RETURN_IF_ERROR(EndContent());
  if (entry.path.empty() || entry.size < 0 || absl::StrContains(entry.path, '\0') ||
      absl::StrContains(entry.link_target, '\0')) {
    return absl::InvalidArgumentError("a tar entry with an impossible name or size");
  }
  std::string path = entry.path;
  if (entry.type == EntryType::kDirectory && path.back() != '/') path += '/';
  std::string records;
  const RawTarHeader header = MakeHeader(entry, path, records);
  if (!records.empty()) RETURN_IF_ERROR(PutPaxHeader(records, entry));
  RETURN_IF_ERROR(Put(BytesOf(header)));
  if (entry.type == EntryType::kFile) size_ = remaining_ = entry.size;
  return absl::OkStatus();
}

absl::Status TarWriter::WriteContent(absl::string_view data) {
  if (static_cast<int64_t>(data.size()) > remaining_) {
    return absl::FailedPreconditionError("more content than the tar entry's size");
  }
  remaining_ -= static_cast<int64_t>(data.size());
  return Put(data);
}

absl::Status TarWriter::Finish() {
  RETURN_IF_ERROR(EndContent());
  RETURN_IF_ERROR(Put(std::string(2 * kTarBlockBytes, '\0')));
  RETURN_IF_ERROR(sink_.Write(buffer_));
  buffer_.clear();
  return absl::OkStatus();
}

}  // namespace coracle::archive
