// The 512-byte header block of tar: its layout, its numbers and its checksum.
// Source: POSIX pax(1), "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"; star(4).
#ifndef CORACLE_ARCHIVE_TAR_HEADER_H_
#define CORACLE_ARCHIVE_TAR_HEADER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::archive {

inline constexpr size_t kTarBlockBytes = 512;

struct RawTarHeader {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
  char type;
  char link_name[100];
  char magic[6], version[2];
  char user[32], group[32], dev_major[8], dev_minor[8];
  char prefix[155];
  char padding[12];
};
static_assert(sizeof(RawTarHeader) == kTarBlockBytes);

// The old GNU sparse format keeps its map from this byte of the header on, in entries of 12 bytes offset and
// 12 bytes length: 4 in the header, then 21 in each extension block.
inline constexpr size_t kGnuSparseMap = 386, kGnuSparseIsExtended = 482, kGnuSparseRealSize = 483;
inline constexpr size_t kGnuSparseHeaderEntries = 4;
inline constexpr size_t kGnuSparseBlockEntries = 21, kGnuSparseBlockIsExtended = 504;

// How the header was written; v7 has neither magic, prefix nor devices.
enum class TarFlavor { kV7, kUstar, kGnu, kStar };
TarFlavor FlavorOf(const RawTarHeader& header);

// The number in a numeric field: octal with spaces or NULs around it (an empty field is 0), or base-256,
// two's complement, when the first bit is set. Errors: InvalidArgument for other digits or more than 63 bits.
absl::StatusOr<int64_t> ParseTarNumber(absl::string_view field);

// The text in a field, up to its first NUL.
absl::string_view TarText(absl::string_view field);

// Whether the checksum field matches the sum of the bytes, taken as unsigned (POSIX) or as signed (old Sun
// tar).
bool ChecksumMatches(const RawTarHeader& header);
// Sets the checksum field.
void SetChecksum(RawTarHeader& header);

template <size_t kSize>
absl::string_view Field(const char (&field)[kSize]) {
  return absl::string_view(field, kSize);
}

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_TAR_HEADER_H_
