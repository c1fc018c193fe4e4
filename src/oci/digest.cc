#include "oci/digest.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace coracle::oci {
namespace {

constexpr absl::string_view kPrefix = "sha256:";
constexpr size_t kHexDigits = 64;

absl::Status Invalid(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("invalid digest \"", Printable(text.substr(0, 256)), "\""));
}

}  // namespace

bool IsLowerHex(absl::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

absl::StatusOr<Digest> Digest::Parse(absl::string_view text) {
  if (!absl::StartsWith(text, kPrefix)) {
    for (const absl::string_view other : {"sha512:", "sha384:", "blake3:"}) {
      if (!absl::StartsWith(text, other)) continue;
      return absl::UnimplementedError(
          absl::StrCat("digest algorithm ", other.substr(0, other.size() - 1), " is not supported"));
    }
    return Invalid(text);
  }
  const absl::string_view hex = text.substr(kPrefix.size());
  if (hex.size() != kHexDigits || !IsLowerHex(hex)) return Invalid(text);
  return Digest(std::string(text));
}

absl::StatusOr<Digest> Digest::FromHex(absl::string_view hex) {
  if (hex.size() != kHexDigits || !IsLowerHex(hex)) return Invalid(hex);
  return Digest(absl::StrCat(kPrefix, hex));
}

Digest Digest::FromBytes(absl::string_view bytes) {
  if (bytes.size() != kHexDigits / 2) return Digest();
  return Digest(absl::StrCat(kPrefix, absl::BytesToHexString(bytes)));
}

absl::string_view Digest::hex() const {
  return text_.empty() ? absl::string_view() : absl::string_view(text_).substr(kPrefix.size());
}

}  // namespace coracle::oci
