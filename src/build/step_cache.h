// What steps gave, found again by all that a step depends on.
//
// A key is the digest of everything that decides what a step does: the content of the layers below (not how
// they came about), the expanded instruction, and the content of the files it takes. A step is run by one
// process at a time: who wants the same meanwhile waits and then finds it.
#ifndef CORACLE_BUILD_STEP_CACHE_H_
#define CORACLE_BUILD_STEP_CACHE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"
#include "build/layer_ref.h"
#include "os/unique_fd.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::build {

// Collects what decides; parts can't run into each other.
class KeyMaker {
 public:
  explicit KeyMaker(absl::string_view kind) { Add(kind); }
  KeyMaker& Add(absl::string_view part);
  KeyMaker& Add(const std::vector<std::string>& parts);
  std::string Finish() { return sha_.HexDigest(); }

 private:
  Sha256 sha_;
};

struct CachedStep {
  LayerRef layer;
  int64_t created_unix_nanos = 0;
  std::vector<std::string> keys;  // by which it was found or kept in this build
};

// Held by who runs the step.
class StepLock {
 public:
  StepLock(os::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  StepLock(StepLock&&) = default;
  StepLock& operator=(StepLock&&) = delete;
  ~StepLock();

 private:
  os::UniqueFd fd_;
  std::string path_;
};

// Waits for whoever runs the step of `key`. `waiting` gets "pid 12 (coracle build .)" after a second.
absl::StatusOr<StepLock> LockStep(const store::Store& store, absl::string_view key,
                                  const std::function<void(const std::string&)>& waiting);

// The layer, claimed by `keeper` and there; nothing if there is none.
absl::StatusOr<std::optional<CachedStep>> FindStep(const store::Store& store, store::Lease& keeper,
                                                   absl::string_view key);
// Whether a step that reads like this was kept over these layers, whatever files it took.
bool IsStepKnown(const store::Store& store, const std::vector<LayerRef>& below,
                 absl::string_view description);
// A further key of a step that is kept.
absl::Status AliasStep(const store::Store& store, absl::string_view key, const CachedStep& step,
                       const std::vector<LayerRef>& below, absl::string_view description);
absl::StatusOr<CachedStep> KeepStep(const store::Store& store, absl::string_view key, const LayerRef& layer,
                                    const std::vector<LayerRef>& below, absl::string_view description);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_STEP_CACHE_H_
