// A blob's bytes on their way, held against what its descriptor says.
#ifndef CORACLE_IMAGE_CHECKED_SOURCE_H_
#define CORACLE_IMAGE_CHECKED_SOURCE_H_

#include <memory>
#include <optional>
#include <string>

#include "archive/stream.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "oci/manifest.h"
#include "os/cancel.h"

namespace coracle::image {

// What to tell, and whom to obey, while bytes pass.
struct StreamWatch {
  ProgressObserver* progress = nullptr;  // may be null
  int item = -1;
  const os::CancelFlag* cancel = nullptr;  // of the user; may be null
  const os::CancelFlag* stop = nullptr;    // of the copy, after an error elsewhere; may be null
};

// Passes `inner` on: at most the descriptor's size from `offset` on. In place of the end come: Unavailable if
// it is too early, as a cut connection may look; DataLoss if there is more, or, with `offset` 0 and `digest`
// true, another digest.
class CheckedSource : public archive::ByteSource {
 public:
  CheckedSource(std::unique_ptr<archive::ByteSource> inner, const oci::Descriptor& descriptor, int64_t offset,
                const StreamWatch& watch, bool digest = true);
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;

 private:
  absl::Status CheckEnd();

  std::unique_ptr<archive::ByteSource> inner_;
  const oci::Digest digest_;
  const int64_t size_;
  int64_t position_;
  std::optional<Sha256> hash_;
  StreamWatch watch_;
  bool ended_ = false;
};

// The whole of a small document. Errors: DataLoss as above; ResourceExhausted if the descriptor says more
// than `max_bytes`; else the stream's.
absl::StatusOr<std::string> ReadDocument(std::unique_ptr<archive::ByteSource> stream,
                                         const oci::Descriptor& descriptor, size_t max_bytes,
                                         const StreamWatch& watch = {});

// A digest for progress lines and errors: its first 12 digits.
std::string ShortDigest(const oci::Digest& digest);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_CHECKED_SOURCE_H_
