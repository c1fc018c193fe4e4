#include "build/step_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/fault.h"
#include "base/status.h"
#include "oci/media_types.h"
#include "os/file.h"
#include "os/file_wait.h"
#include "storage/layer_store.h"
#include "store/build_cache.h"
#include "store/lock_holder.h"

namespace coracle::build {

KeyMaker& KeyMaker::Add(absl::string_view part) {
  sha_.Update(absl::StrCat(part.size(), ":"));
  sha_.Update(part);
  return *this;
}

KeyMaker& KeyMaker::Add(const std::vector<std::string>& parts) {
  sha_.Update(absl::StrCat("[", parts.size(), "]"));
  for (const std::string& part : parts) Add(part);
  return *this;
}

StepLock::~StepLock() {
  if (fd_.valid()) (void)unlink(path_.c_str());
}

absl::StatusOr<StepLock> LockStep(const store::Store& store, absl::string_view key,
                                  const std::function<void(const std::string&)>& waiting) {
  const std::string directory = absl::StrCat(store.runroot(), "/build-steps");
  RETURN_IF_ERROR(os::MakeDirectories(directory, 0700));
  std::string path = absl::StrCat(directory, "/", key);
  ASSIGN_OR_RETURN(os::UniqueFd fd, os::LockFile(path, nullptr, [&](int locked) {
                     if (waiting != nullptr) waiting(store::DescribeLockHolder(locked));
                   }));
  return StepLock(std::move(fd), std::move(path));
}

absl::StatusOr<std::optional<CachedStep>> FindStep(const store::Store& store, store::Lease& keeper,
                                                   absl::string_view key) {
  ASSIGN_OR_RETURN(const auto record, store::ReadBuildCache(store, key));
  if (!record.has_value()) return std::optional<CachedStep>();
  RETURN_IF_ERROR(keeper.ClaimLayer(record->layer_id()));
  const auto layer = storage::ReadLayer(store, record->layer_id());
  // Removed, or lost with a power cut: as if it had never been made.
  if (!layer.ok()) return std::optional<CachedStep>();
  store::TouchBuildCache(store, key);
  CachedStep step;
  step.layer.id = record->layer_id();
  step.layer.media_type = oci::kOciLayer;
  step.layer.digest = absl::StrCat("sha256:", step.layer.id);
  step.layer.size = layer->content_bytes();
  step.layer.unpacked_bytes = layer->unpacked_bytes();
  step.created_unix_nanos = record->created_unix_nanos();
  step.keys.emplace_back(key);
  return std::optional<CachedStep>(std::move(step));
}

bool IsStepKnown(const store::Store& store, const std::vector<LayerRef>& below,
                 absl::string_view description) {
  const auto entries = store::ListBuildCache(store);
  if (!entries.ok()) return false;
  return std::any_of(entries->begin(), entries->end(), [&](const store::BuildCacheEntry& entry) {
    const auto& parents = entry.record.parents();
    return entry.record.description() == description &&
           std::equal(below.begin(), below.end(), parents.begin(), parents.end(),
                      [](const LayerRef& layer, const std::string& id) { return layer.id == id; });
  });
}

absl::Status AliasStep(const store::Store& store, absl::string_view key, const CachedStep& step,
                       const std::vector<LayerRef>& below, absl::string_view description) {
  store::BuildCacheRecord record;
  record.set_key(std::string(key));
  record.set_layer_id(step.layer.id);
  record.set_created_unix_nanos(step.created_unix_nanos);
  record.set_content_bytes(step.layer.size);
  record.set_unpacked_bytes(step.layer.unpacked_bytes);
  record.set_description(std::string(description));
  for (const LayerRef& one : below) record.add_parents(one.id);
  RETURN_IF_ERROR(store::WriteBuildCache(store, record), "keep the step");
  FaultPoint("build.cache.written");
  return absl::OkStatus();
}

absl::StatusOr<CachedStep> KeepStep(const store::Store& store, absl::string_view key, const LayerRef& layer,
                                    const std::vector<LayerRef>& below, absl::string_view description) {
  const CachedStep step{layer, absl::ToUnixNanos(absl::Now()), {std::string(key)}};
  RETURN_IF_ERROR(AliasStep(store, key, step, below, description));
  return step;
}

}  // namespace coracle::build
