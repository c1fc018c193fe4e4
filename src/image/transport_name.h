// Names of places for images, as containers-transports(5) has them: "oci:/tmp/x:a", "docker://debian".
#ifndef CORACLE_IMAGE_TRANSPORT_NAME_H_
#define CORACLE_IMAGE_TRANSPORT_NAME_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::image {

enum class Transport {
  kDocker,         // docker://NAME: a registry
  kStore,          // containers-storage:NAME
  kDir,            // dir:DIR
  kOci,            // oci:DIR[:REFERENCE]
  kOciArchive,     // oci-archive:FILE[:REFERENCE]
  kDockerArchive,  // docker-archive:FILE[:NAME]
};

// Invariants:
// - path is set except for kDocker and kStore, reference always for those two;
// - at most one of reference and index.
struct TransportName {
  Transport transport = Transport::kStore;
  std::string path;
  std::string reference;
  std::optional<size_t> index;  // ":@2": the third image in there

  std::string str() const;
};

// Errors: InvalidArgument for a text without one of the transports above, naming them, and for an empty path;
// Unimplemented for docker-daemon:, ostree: and others that exist elsewhere.
absl::StatusOr<TransportName> ParseTransportName(absl::string_view text);

// Whether `text` begins with "TRANSPORT:" of one that there is.
bool HasTransport(absl::string_view text);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_TRANSPORT_NAME_H_
