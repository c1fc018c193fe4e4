// The store as the place that images are copied to: pull and load.
#ifndef CORACLE_IMAGE_STORE_SINK_H_
#define CORACLE_IMAGE_STORE_SINK_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "image/transport.h"
#include "os/cancel.h"
#include "store/store.h"

namespace coracle::image {

struct StoreSinkOptions {
  std::vector<std::string> tags;  // full names ("docker.io/library/debian:12") that will name the image
  // The repository ("docker.io/library/debian") that it has its digests in; empty: none, as of an archive.
  std::string repository;
  bool single_id = false;                // a user namespace of one id: owners are squashed
  ProgressObserver* progress = nullptr;  // may be null
  const os::CancelFlag* cancel = nullptr;
  std::string purpose = "pull";  // of the lease, for people
};

// Takes one image (all of an index is refused with Unimplemented: the store's images are of one platform
// each).
//
// What is in the store already, or staged by another process, is not read again; a blob that another process
// is fetching is waited for. Layers are unpacked as they arrive. Durable when Commit returns: one sync of the
// file system before the image appears, one after. Destroyed without Commit: partial blobs stay for the next
// try (staging.h), everything else goes.
class StoreSink : public ImageSink {
 public:
  static absl::StatusOr<std::unique_ptr<StoreSink>> Create(const store::Store& store,
                                                           const StoreSinkOptions& options);
  // After Commit: the image's id (hex), and whether it had all been there.
  virtual const std::string& image_id() const = 0;
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_STORE_SINK_H_
