// manifest: indexes that are put together here and pushed.
#ifndef CORACLE_ENGINE_MANIFEST_LIST_H_
#define CORACLE_ENGINE_MANIFEST_LIST_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/engine.h"
#include "engine/image_ends.h"
#include "image/copy_image.h"
#include "image/manifest_list.h"

namespace coracle::engine {

// What is said about an entry; empty parts stay as they are.
struct EntryNotes {
  std::string arch, os, os_version, variant;
  std::vector<std::string> os_features;
  std::map<std::string, std::string> annotations;
  void ApplyTo(oci::Descriptor& entry) const;
};

struct AddRequest {
  bool all = false;  // of an index: each of its images, not only the host's
  EntryNotes notes;
};
// Adds the image called `image`: a name with a transport, a name or id in the store, else a name in a
// registry. An entry of the same digest is replaced. Gives the list as it is then. Errors: of finding it.
absl::StatusOr<image::ManifestList> AddToManifestList(Engine& engine, const EndOptions& ends,
                                                      absl::string_view list, const std::string& image,
                                                      const AddRequest& request);

// Copies list and images, or the one image for `only`, to `destination`, a name with or without a transport;
// empty: to its own name.
absl::StatusOr<image::CopyResult> PushManifestList(Engine& engine, const EndOptions& ends,
                                                   absl::string_view list, const std::string& destination,
                                                   image::CopyOptions options,
                                                   const std::optional<oci::Platform>& only = std::nullopt);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_MANIFEST_LIST_H_
