#include "engine/build.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/progress.h"
#include "base/size.h"
#include "base/status.h"
#include "engine/build_cache.h"
#include "engine/build_run.h"
#include "engine/root_files.h"
#include "image/image_store.h"
#include "oci/manifest.h"
#include "os/file.h"
#include "storage/layer_store.h"

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

// What a pull has done, a line for each piece that is over.
class PullLines : public ProgressObserver {
 public:
  explicit PullLines(const std::function<void(absl::string_view)>& on_line) : on_line_(on_line) {}
  int Begin(absl::string_view label, int64_t total_bytes) override {
    const absl::MutexLock lock(&mutex_);
    items_.emplace_back(std::string(label), total_bytes);
    return static_cast<int>(items_.size()) - 1;
  }
  void Advance(int, int64_t) override {}
  void State(int, absl::string_view) override {}
  void End(int item, absl::string_view outcome) override {
    const absl::MutexLock lock(&mutex_);
    const auto& [label, bytes] = items_[static_cast<size_t>(item)];
    on_line_(absl::StrCat(label, bytes >= 0 ? absl::StrCat(" ", HumanSize(bytes)) : "", " ", outcome));
  }
  void Note(absl::string_view line) override {
    const absl::MutexLock lock(&mutex_);
    on_line_(line);
  }

 private:
  absl::Mutex mutex_;
  const std::function<void(absl::string_view)>& on_line_;
  std::vector<std::pair<std::string, int64_t>> items_;
};

absl::StatusOr<build::BaseImage> FindBase(Engine& engine, TransferContext& shared, PullPolicy policy,
                                          const std::string& name,
                                          const std::optional<oci::Platform>& platform,
                                          const std::function<void(absl::string_view)>& on_line) {
  PullLines lines(on_line);
  TransferContext transfer = shared;
  transfer.progress = &lines;
  PullRequest pull;
  pull.policy = policy;
  pull.platform = platform;
  const auto found = PullImage(engine, transfer, name, pull);
  if (absl::IsNotFound(found.status()) && platform.has_value())
    return Annotate(found.status(), absl::StrCat("for ", oci::PlatformName(*platform)));
  ASSIGN_OR_RETURN(const std::vector<PulledImage> pulled, found);
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
  host.find_image = [&](const std::string& name, const std::optional<oci::Platform>& platform,
                        const std::function<void(absl::string_view)>& on_line) {
    return FindBase(engine, transfer, policy, name, platform, on_line);
  };
  host.run = [&engine](const build::RunStep& step) { return RunBuildStep(engine, step); };
  host.read_file = [](const std::vector<std::string>& dirs, absl::string_view path) {
    return RootFiles(dirs).Read(path);
  };
  auto result = build::Build(engine.store, request, host, progress, transfer.cancel);
  if (result.ok()) BoundBuildCache(engine);
  return result;
}

}  // namespace coracle::engine
