// Image manifests and indexes, OCI's and docker's (version 2, schema 2, which has the same members).
// Source: image-spec descriptor.md, manifest.md, image-index.md.
#ifndef CORACLE_OCI_MANIFEST_H_
#define CORACLE_OCI_MANIFEST_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/digest.h"
#include "oci/media_types.h"
#include "oci/platform.h"

namespace coracle::oci {

inline constexpr size_t kMaxManifestBytes = 4 << 20;  // distribution-spec: registries take at least this much
inline constexpr size_t kMaxManifestEntries = 4096;   // layers, or manifests of an index

struct Descriptor {
  std::string media_type;
  Digest digest;
  int64_t size = 0;
  std::vector<std::string> urls;
  std::map<std::string, std::string> annotations;
  std::string data;  // the content itself in base64, for small ones
  std::string artifact_type;
  std::optional<Platform> platform;
};

struct Manifest {
  int schema_version = 2;
  std::string media_type = kOciManifest;  // empty: OCI without saying so
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;
};

struct Index {
  int schema_version = 2;
  std::string media_type = kOciIndex;
  std::string artifact_type;
  std::vector<Descriptor> manifests;
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;
};

// Reads either. `media_type` is what the descriptor or the registry said it is; empty: not said.
//
// A document that could be both, or that says another type than `media_type`, is refused: two readers could
// take it for two things (CVE-2021-41190). So is docker's schema 1. Errors: InvalidArgument naming the
// member; Unimplemented for schema 1.
absl::StatusOr<std::variant<Manifest, Index>> ParseManifestOrIndex(absl::string_view json,
                                                                   absl::string_view media_type = "");
// The same, for where only one of the two will do.
absl::StatusOr<Manifest> ParseManifest(absl::string_view json, absl::string_view media_type = "");
absl::StatusOr<Index> ParseIndex(absl::string_view json, absl::string_view media_type = "");

// The same value always gives the same bytes, which the parsers read back to the same value.
std::string SerializeManifest(const Manifest& manifest);
std::string SerializeIndex(const Index& index);

// The image of `index` that runs best on `platform`; the first of equals. Entries without a platform count as
// the last resort, if there is nothing but them. Errors: NotFound naming the platform and those that there
// are.
absl::StatusOr<Descriptor> SelectPlatform(const Index& index, const Platform& platform);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_MANIFEST_H_
