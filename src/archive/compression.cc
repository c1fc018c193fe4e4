#include "archive/compression.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace coracle::archive {
namespace {

struct Magic {
  absl::string_view bytes;
  absl::string_view format;
};

// A skippable frame may come first (RFC 8878, 3.1.2): 0x184D2A50 to 0x184D2A5F, little endian.
bool IsSkippableFrame(absl::string_view head) {
  return head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xf0) == 0x50 &&
         head.substr(1, 3) == absl::string_view("\x2a\x4d\x18", 3);
}

}  // namespace

absl::StatusOr<Compression> DetectCompression(absl::string_view head) {
  static constexpr Magic kUnsupported[] = {
      {absl::string_view("\xfd"
                         "7zXZ\0",
                         6),
       "xz"},
      {absl::string_view("LZIP\x01", 5), "lzip"},
      {absl::string_view("\x04\x22\x4d\x18", 4), "lz4"},
      {absl::string_view("\x1f\x9d", 2), "compress (.Z)"},
      {absl::string_view("PK\x03\x04", 4), "zip"},
  };
  if (absl::StartsWith(head, "\x1f\x8b")) return Compression::kGzip;
  if (absl::StartsWith(head, "\x28\xb5\x2f\xfd") || IsSkippableFrame(head)) return Compression::kZstd;
  // The whole of it: a tar archive whose first file is called BZh9 is no bzip2.
  if (head.size() == kMagicBytes && absl::StartsWith(head, "BZh") && absl::EndsWith(head, "1AY&SY")) {
    return absl::UnimplementedError("bzip2 compression is not supported");
  }
  for (const Magic& magic : kUnsupported) {
    if (absl::StartsWith(head, magic.bytes)) {
      return absl::UnimplementedError(absl::StrCat(magic.format, " compression is not supported"));
    }
  }
  return Compression::kNone;
}

absl::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "none";
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
  }
  return "none";
}

}  // namespace coracle::archive
