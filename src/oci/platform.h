// Platforms of images: os/architecture[/variant], in the names of image-spec (Go's).
// Source: image-spec image-index.md, "Platform Variants".
#ifndef CORACLE_OCI_PLATFORM_H_
#define CORACLE_OCI_PLATFORM_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::oci {

struct Platform {
  std::string architecture;  // "amd64"
  std::string os;            // "linux"
  std::string os_version;
  std::vector<std::string> os_features;
  std::string variant;  // "v7"; empty for the usual one of the architecture (v8 of arm64, v1 of amd64)
};

// The platform this program was built for.
Platform HostPlatform();

// Reads "linux/arm64/v8", "arm64" (of the host's os), "linux" (on the host's architecture). Other names of an
// architecture are understood: x86_64, aarch64, i386, armhf ... Errors: InvalidArgument.
absl::StatusOr<Platform> ParsePlatform(absl::string_view text);

// `platform` with the usual names and without a variant that goes without saying; arm gets v7 if it has none.
Platform NormalizePlatform(Platform platform);

// "linux/arm/v7".
std::string PlatformName(const Platform& platform);

// How well an image for `image` runs where `wanted` is asked for: 0 best, higher is worse, nothing if not at
// all. An older variant of the same architecture runs on a newer one.
std::optional<int> PlatformDistance(const Platform& wanted, const Platform& image);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_PLATFORM_H_
