// Images between registries and the store: pull and push.
#ifndef CORACLE_ENGINE_TRANSFER_H_
#define CORACLE_ENGINE_TRANSFER_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/progress.h"
#include "engine/engine.h"
#include "image/copy_image.h"
#include "image/registry_transport.h"
#include "image/store_sink.h"
#include "image/store_source.h"
#include "image/transport_name.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "os/cancel.h"
#include "registry/access.h"

namespace coracle::engine {

// What every transfer of one command shares.
struct TransferContext {
  registry::Access& access;
  ProgressObserver* progress = nullptr;    // may be null
  const os::CancelFlag* cancel = nullptr;  // may be null
  // Asks the user which of several images a short name means; null: nobody can be asked. Gives an index.
  std::function<absl::StatusOr<size_t>(absl::string_view name, const std::vector<oci::ImageReference>&)>
      choose;
};

enum class PullPolicy { kAlways, kMissing, kNever, kNewer };
// "always", "missing", "never", "newer"; also "true" and "false" as older scripts have them. Errors:
// InvalidArgument.
absl::StatusOr<PullPolicy> ParsePullPolicy(absl::string_view text);

struct PullRequest {
  PullPolicy policy = PullPolicy::kAlways;
  std::optional<oci::Platform> platform;  // not set: the host's, and any that is there already will do
  bool all_tags = false;
  bool single_id = false;  // a user namespace of one id
};

struct PulledImage {
  std::string id;    // hex
  std::string name;  // full name it has in the store; empty if none
  bool was_there = false;
};

// Pulls `text`: a name, short or full, with or without docker:// in front, or a place with another transport
// ("oci-archive:FILE"), whose image gets the name that it has there. With all_tags every tag of that
// repository, in order of their names; what was pulled before one fails stays. Errors: of Access; NotFound if
// policy is never and it is not here; else as CopyImage, with the full name in front.
absl::StatusOr<std::vector<PulledImage>> PullImage(Engine& engine, TransferContext& context,
                                                   absl::string_view text, const PullRequest& request);

// The part of PullImage and PushImage for what is no registry. docker-archive without a name in it: all of
// its images. A directory names its image by its path, as podman does. Errors: InvalidArgument for the store;
// of opening it; as CopyImage.
absl::StatusOr<std::vector<PulledImage>> PullFrom(Engine& engine, TransferContext& context,
                                                  const image::TransportName& from,
                                                  const PullRequest& request);

// The part of both that brings one image in; `options` says how it is named here, the rest is filled in from
// the others. The name that it gives is empty. Errors: as CopyImage.
absl::StatusOr<PulledImage> CopyIntoStore(Engine& engine, const TransferContext& context,
                                          const PullRequest& request, image::ImageSource& source,
                                          image::StoreSinkOptions options);

struct PushRequest {
  // Only that one of a list's images; any other image has to be for it.
  std::optional<oci::Platform> platform;
  std::optional<image::ManifestFormat> format;
  std::optional<archive::Compression> compression;
  int compression_level = archive::kDefaultLevel;
  bool force_compression = false;
};

struct PushedImage {
  std::string name;  // full
  oci::Digest digest;
  int64_t size = 0;  // of the manifest
};

// Pushes the image `text` (name or id) to `destination`, a name with or without docker:// in front or a place
// with another transport; empty: to its own name. Layers are pushed bit for bit as they came; those of images
// made here that have no compression get gzip, or what is asked for. Errors: as StoreSource and CopyImage;
// InvalidArgument if there is no name to push to.
absl::StatusOr<PushedImage> PushImage(Engine& engine, TransferContext& context, absl::string_view text,
                                      absl::string_view destination, const PushRequest& request);

absl::StatusOr<PushedImage> PushTo(Engine& engine, TransferContext& context, image::StoreSource& source,
                                   const image::TransportName& to, image::CopyOptions copy);

// Where the image `reference` is, ready to be asked: its mirrors, then its registry.
absl::StatusOr<std::vector<image::RegistryPlace>> PlacesForPull(registry::Access& access,
                                                                const oci::ImageReference& reference);
absl::StatusOr<image::RegistryPlace> PlaceForPush(registry::Access& access,
                                                  const oci::ImageReference& reference);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_TRANSFER_H_
