// Names of images: [domain[:port]/]path[:tag][@digest].
// Source: the grammar of the distribution project's reference package, as docker documents it; image-spec and
// distribution-spec, "Pulling manifests".
#ifndef CORACLE_OCI_REFERENCE_H_
#define CORACLE_OCI_REFERENCE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/digest.h"

namespace coracle::oci {

inline constexpr char kDefaultDomain[] = "docker.io";
inline constexpr char kLocalDomain[] = "localhost";  // of images that were made here and have a short name
inline constexpr char kDefaultTag[] = "latest";
inline constexpr size_t kMaxRepositoryName = 255;  // domain and path

// Invariants:
// - has a domain and a path that follow the grammar, together at most kMaxRepositoryName characters;
// - a tag of 1 to 128 characters, a digest, both or neither.
class ImageReference {
 public:
  // Short names are completed as docker does: "debian" is docker.io/library/debian, "a/b" docker.io/a/b; a
  // first component is a domain if it has a '.', a ':' or an upper-case letter, or is "localhost". Errors:
  // InvalidArgument "invalid reference format: ...", with docker's wording.
  static absl::StatusOr<ImageReference> Parse(absl::string_view text);
  // As Parse, but a name without domain gets "localhost/": for what import, commit and build name.
  static absl::StatusOr<ImageReference> ParseLocal(absl::string_view text);

  const std::string& domain() const { return domain_; }  // with port: "localhost:5000"
  absl::string_view host() const;                        // without port; an IPv6 address keeps its brackets
  absl::string_view port() const;                        // empty if none
  const std::string& path() const { return path_; }      // "library/debian"
  const std::string& tag() const { return tag_; }        // empty if none
  const Digest& digest() const { return digest_; }       // empty if none

  std::string name() const;  // "docker.io/library/debian"
  std::string str() const;   // name, tag and digest in full
  // What people type: without docker.io/ and library/ wherever reading it back gives the same. localhost/
  // stays.
  std::string familiar_name() const;
  std::string familiar() const;

  ImageReference WithoutTagAndDigest() const;
  ImageReference WithTagOrDefault() const;  // gets kDefaultTag if it has neither tag nor digest
  // Errors: InvalidArgument for a tag that does not follow the grammar.
  absl::StatusOr<ImageReference> WithTag(absl::string_view tag) const;
  ImageReference WithDigest(const Digest& digest) const;

  friend bool operator==(const ImageReference& a, const ImageReference& b) { return a.str() == b.str(); }

 private:
  ImageReference() = default;
  static absl::StatusOr<ImageReference> ParseIn(absl::string_view text, absl::string_view default_domain);

  std::string domain_, path_, tag_;
  Digest digest_;
};

// Whether `text` names no domain, so that it is looked for in several: "debian", "a/b:c".
bool IsShortName(absl::string_view text);

// The names under which `text` may be in the store, best first, each with a tag or digest: itself if it has a
// domain, else in localhost/ and then in docker.io/. Errors: as Parse.
absl::StatusOr<std::vector<ImageReference>> LocalCandidates(absl::string_view text);

// The hexadecimal digits of `text` if it may be an id or the beginning of one: 1 to 64 of them, lower case,
// with or without "sha256:" in front.
std::optional<std::string> AsIdPrefix(absl::string_view text);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_REFERENCE_H_
