// Whether what the store says it has is there and right: records, blobs and layers; and making it right
// again.
#ifndef CORACLE_IMAGE_CHECK_STORE_H_
#define CORACLE_IMAGE_CHECK_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "archive/stream.h"
#include "base/progress.h"
#include "oci/manifest.h"
#include "os/cancel.h"
#include "store/store.h"

namespace coracle::image {

struct CheckOptions {
  bool repair = false;
  bool single_id = false;  // a user namespace of one id
  // For repairs. A blob from where it came from: `repo_digests` ("docker.io/library/debian@sha256:...") are
  // the image's. Not checked by it. Null: nowhere.
  std::function<absl::StatusOr<std::unique_ptr<archive::ByteSource>>(
      const std::vector<std::string>& repo_digests, const oci::Descriptor& blob)>
      fetch;
  // Whether a container that runs uses the layer: its tree may not be changed below it. Null: none.
  std::function<bool(const std::string& layer_id)> in_use;
  ProgressObserver* progress = nullptr;
  const os::CancelFlag* cancel = nullptr;
};

struct CheckProblem {
  std::string what;                 // "blob sha256:…", "layer …", "image …"
  std::string why;                  // "usr/bin/x: content"
  std::vector<std::string> images;  // that need it, by a name or short id; empty: none, it is garbage
  bool repaired = false;
  std::string not_repaired;  // why, if it was tried
};

struct CheckReport {
  int64_t images = 0, layers = 0, blobs = 0;
  std::vector<CheckProblem> problems;
};

// Reads every blob and holds it against its name; unpacks every layer once more from its blob, in a work
// directory, and compares all of the tree, or, of a layer that was made here and has no blob, packs it again;
// checks that each image's documents agree with its record and that all it needs is there. Takes the time of
// unpacking everything, and the room of the largest layer.
//
// repair: a layer is replaced whole by the fresh one, if no running container uses it; a blob is fetched
// again; a config is made from the record, which has it; what is damaged and nobody needs is removed. What
// was repaired is durable when this returns.
//
// May run beside everything else. Errors: those that keep it from checking (no room, cancelled); damage is no
// error but a problem.
absl::StatusOr<CheckReport> CheckStore(const store::Store& store, const CheckOptions& options);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_CHECK_STORE_H_
