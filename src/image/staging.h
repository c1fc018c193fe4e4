// Blobs and layers on their way into the store, shared by all processes that want them.
//
// <root>/partial/<hex>                the first bytes of a blob, as many as came. Written by the holder of
// its
//                                     transfer lock; unchecked, so of use after a reboot too: whoever goes on
//                                     reads and digests them again.
// <root>/staged/<boot id>/blobs/<hex>    whole and checked, but not on the disk yet: worth nothing after a
// <root>/staged/<boot id>/layers/<id>/   reboot. Moved to blobs/ and layers/, after a sync, by whoever
// commits
//                                        an image that needs them.
// <runroot>/transfers/<hex>           transfer lock: its holder fetches that blob, and unpacks its layer
// <runroot>/staged.lock               held for moments: while looking, and while removing
//
// Who wants something claims it in a lease first (store/lease.h) and looks second; who removes looks at the
// claims and removes under one hold of staged.lock. So what was found stays. Order: a transfer lock, then
// staged.lock.
#ifndef CORACLE_IMAGE_STAGING_H_
#define CORACLE_IMAGE_STAGING_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "os/cancel.h"
#include "os/unique_fd.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::image {

// Unlinks the lock's file, then lets go.
class TransferLock {
 public:
  TransferLock(os::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  TransferLock(TransferLock&&) = default;
  TransferLock& operator=(TransferLock&&) = delete;
  ~TransferLock();

 private:
  os::UniqueFd fd_;
  std::string path_;
};

// Any number of threads may use one object.
class Staging {
 public:
  explicit Staging(const store::Store& store);

  // Makes the directories; takes what staged blobs an earlier boot left as partial ones.
  absl::Status Prepare() const;

  // Waits; `waiting` gets "pid 12 (coracle pull x)" after a second.
  absl::StatusOr<TransferLock> Lock(absl::string_view hex, const os::CancelFlag* cancel,
                                    const std::function<void(const std::string&)>& waiting) const;

  // Where the blob is whole, in the store or staged; nothing if nowhere. The caller has claimed it.
  absl::StatusOr<std::optional<std::string>> FindBlob(absl::string_view hex) const;
  // The directory of the layer (record and diff), in the store or staged.
  absl::StatusOr<std::optional<std::string>> FindLayer(absl::string_view id) const;

  std::string PartialPath(absl::string_view hex) const;
  // Moves a checked file or directory of ours to where others find it. One that is there already stays.
  absl::Status StageBlob(const std::string& path, absl::string_view hex) const;
  absl::Status StageLayer(const std::string& path, absl::string_view id) const;

  // Moves it into the store; fine if it is there. After a sync. Errors: NotFound if it is nowhere.
  absl::Status PublishBlob(absl::string_view hex) const;
  absl::Status PublishLayer(absl::string_view id) const;

  // After a failure, with one's own lease gone: staged blobs that nobody else wants become partial ones,
  // documents (small blobs, fetched whole) and layers go.
  absl::Status TakeBack(const std::vector<std::string>& blobs, const std::vector<std::string>& documents,
                        const std::vector<std::string>& layers) const;

  // Removes what nobody claims, or holds the transfer lock of, and has not been touched for `age`.
  absl::Status Collect(absl::Duration age) const;
  // What Collect would remove, in bytes on the disk, staged layers at their recorded size.
  int64_t CollectableBytes(absl::Duration age) const;

 private:
  struct Entry {
    std::string path, id;
    bool layer = false;
    bool keep = false;  // as a partial blob
  };
  std::string StagedBlob(absl::string_view hex) const;
  std::string StagedLayer(absl::string_view id) const;
  absl::StatusOr<os::UniqueFd> LockLooks() const;
  absl::Status Retire(const std::vector<Entry>& entries) const;
  std::vector<Entry> OldStaged(absl::Duration age) const;
  std::vector<std::string> OldPartial(absl::Duration age) const;

  const store::Store& store_;
  std::string partial_, staged_root_, staged_;
};

// How long what a killed pull left is kept for the next one, when garbage is collected on the side.
inline constexpr absl::Duration kPartialAge = absl::Hours(24);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_STAGING_H_
