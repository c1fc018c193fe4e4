#include "engine/build_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/size.h"
#include "base/status.h"
#include "build/cache_image.h"
#include "image/garbage.h"
#include "image/image_store.h"
#include "image/transport_name.h"
#include "os/file.h"
#include "store/build_cache.h"

namespace coracle::engine {
namespace {

constexpr int64_t kLeastBytes = int64_t{10} << 30;
constexpr int kShareOfDisk = 10;
constexpr absl::Duration kLookEvery = absl::Minutes(10);
constexpr char kBoundVariable[] = "CORACLE_BUILD_CACHE_SIZE";

// What the user says, or nothing.
std::optional<int64_t> WantedBytes() {
  const char* text = getenv(kBoundVariable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  const auto bytes = ParseSize(text);
  if (!bytes.ok() || *bytes < 0) return std::nullopt;
  return *bytes;
}

int64_t DefaultBytes(const store::Store& store) {
  struct statvfs info;
  if (statvfs(store.root().c_str(), &info) != 0) return kLeastBytes;
  return std::max(kLeastBytes,
                  static_cast<int64_t>(info.f_blocks) / kShareOfDisk * static_cast<int64_t>(info.f_frsize));
}

// Whether nobody has looked for a while; notes that somebody does now.
bool IsTimeToLook(const store::Store& store) {
  const std::string path = absl::StrCat(store.runroot(), "/build-cache-bounded");
  struct stat info;
  const absl::Time now = absl::Now();
  if (stat(path.c_str(), &info) == 0 && absl::TimeFromTimespec(info.st_mtim) > now - kLookEvery) return false;
  return os::WriteFileAt(AT_FDCWD, path, "", 0600).ok();
}

}  // namespace

absl::StatusOr<int> ImportBuildCache(Engine& engine, TransferContext& transfer, const std::string& place) {
  const bool was_there = image::Find(engine.store, place).ok();
  PullRequest pull;
  pull.policy = PullPolicy::kAlways;
  ASSIGN_OR_RETURN(const std::vector<PulledImage> pulled, PullImage(engine, transfer, place, pull));
  if (pulled.empty()) return absl::NotFoundError(absl::StrCat(place, " is not there"));
  const PulledImage& cache = pulled.front();
  ASSIGN_OR_RETURN(const image::ImageInfo info, image::Find(engine.store, cache.id));
  ASSIGN_OR_RETURN(const std::string json, image::ReadConfig(engine.store, info.record));
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ParseImageConfig(json), place);
  auto taken = build::TakeCacheImage(engine.store, config);
  // Only the steps are wanted, which hold their layers now; what the user has stays.
  if (build::IsCacheImage(config)) {
    (void)image::Remove(engine.store, cache.id, /*force=*/true, {});
  } else if (taken.ok() && !was_there && info.names.size() <= 1) {
    (void)image::Remove(engine.store, cache.id, /*force=*/false, {});
  }
  return taken;
}

absl::Status ExportBuildCache(Engine& engine, TransferContext& transfer,
                              const std::vector<build::KeptStep>& steps, const std::string& place) {
  ASSIGN_OR_RETURN(const build::StoredImage cache, build::StoreCacheImage(engine.store, steps));
  const auto pushed = PushImage(engine, transfer, cache.id, place, {});
  (void)image::Remove(engine.store, cache.id, /*force=*/true, {});  // a leftover is an image without a name
  return pushed.status();
}

absl::StatusOr<BuildPruned> PruneBuildCache(Engine& engine, const BuildPruning& pruning) {
  ASSIGN_OR_RETURN(std::vector<store::BuildCacheEntry> entries, store::ListBuildCache(engine.store));
  absl::flat_hash_set<std::string> in_images;
  ASSIGN_OR_RETURN(const std::vector<image::ImageInfo> images, image::List(engine.store));
  for (const image::ImageInfo& info : images) {
    in_images.insert(info.record.layer_ids().begin(), info.record.layer_ids().end());
  }
  // Newest first: those stay as long as there is room.
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.used_unix_nanos > b.used_unix_nanos; });
  const int64_t before = absl::ToUnixNanos(absl::Now() - pruning.unused);
  BuildPruned pruned;
  absl::flat_hash_set<std::string> kept;
  int64_t kept_bytes = 0;
  for (const store::BuildCacheEntry& entry : entries) {
    const store::BuildCacheRecord& record = entry.record;
    const bool shared = in_images.contains(record.layer_id());
    const int64_t bytes = shared || kept.contains(record.layer_id()) ? 0 : record.unpacked_bytes();
    bool stays = entry.used_unix_nanos > before || (shared && !pruning.all);
    if (!stays && pruning.keep_bytes >= 0) stays = kept_bytes + bytes <= pruning.keep_bytes;
    if (stays) {
      kept.insert(record.layer_id());
      kept_bytes += bytes;
      continue;
    }
    RETURN_IF_ERROR(store::RemoveBuildCache(engine.store, record.key()));
    pruned.keys.push_back(record.key());
    pruned.bytes += bytes;
  }
  if (pruning.all && pruning.keep_bytes < 0 && pruning.unused == absl::ZeroDuration()) {
    // Renamed first: a step that has one mounted goes on with it.
    const std::string mounts = absl::StrCat(engine.store.root(), "/build-mounts");
    (void)rename(mounts.c_str(),
                 absl::StrCat(engine.store.root(), "/trash/", store::NewContainerId()).c_str());
    (void)store::EmptyTrash(engine.store);  // what stays, the next sweep finds
  }
  RETURN_IF_ERROR(image::CollectGarbage(engine.store));
  return pruned;
}

void BoundBuildCache(Engine& engine) {
  const std::optional<int64_t> wanted = WantedBytes();
  if (!wanted.has_value() && !IsTimeToLook(engine.store)) return;
  const int64_t bound = wanted.value_or(DefaultBytes(engine.store));
  const auto entries = store::ListBuildCache(engine.store);
  if (!entries.ok()) return;
  absl::flat_hash_set<std::string> seen;
  int64_t bytes = 0;
  for (const store::BuildCacheEntry& entry : *entries)
    if (seen.insert(entry.record.layer_id()).second) bytes += entry.record.unpacked_bytes();
  // Layers of images count here and not there: pruning may find that all is well.
  if (bytes <= bound) return;
  BuildPruning pruning;
  pruning.keep_bytes = bound;
  (void)PruneBuildCache(engine, pruning);  // the next build tries again
}

}  // namespace coracle::engine
