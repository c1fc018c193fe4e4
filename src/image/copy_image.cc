#include "image/copy_image.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "archive/recode_source.h"
#include "base/error_context.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "image/checked_source.h"
#include "image/convert_manifest.h"
#include "oci/image_config.h"
#include "os/thread.h"

namespace coracle::image {
namespace {

// An index may name indexes; nobody needs many levels, and a circle must end.
constexpr int kMaxIndexDepth = 3;

bool IsImageConfig(absl::string_view media_type) {
  return media_type == oci::kOciConfig || media_type == oci::kDockerConfig;
}

std::optional<archive::Compression> CompressionOf(const oci::Descriptor& layer) {
  switch (oci::LayerKindOf(layer.media_type)) {
    case oci::LayerKind::kTar:
      return archive::Compression::kNone;
    case oci::LayerKind::kTarGzip:
      return archive::Compression::kGzip;
    case oci::LayerKind::kTarZstd:
      return archive::Compression::kZstd;
    case oci::LayerKind::kNotALayer:
      break;
  }
  return std::nullopt;
}

class Copier {
 public:
  Copier(ImageSource& source, ImageSink& sink, const CopyOptions& options)
      : source_(source), sink_(sink), options_(options), traits_(sink.traits()) {}

  absl::StatusOr<CopyResult> Run();

 private:
  // What is to become of a layer.
  struct LayerPlan {
    size_t index;
    std::optional<archive::Compression> recode;
  };
  // What is to become of an image.
  struct ImagePlan {
    ManifestFormat format;
    bool convert = false;
    std::vector<LayerPlan> layers;  // each digest once
  };

  StreamWatch Watch(int item) const { return {options_.progress, item, options_.cancel, &stop_}; }
  absl::Status CheckDocument(const oci::Descriptor& descriptor, ManifestDocument& document) const;
  absl::StatusOr<ManifestDocument> GetInstance(const oci::Descriptor& descriptor);
  absl::StatusOr<CopyResult> CopyPicked(ManifestDocument index_document, oci::Index index);
  absl::StatusOr<CopyResult> CopyAll(ManifestDocument document, oci::Index index, int depth,
                                     ManifestRole role);
  absl::StatusOr<CopyResult> CopySingle(ManifestDocument document, const ManifestDocument* index,
                                        ManifestRole role);
  // A config that was read and checked, on its way into the sink.
  struct ReadyConfig {
    oci::Descriptor descriptor;
    std::string bytes;
    std::vector<oci::Digest> diff_ids;  // none for what is no image
    bool was_there = false;
    int item = -1;  // of the progress
    std::shared_ptr<void> lock;
  };
  absl::StatusOr<ReadyConfig> ReadConfig(const oci::Manifest& manifest);
  absl::Status PutConfig(ReadyConfig& config);
  absl::StatusOr<ImagePlan> Plan(const oci::Manifest& manifest) const;
  absl::Status CopyLayers(oci::Manifest& manifest, ReadyConfig& config, const ImagePlan& plan);
  absl::Status CopyLayer(const oci::Descriptor& layer, const oci::Digest& diff_id, const LayerPlan& plan);
  bool SinkTakes(absl::string_view media_type) const;
  absl::StatusOr<ManifestFormat> FormatFor(absl::string_view media_type, bool index) const;
  absl::Status MayChange(absl::string_view why) const;

  ImageSource& source_;
  ImageSink& sink_;
  const CopyOptions& options_;
  const SinkTraits traits_;
  os::CancelFlag stop_;

