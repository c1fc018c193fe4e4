// The last steps of a pull: records that make an image and its names appear.
#ifndef CORACLE_IMAGE_IMAGE_COMMIT_H_
#define CORACLE_IMAGE_IMAGE_COMMIT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::image {

// Whether `record` was, or will be by Commit, reached by that manifest (and by that index, if not empty).
bool HasManifest(const store::ImageRecord& record, absl::string_view manifest_digest);
bool HasManifestRef(const store::ImageRecord& record, const store::ManifestRef& ref);
// Every manifest of the image, its first one first.
std::vector<store::ManifestRef> ManifestRefs(const store::ImageRecord& record);

struct ImageToCommit {
  store::ImageRecord record;  // of a new image, with `ref` as its manifest
  bool known = false;         // it must be there already: nothing of its content was looked at
  store::ManifestRef ref;
  std::vector<std::string> tags;          // full names
  std::vector<std::string> repo_digests;  // "docker.io/library/debian@sha256:..."
};

// Whether CommitImage would change nothing.
bool IsCommitted(const store::Store& store, const ImageToCommit& image);

// Under the names' lock: the record (a new one, or the image's own with manifest and digests added), then the
// tags; synced. Everything they refer to is in the store. `lease` claims it and has room for temporary files.
absl::Status CommitImage(const store::Store& store, const store::Lease& lease, const ImageToCommit& image);

// Notes that the image is known as `repo_digest` ("docker.io/library/debian@sha256:...") too, after a push.
// Errors: NotFound if it was removed meanwhile.
absl::Status AddRepoDigest(const store::Store& store, absl::string_view id, const std::string& repo_digest);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_IMAGE_COMMIT_H_
