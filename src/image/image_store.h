// Images in the store: what import makes and run uses.
#ifndef CORACLE_IMAGE_IMAGE_STORE_H_
#define CORACLE_IMAGE_IMAGE_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/store.h"

namespace coracle::image {

// What run needs of an image, in one small file read.
struct ImageForRun {
  std::string id;                       // hex
  std::string name;                     // full name it was found by; empty if by id
  std::vector<std::string> layer_ids;   // top first
  std::vector<std::string> layer_dirs;  // top first, absolute, for overlay
  std::string config_json;              // the OCI image config
};
// Finds an image by reference (short names: as given with tag latest; then docker.io/library/...,
// localhost/..., and what registries.conf makes of it: short_names.h), by id or by unique id prefix; "hello"
// (also hello:latest, localhost/hello) is made from the embedded program on first use if no image of that
// name exists. Errors: NotFound `no such image: foo` with hint "try 'coracle pull foo'" if that can help,
// exit code 125.
absl::StatusOr<ImageForRun> FindForRun(const store::Store& store, absl::string_view reference);

struct ImportOptions {
  std::string reference;             // empty: untagged
  std::vector<std::string> changes;  // --change
  std::string message;
  std::string os, arch, variant;  // empty: the host's
  bool single_id = false;         // one-id user namespace: owners are squashed
};
// Reads a tar (compressed or not) from `fd`, stores blob (as received) and layer, makes config and manifest.
// All or nothing. Returns the image id.
absl::StatusOr<std::string> Import(const store::Store& store, int fd, const ImportOptions& options);

struct ImageInfo {
  store::ImageRecord record;
  std::vector<std::string> names;  // full names of its tags, sorted
};
absl::StatusOr<std::vector<ImageInfo>> List(const store::Store& store);
// Resolves as FindForRun, without making "hello".
absl::StatusOr<ImageInfo> Find(const store::Store& store, absl::string_view reference);
absl::StatusOr<std::string> ReadConfig(const store::Store& store, const store::ImageRecord& record);
absl::StatusOr<std::string> ReadManifest(const store::Store& store, const store::ImageRecord& record);
// Any document of the content store by its digest ("sha256:..."). Errors: DataLoss if it is damaged.
absl::StatusOr<std::string> ReadDocument(const store::Store& store, absl::string_view digest);

absl::Status Tag(const store::Store& store, absl::string_view source, absl::string_view new_name);
absl::Status Untag(const store::Store& store, absl::string_view image, const std::vector<std::string>& names);

struct Removal {
  std::vector<std::string> untagged;  // full names
  std::vector<std::string> deleted;   // image ids
};
// `used_by`: (image id, container id) pairs of existing containers, without a container for one that is
// mounted. Errors: FailedPrecondition "image is in use by container ..." or "is mounted" unless `force` (the
// caller removes the containers and unmounts first); NotFound.
absl::StatusOr<Removal> Remove(const store::Store& store, absl::string_view reference, bool force,
                               const std::vector<std::pair<std::string, std::string>>& used_by);
// Removes dangling images (all unused ones with `all`), and layers and blobs that nothing refers to.
absl::StatusOr<Removal> Prune(const store::Store& store, bool all,
                              const std::vector<std::pair<std::string, std::string>>& used_by);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_IMAGE_STORE_H_
