// The digest of a piece of content.
#ifndef CORACLE_OCI_DIGEST_H_
#define CORACLE_OCI_DIGEST_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::oci {

// Invariants:
// - empty (a default-constructed one: "no digest"), or "sha256:" and 64 lower-case hexadecimal digits.
// Source: image-spec descriptor.md, "Digests". Of its algorithms we take sha256 alone, as every registry
// does.
class Digest {
 public:
  Digest() = default;

  // From "sha256:<hex>". Errors: InvalidArgument "invalid digest ...", Unimplemented for another algorithm.
  static absl::StatusOr<Digest> Parse(absl::string_view text);
  // From the hexadecimal digits alone.
  static absl::StatusOr<Digest> FromHex(absl::string_view hex);
  // From the 32 bytes that SHA-256 gave; other lengths give an empty digest.
  static Digest FromBytes(absl::string_view bytes);

  bool empty() const { return text_.empty(); }
  // "sha256:<hex>"; empty if empty.
  const std::string& str() const { return text_; }
  // The 64 digits: an id, a file's name. Points into this object.
  absl::string_view hex() const;

  friend bool operator==(const Digest& a, const Digest& b) { return a.text_ == b.text_; }
  friend bool operator!=(const Digest& a, const Digest& b) { return a.text_ != b.text_; }
  friend bool operator<(const Digest& a, const Digest& b) { return a.text_ < b.text_; }
  template <typename H>
  friend H AbslHashValue(H state, const Digest& digest) {
    return H::combine(std::move(state), digest.text_);
  }

 private:
  explicit Digest(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

// Whether `text` consists of lower-case hexadecimal digits only; true if empty.
bool IsLowerHex(absl::string_view text);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_DIGEST_H_
