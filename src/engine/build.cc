#include "engine/build.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "engine/build_run.h"
#include "engine/root_files.h"
#include "image/garbage.h"
#include "image/image_store.h"
#include "oci/manifest.h"
#include "os/file.h"
#include "storage/layer_store.h"
#include "store/build_cache.h"

namespace coracle::engine {
namespace {

// What an image of the store consists of, as a build needs it.
absl::StatusOr<build::BaseImage> Describe(Engine& engine, const PulledImage& pulled) {
  ASSIGN_OR_RETURN(const image::ImageInfo info,
                   image::Find(engine.store, pulled.name.empty() ? pulled.id : pulled.name));
  build::BaseImage base;
  base.id = info.record.id();
  base.name = pulled.name.empty() && !info.names.empty() ? info.names.front() : pulled.name;
  if (base.name.empty()) base.name = base.id;
  base.manifest_digest = info.record.manifest_digest();
  ASSIGN_OR_RETURN(const std::string config, image::ReadConfig(engine.store, info.record));
  ASSIGN_OR_RETURN(base.config, oci::ParseImageConfig(config), "image ", base.name);
  ASSIGN_OR_RETURN(const std::string json, image::ReadManifest(engine.store, info.record));
  ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::ParseManifest(json, info.record.manifest_media_type()),
                   "image ", base.name);
  if (manifest.layers.size() != static_cast<size_t>(info.record.layer_ids_size())) {
    return absl::DataLossError(absl::StrCat("image ", base.name, ": its manifest and record disagree"));
  }
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    build::LayerRef& layer = base.layers.emplace_back();
    layer.id = info.record.layer_ids(static_cast<int>(i));
    layer.media_type = manifest.layers[i].media_type;
    layer.digest = manifest.layers[i].digest.str();
    layer.size = manifest.layers[i].size;
    const auto record = storage::ReadLayer(engine.store, layer.id);
    if (record.ok()) layer.unpacked_bytes = record->unpacked_bytes();
  }
  return base;
}

absl::StatusOr<build::BaseImage> FindBase(Engine& engine, TransferContext& transfer, PullPolicy policy,
                                          const std::string& name,
                                          const std::optional<oci::Platform>& platform) {
  PullRequest pull;
  pull.policy = policy;
  pull.platform = platform;
  ASSIGN_OR_RETURN(const std::vector<PulledImage> pulled, PullImage(engine, transfer, name, pull));
  if (pulled.empty()) return absl::NotFoundError(absl::StrCat("image ", name, " is not there"));
  return Describe(engine, pulled.front());
}

}  // namespace

absl::StatusOr<build::BuildResult> BuildImage(Engine& engine, TransferContext& transfer,
                                              const build::BuildRequest& request,
                                              build::BuildProgress& progress) {
  // What killed builds left.
  (void)store::Sweep(engine.store);
  SweepBuildCgroups(engine);
  ASSIGN_OR_RETURN(const PullPolicy policy, ParsePullPolicy(request.pull));
  build::BuildHost host;
  host.find_image = [&](const std::string& name, const std::optional<oci::Platform>& platform) {
    return FindBase(engine, transfer, policy, name, platform);
  };
  host.run = [&engine](const build::RunStep& step) { return RunBuildStep(engine, step); };
  host.read_file = [](const std::vector<std::string>& dirs, absl::string_view path) {
    return RootFiles(dirs).Read(path);
  };
  return build::Build(engine.store, request, host, progress, transfer.cancel);
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

}  // namespace coracle::engine
