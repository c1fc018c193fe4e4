#include "archive/tar_header.h"

#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace coracle::archive {
namespace {

absl::StatusOr<int64_t> ParseBase256(absl::string_view field) {
  const unsigned char invert = (static_cast<unsigned char>(field[0]) & 0x40) != 0 ? 0xff : 0;
  uint64_t value = 0;
  for (size_t i = 0; i < field.size(); ++i) {
    unsigned char byte = static_cast<unsigned char>(static_cast<unsigned char>(field[i]) ^ invert);
    if (i == 0) byte &= 0x7f;
    if ((value >> 55) != 0) return absl::InvalidArgumentError("a number of more than 63 bits");
    value = value << 8 | byte;
  }
  return invert != 0 ? ~static_cast<int64_t>(value) : static_cast<int64_t>(value);
}

struct Sums {
  int64_t of_unsigned = 0, of_signed = 0;
};

// The checksum field itself counts as eight spaces.
Sums SumHeader(const RawTarHeader& header) {
  Sums sums;
  const char* bytes = reinterpret_cast<const char*>(&header);
  const size_t skip = offsetof(RawTarHeader, checksum);
  for (size_t i = 0; i < kTarBlockBytes; ++i) {
    const char c = i >= skip && i < skip + sizeof(header.checksum) ? ' ' : bytes[i];
    sums.of_unsigned += static_cast<unsigned char>(c);
    sums.of_signed += static_cast<signed char>(c);
  }
  return sums;
}

}  // namespace

TarFlavor FlavorOf(const RawTarHeader& header) {
  if (memcmp(header.magic, "ustar ", 6) == 0 && memcmp(header.version, " ", 2) == 0) return TarFlavor::kGnu;
  if (memcmp(header.magic, "ustar", 6) != 0) return TarFlavor::kV7;
  return memcmp(header.padding + 8, "tar", 4) == 0 ? TarFlavor::kStar : TarFlavor::kUstar;
}

absl::StatusOr<int64_t> ParseTarNumber(absl::string_view field) {
  if (!field.empty() && (static_cast<unsigned char>(field[0]) & 0x80) != 0) return ParseBase256(field);
  size_t i = 0;
  while (i < field.size() && (field[i] == ' ' || field[i] == '\0')) ++i;
  uint64_t value = 0;
  for (; i < field.size() && field[i] != ' ' && field[i] != '\0'; ++i) {
    if (field[i] < '0' || field[i] > '7') {
      return absl::InvalidArgumentError(absl::StrCat("'", Printable(field), "' is no octal number"));
    }
    if ((value >> 60) != 0) return absl::InvalidArgumentError("a number of more than 63 bits");
    value = value * 8 + static_cast<uint64_t>(field[i] - '0');
  }
  return static_cast<int64_t>(value);
}

absl::string_view TarText(absl::string_view field) { return field.substr(0, field.find('\0')); }

bool ChecksumMatches(const RawTarHeader& header) {
  const absl::StatusOr<int64_t> stored = ParseTarNumber(Field(header.checksum));
  if (!stored.ok()) return false;
  const Sums sums = SumHeader(header);
  return *stored == sums.of_unsigned || *stored == sums.of_signed;
}

void SetChecksum(RawTarHeader& header) {
  char text[8];
  snprintf(text, sizeof(text), "%06o", static_cast<unsigned>(SumHeader(header).of_unsigned) & 0777777u);
  memcpy(header.checksum, text, 7);
  header.checksum[7] = ' ';
}

}  // namespace coracle::archive