  std::mutex mutex_;
  std::map<oci::Digest, oci::Descriptor> copied_;  // layers, by the digest they have in the source
};

absl::Status Copier::CheckDocument(const oci::Descriptor& wanted, ManifestDocument& document) const {
  ASSIGN_OR_RETURN(document.digest, oci::Digest::FromHex(Sha256Hex(document.bytes)));
  if (!wanted.digest.empty() && document.digest != wanted.digest) {
    return absl::DataLossError(absl::StrCat("manifest ", wanted.digest.str(),
                                            ": what came has another digest, ", document.digest.str()));
  }
  if (!wanted.digest.empty() && static_cast<int64_t>(document.bytes.size()) != wanted.size) {
    return absl::DataLossError(absl::StrCat("manifest ", wanted.digest.str(), " has ", document.bytes.size(),
                                            " bytes, not the ", wanted.size, " that its index says"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ManifestDocument> Copier::GetInstance(const oci::Descriptor& descriptor) {
  ManifestDocument document;
  ASSIGN_OR_RETURN(std::optional<std::string> found, sink_.FindDocument(descriptor.digest));
  if (found.has_value()) {
    document.bytes = *std::move(found);
    document.media_type = descriptor.media_type;
  } else {
    ASSIGN_OR_RETURN(document, source_.GetInstance(descriptor));
  }
  RETURN_IF_ERROR(CheckDocument(descriptor, document));
  return document;
}

absl::Status Copier::MayChange(absl::string_view why) const {
  if (!options_.preserve_digests) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the digest cannot be preserved: ", why));
}

bool Copier::SinkTakes(absl::string_view media_type) const {
  return traits_.manifest_types.empty() ||
         std::find(traits_.manifest_types.begin(), traits_.manifest_types.end(), media_type) !=
             traits_.manifest_types.end();
}

// The format for a document that has `media_type` now.
absl::StatusOr<ManifestFormat> Copier::FormatFor(absl::string_view media_type, bool index) const {
  const auto type_in = [&](ManifestFormat format) {
    if (index) return format == ManifestFormat::kOci ? oci::kOciIndex : oci::kDockerManifestList;
    return format == ManifestFormat::kOci ? oci::kOciManifest : oci::kDockerManifest;
  };
  const ManifestFormat wanted = options_.format.value_or(FormatOf(media_type));
  if (SinkTakes(type_in(wanted))) return wanted;
  for (const ManifestFormat format : {ManifestFormat::kOci, ManifestFormat::kDocker}) {
    if (format != wanted && SinkTakes(type_in(format))) return format;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(sink_.Name(), " takes no ", index ? "multi-platform images" : "images of this kind"));
}

absl::StatusOr<CopyResult> Copier::Run() {
  ASSIGN_OR_RETURN(ManifestDocument document, source_.GetManifest());
  RETURN_IF_ERROR(CheckDocument({}, document));
  ASSIGN_OR_RETURN(auto parsed, oci::ParseManifestOrIndex(document.bytes, document.media_type));
  CopyResult result;
  if (auto* index = std::get_if<oci::Index>(&parsed)) {
    document.media_type = index->media_type;
    if (options_.all) {
      ASSIGN_OR_RETURN(result, CopyAll(std::move(document), std::move(*index), 0, ManifestRole::kTop));
    } else {
      ASSIGN_OR_RETURN(result, CopyPicked(std::move(document), std::move(*index)));
    }
  } else {
    ASSIGN_OR_RETURN(result, CopySingle(std::move(document), nullptr, ManifestRole::kTop));
  }
  if (options_.cancel != nullptr) RETURN_IF_ERROR(options_.cancel->Check());
  RETURN_IF_ERROR(sink_.Commit());
  return result;
}

absl::StatusOr<CopyResult> Copier::CopyPicked(ManifestDocument index_document, oci::Index index) {
  ManifestDocument document;
  for (int depth = 0;; ++depth) {
    ASSIGN_OR_RETURN(const oci::Descriptor picked, oci::SelectPlatform(index, options_.platform));
    ASSIGN_OR_RETURN(document, GetInstance(picked));
    ASSIGN_OR_RETURN(auto parsed, oci::ParseManifestOrIndex(document.bytes, picked.media_type));
    auto* inner = std::get_if<oci::Index>(&parsed);
    if (inner == nullptr) break;
    if (depth == kMaxIndexDepth) return absl::InvalidArgumentError("indexes are nested too deep");
    index = std::move(*inner);
  }
  return CopySingle(std::move(document), &index_document, ManifestRole::kTop);
}

absl::StatusOr<CopyResult> Copier::CopyAll(ManifestDocument document, oci::Index index, int depth,
                                           ManifestRole role) {
  if (depth == kMaxIndexDepth) return absl::InvalidArgumentError("indexes are nested too deep");
  ASSIGN_OR_RETURN(const ManifestFormat format, FormatFor(index.media_type, /*index=*/true));
  bool changed = format != FormatOf(index.media_type);
  if (changed) RETURN_IF_ERROR(MayChange("the index's format changes"));
  for (oci::Descriptor& entry : index.manifests) {
    ASSIGN_OR_RETURN(ManifestDocument instance, GetInstance(entry));
    ASSIGN_OR_RETURN(auto parsed, oci::ParseManifestOrIndex(instance.bytes, entry.media_type));
    CopyResult copied;
    if (auto* inner = std::get_if<oci::Index>(&parsed)) {
      ASSIGN_OR_RETURN(copied,
                       CopyAll(std::move(instance), std::move(*inner), depth + 1, ManifestRole::kInstance));
    } else {
      ASSIGN_OR_RETURN(copied, CopySingle(std::move(instance), nullptr, ManifestRole::kInstance));
    }
    if (copied.top.digest == entry.digest) continue;
    changed = true;
    entry.digest = copied.top.digest;
    entry.size = static_cast<int64_t>(copied.top.bytes.size());
    entry.media_type = copied.top.media_type;
  }
  if (changed) {
    ConvertIndex(index, format);
    document.bytes = oci::SerializeIndex(index);
    document.media_type = index.media_type;
    RETURN_IF_ERROR(CheckDocument({}, document));
  }
  RETURN_IF_ERROR(sink_.PutManifest(document, role));
  CopyResult result;
  result.top = std::move(document);
  return result;
}

absl::StatusOr<Copier::ImagePlan> Copier::Plan(const oci::Manifest& manifest) const {
  ImagePlan plan;
  ASSIGN_OR_RETURN(plan.format, FormatFor(manifest.media_type, /*index=*/false));
  bool zstd = false;
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    const oci::Descriptor& layer = manifest.layers[i];
    const std::optional<archive::Compression> now = CompressionOf(layer);
    std::optional<archive::Compression> then = now;
    if (now.has_value() && !IsForeignLayer(layer)) {
      const bool may_recode = *now == archive::Compression::kNone || options_.force_compression;
      if (options_.compression.has_value() && may_recode) then = options_.compression;
      if (traits_.layer_compression.has_value()) then = traits_.layer_compression;
    }
    zstd |= then == archive::Compression::kZstd;
    const auto same = [&](const LayerPlan& other) {
      return manifest.layers[other.index].digest == layer.digest;
    };
    if (std::any_of(plan.layers.begin(), plan.layers.end(), same)) continue;
    // A forced level is a change as well, though the format stays.
    const bool again = options_.force_compression && now.has_value() && then != archive::Compression::kNone &&
                       options_.compression_level != archive::kDefaultLevel;
    plan.layers.push_back({i, then != now || again ? then : std::nullopt});
    plan.convert |= plan.layers.back().recode.has_value();
  }
  // Docker's format has no zstd layers; who asks for them without naming a format wants the other one.
  if (zstd && !options_.format.has_value() && plan.format == ManifestFormat::kDocker &&
      options_.compression == archive::Compression::kZstd && SinkTakes(oci::kOciManifest)) {
    plan.format = ManifestFormat::kOci;
  }
  if (plan.convert) RETURN_IF_ERROR(MayChange("layers have to be compressed anew"));
  if (plan.format != FormatOf(manifest.media_type)) {
    RETURN_IF_ERROR(MayChange("the manifest's format changes"));
    plan.convert = true;
  }
  return plan;
}

absl::StatusOr<CopyResult> Copier::CopySingle(ManifestDocument document, const ManifestDocument* index,
                                              ManifestRole role) {
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(document.bytes, document.media_type));
  if (document.media_type.empty()) {
    document.media_type = manifest.media_type.empty() ? oci::kOciManifest : manifest.media_type;
  }
  ASSIGN_OR_RETURN(const ImagePlan plan, Plan(manifest));
  CopyResult result;
  result.config = manifest.config.digest;
  bool there = false;
  if (!plan.convert) {
    ASSIGN_OR_RETURN(there, sink_.HasImage(document, index));
  }
  if (there) {
    result.was_there = true;
  } else {
    ASSIGN_OR_RETURN(ReadyConfig config, ReadConfig(manifest));
    if (!traits_.config_with_layers) RETURN_IF_ERROR(PutConfig(config));
    RETURN_IF_ERROR(CopyLayers(manifest, config, plan));
    if (plan.convert) {
      RETURN_IF_ERROR(ConvertManifest(manifest, plan.format));
      document.bytes = oci::SerializeManifest(manifest);
      document.media_type = manifest.media_type;
      RETURN_IF_ERROR(CheckDocument({}, document));
    }
  }
  if (index != nullptr && !plan.convert) RETURN_IF_ERROR(sink_.NoteOrigin(*index));
  RETURN_IF_ERROR(sink_.PutManifest(document, role));
  result.top = document;
  result.image = std::move(document);
  return result;
}

absl::StatusOr<Copier::ReadyConfig> Copier::ReadConfig(const oci::Manifest& manifest) {
  ReadyConfig config;
  config.descriptor = manifest.config;
  const oci::Digest& digest = config.descriptor.digest;
  ASSIGN_OR_RETURN(config.lock, sink_.LockDocument(digest));
  ASSIGN_OR_RETURN(std::optional<std::string> bytes, sink_.FindDocument(digest));
  if (options_.progress != nullptr) {
    config.item =
        options_.progress->Begin(absl::StrCat("config ", ShortDigest(digest)), config.descriptor.size);
  }
  config.was_there = bytes.has_value();
  if (!config.was_there) {
    auto stream = source_.OpenBlob(config.descriptor, 0);
    if (!stream.ok()) return AnnotateUnlessNamed(stream.status(), "config", digest.str());
    ASSIGN_OR_RETURN(
        bytes,
        ReadDocument(*std::move(stream), config.descriptor, oci::kMaxImageConfigBytes, Watch(config.item)),
        "config");
  }
  config.bytes = *std::move(bytes);
  if (!IsImageConfig(config.descriptor.media_type)) return config;
  ASSIGN_OR_RETURN(oci::ImageConfig parsed, oci::ParseImageConfig(config.bytes), "config ", digest.str());
  if (parsed.diff_ids.size() != manifest.layers.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the config has ", parsed.diff_ids.size(),
                                                   " layers (rootfs.diff_ids), the manifest ",
                                                   manifest.layers.size()));
  }
  config.diff_ids = std::move(parsed.diff_ids);
  return config;
}

absl::Status Copier::PutConfig(ReadyConfig& config) {
  const absl::Status status = sink_.PutConfig(config.descriptor, config.bytes);
  if (!status.ok()) return AnnotateUnlessNamed(status, "config", config.descriptor.digest.str());
  if (options_.progress != nullptr) {
    options_.progress->End(config.item, config.was_there ? "already exists" : "done");
  }
  config.lock.reset();
  return absl::OkStatus();
}

// And the config, for a sink that takes it at any time.
absl::Status Copier::CopyLayers(oci::Manifest& manifest, ReadyConfig& config, const ImagePlan& plan) {
  std::vector<LayerPlan> todo;
  for (const LayerPlan& layer : plan.layers) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!copied_.contains(manifest.layers[layer.index].digest)) todo.push_back(layer);
  }
  const int parallel = std::max(
      1, std::min({options_.parallel_transfers, traits_.max_parallel_blobs, source_.max_parallel_blobs()}));
  // The largest first: what runs alone at the end is short.
  if (parallel > 1) {
    std::stable_sort(todo.begin(), todo.end(), [&](const LayerPlan& a, const LayerPlan& b) {
      return manifest.layers[a.index].size > manifest.layers[b.index].size;
    });
  }
  const size_t first_layer = traits_.config_with_layers ? 1 : 0;
  RETURN_IF_ERROR(os::RunParallel(
      first_layer + todo.size(), static_cast<size_t>(parallel),
      [&](size_t i) {
        if (i < first_layer) return PutConfig(config);
        const LayerPlan& layer_plan = todo[i - first_layer];
        const oci::Descriptor& layer = manifest.layers[layer_plan.index];
        const oci::Digest diff_id =
            config.diff_ids.empty() ? oci::Digest() : config.diff_ids[layer_plan.index];
        return AnnotateUnlessNamed(CopyLayer(layer, diff_id, layer_plan), "layer", layer.digest.str());
      },
      [&] {
        stop_.Set();
        source_.Cancel();
        sink_.Cancel();
      }));
  for (oci::Descriptor& layer : manifest.layers) {
    const oci::Descriptor& copied = copied_[layer.digest];
    layer.media_type = copied.media_type;
    layer.size = copied.size;
    layer.digest = copied.digest;
  }
  return absl::OkStatus();
}

