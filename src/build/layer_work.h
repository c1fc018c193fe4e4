// One new layer in the making: an upper directory over the layers below, which becomes the layer as it is.
#ifndef CORACLE_BUILD_LAYER_WORK_H_
#define CORACLE_BUILD_LAYER_WORK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/layer_ref.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::build {

class LayerWork {
 public:
  // Makes the upper directory, with mode, owner and times of the root below. `below`: bottom first, claimed
  // by the caller.
  static absl::StatusOr<LayerWork> Begin(const store::Store& store, const std::vector<LayerRef>& below,
                                         bool user_xattr);

  const std::string& upper() const { return upper_; }
  // Directories of the layers below, top first; an empty one if there are none.
  const std::vector<std::string>& lower() const { return lower_; }
  bool user_xattr() const { return user_xattr_; }
  // A new directory beside the upper one, which goes with this object.
  absl::StatusOr<std::string> MakeDirectory(const std::string& name, mode_t mode = 0700) const;
  const std::string& work_dir() const { return lease_.work_dir(); }

  // For who changed a copy of the layers below in place of the upper directory: what differs between `root`
  // and them becomes what the upper directory holds. `skip`: paths that are left out, with all below.
  absl::Status TakeChangesOf(const std::string& root, const std::function<bool(const std::string&)>& skip);

  // Digests what is in the upper directory and makes it a layer of the store, on the disk and claimed by
  // `keeper`. With `epoch` every time in it becomes that. Sockets are left out: an archive has none.
  absl::StatusOr<LayerRef> Finish(const store::Store& store, store::Lease& keeper,
                                  std::optional<int64_t> epoch);

 private:
  LayerWork(store::Lease lease, bool user_xattr) : lease_(std::move(lease)), user_xattr_(user_xattr) {}

  store::Lease lease_;
  bool user_xattr_;
  std::string upper_;
  std::vector<std::string> lower_;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_LAYER_WORK_H_