absl::Status Copier::CopyLayer(const oci::Descriptor& layer, const oci::Digest& diff_id,
                               const LayerPlan& plan) {
  LayerToPut put;
  put.descriptor = layer;
  put.diff_id = diff_id;
  put.index = plan.index;
  if (options_.progress != nullptr) {
    put.progress_item =
        options_.progress->Begin(absl::StrCat("blob ", ShortDigest(layer.digest)), layer.size);
  }
  const StreamWatch watch = Watch(put.progress_item);
  put.open = [this, &layer, &plan,
              watch](int64_t offset) -> absl::StatusOr<std::unique_ptr<archive::ByteSource>> {
    ASSIGN_OR_RETURN(std::unique_ptr<archive::ByteSource> stream, source_.OpenBlob(layer, offset));
    const bool digest = !traits_.checks_layers || plan.recode.has_value();
    auto checked = std::make_unique<CheckedSource>(std::move(stream), layer, offset, watch, digest);
    if (!plan.recode.has_value()) return checked;
    if (offset != 0) return absl::UnimplementedError("a stream that is being compressed starts at its start");
    return archive::RecodeSource::Open(std::move(checked), *plan.recode, options_.compression_level);
  };
  oci::Descriptor result = layer;
  bool reused = false;
  if (plan.recode.has_value()) {
    put.descriptor.digest = {};
    put.descriptor.size = -1;
    ASSIGN_OR_RETURN(const std::string type, LayerType(ManifestFormat::kOci, *plan.recode));
    put.descriptor.media_type = type;
  } else {
    ASSIGN_OR_RETURN(reused, sink_.TryReuseLayer(put));
  }
  if (!reused) {
    if (options_.progress != nullptr) options_.progress->State(put.progress_item, "copying");
    ASSIGN_OR_RETURN(const oci::Descriptor kept, sink_.PutLayer(put));
    result.digest = kept.digest;
    result.size = kept.size;
  }
  // Renamed to the format of the manifest by whoever writes that.
  if (plan.recode.has_value()) result.media_type = put.descriptor.media_type;
  if (options_.progress != nullptr) {
    options_.progress->End(put.progress_item, reused ? "already exists" : "done");
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  copied_[layer.digest] = std::move(result);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CopyResult> CopyImage(ImageSource& source, ImageSink& sink, const CopyOptions& options) {
  std::optional<os::CancelWatch> watch;
  if (options.cancel != nullptr) {
    watch.emplace(*options.cancel, [&] {
      source.Cancel();
      sink.Cancel();
    });
  }
  return Copier(source, sink, options).Run();
}

}  // namespace coracle::image
