#include "engine/attested_image.h"

#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/sha256.h"
#include "base/status.h"
#include "engine/image_ends.h"
#include "image/archive_writer.h"
#include "image/copy_image.h"
#include "image/manifest_list.h"
#include "image/oci_layout_sink.h"
#include "oci/image_config.h"

namespace coracle::engine {
namespace {

constexpr char kInToto[] = "application/vnd.in-toto+json";
constexpr char kPredicateType[] = "in-toto.io/predicate-type";
// The place, in a list, of what is in memory.
constexpr char kStatements[] = "statements:";

// Small documents that this process made.
class Documents : public image::ImageSource {
 public:
  std::string Name() const override { return "attestations"; }
  // Gives its descriptor.
  absl::StatusOr<oci::Descriptor> Add(const char* media_type, std::string bytes) {
    oci::Descriptor descriptor;
    descriptor.media_type = media_type;
    descriptor.size = static_cast<int64_t>(bytes.size());
    ASSIGN_OR_RETURN(descriptor.digest, oci::Digest::FromHex(Sha256Hex(bytes)));
    documents_[descriptor.digest] = std::move(bytes);
    return descriptor;
  }

  absl::StatusOr<image::ManifestDocument> GetManifest() override {
    return image::ManifestDocument{};  // asked for by its digest only
  }
  absl::StatusOr<image::ManifestDocument> GetInstance(const oci::Descriptor& descriptor) override {
    const auto found = documents_.find(descriptor.digest);
    if (found == documents_.end()) return absl::NotFoundError(descriptor.digest.str());
    return image::ManifestDocument{found->second, descriptor.media_type, descriptor.digest};
  }
  absl::StatusOr<std::unique_ptr<archive::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                                int64_t offset) override {
    const auto found = documents_.find(blob.digest);
    if (found == documents_.end()) return absl::NotFoundError(blob.digest.str());
    return std::make_unique<archive::MemorySource>(
        absl::string_view(found->second).substr(static_cast<size_t>(offset)));
  }

 private:
  std::map<oci::Digest, std::string> documents_;
};

// What one place in a list needs, held by who opens it again and again.
class Shared : public image::ImageSource {
 public:
  explicit Shared(std::shared_ptr<Documents> documents) : documents_(std::move(documents)) {}
  std::string Name() const override { return documents_->Name(); }
  absl::StatusOr<image::ManifestDocument> GetManifest() override { return documents_->GetManifest(); }
  absl::StatusOr<image::ManifestDocument> GetInstance(const oci::Descriptor& descriptor) override {
    return documents_->GetInstance(descriptor);
  }
  absl::StatusOr<std::unique_ptr<archive::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                                int64_t offset) override {
    return documents_->OpenBlob(blob, offset);
  }

 private:
  std::shared_ptr<Documents> documents_;
};

// The attestation manifest of `image` as the sink has it.
absl::StatusOr<oci::Descriptor> Attest(const AttestedImage& image, const oci::Descriptor& target,
                                       const std::vector<std::string>& names, Documents& documents) {
  std::vector<std::string> subjects;
  for (const std::string& name : names)
    subjects.push_back(build::ImageUrl(name, target.platform.value_or(oci::HostPlatform())));
  oci::Manifest manifest;
  oci::ImageConfig config;
  config.architecture = config.os = "unknown";
  for (const build::Attestation& attestation : image.attestations) {
    ASSIGN_OR_RETURN(oci::Descriptor layer,
                     documents.Add(kInToto, build::StatementOf(attestation, subjects, target.digest.hex())));
    layer.annotations[kPredicateType] = attestation.predicate_type;
    config.diff_ids.push_back(layer.digest);
    manifest.layers.push_back(std::move(layer));
  }
  ASSIGN_OR_RETURN(manifest.config, documents.Add(oci::kOciConfig, oci::SerializeImageConfig(config)));
  ASSIGN_OR_RETURN(oci::Descriptor entry, documents.Add(oci::kOciManifest, oci::SerializeManifest(manifest)));
  entry.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  entry.annotations["vnd.docker.reference.digest"] = target.digest.str();
  entry.platform.emplace();
  entry.platform->architecture = entry.platform->os = "unknown";
  return entry;
}

// An index in the making, and where what it names is.
class Collection {
 public:
  explicit Collection(const EndOptions& ends) : ends_(ends), documents_(std::make_shared<Documents>()) {}

  void AddImage(const oci::Descriptor& manifest, std::string place) {
    list_.index.manifests.push_back(manifest);
    list_.sources[manifest.digest.str()] = std::move(place);
  }
  absl::Status AddAttestation(const AttestedImage& image, const oci::Descriptor& target,
                              const std::vector<std::string>& names) {
    if (image.attestations.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(oci::Descriptor entry, Attest(image, target, names, *documents_));
    AddImage(entry, kStatements);
    return absl::OkStatus();
  }
  absl::StatusOr<image::CopyResult> CopyTo(image::ImageSink& sink, image::CopyOptions options) const {
    image::ManifestListSource source(
        list_, [this](const std::string& place) -> absl::StatusOr<std::unique_ptr<image::ImageSource>> {
          if (place == kStatements) return std::make_unique<Shared>(documents_);
          ASSIGN_OR_RETURN(const image::TransportName name, image::ParseTransportName(place));
          return OpenSource(name, ends_);
        });
    options.all = true;
    options.progress = ends_.progress;
    options.cancel = ends_.cancel;
    return image::CopyImage(source, sink, options);
  }

 private:
  const EndOptions& ends_;
  image::ManifestList list_;
  std::shared_ptr<Documents> documents_;
};

std::string StorePlace(const AttestedImage& image) {
  image::TransportName name;
  name.transport = image::Transport::kStore;
  name.reference = image.id;
  return name.str();
}

}  // namespace

absl::Status PushAttested(Engine& engine, TransferContext& context, const std::vector<AttestedImage>& images,
                          const std::string& name) {
  const EndOptions ends = EndsOf(engine, context);
  const std::string place = absl::StrCat("docker://", name);
  ASSIGN_OR_RETURN(const image::TransportName to, image::ParseTransportName(place));
  Collection first(ends);
  for (const AttestedImage& image : images) first.AddImage(image.manifest, StorePlace(image));
  image::CopyOptions options;
  options.compression = archive::Compression::kGzip;
  ASSIGN_OR_RETURN(const SinkEnd end, OpenSink(to, ends));
  ASSIGN_OR_RETURN(const image::CopyResult copied, first.CopyTo(*end.sink, options), place);
  ASSIGN_OR_RETURN(const oci::Index there, oci::ParseIndex(copied.top.bytes, copied.top.media_type));
  Collection whole(ends);
  for (const oci::Descriptor& image : there.manifests) whole.AddImage(image, place);
  for (size_t i = 0; i < images.size() && i < there.manifests.size(); ++i)
    RETURN_IF_ERROR(whole.AddAttestation(images[i], there.manifests[i], {name}));
  ASSIGN_OR_RETURN(const SinkEnd again, OpenSink(to, ends));
  return Annotate(whole.CopyTo(*again.sink, {}).status(), place);
}

absl::Status SaveAttested(Engine& engine, TransferContext& context, const std::vector<AttestedImage>& images,
                          const std::string& path, const std::vector<std::string>& names) {
  const EndOptions ends = EndsOf(engine, context);
  Collection all(ends);
  for (const AttestedImage& image : images) all.AddImage(image.manifest, StorePlace(image));
  for (const AttestedImage& image : images) RETURN_IF_ERROR(all.AddAttestation(image, image.manifest, names));
  ASSIGN_OR_RETURN(auto members, image::CreateArchiveWriter(path, {ends.spool_dir}));
  const auto writer = image::OciLayoutWriter::CreateArchive(std::move(members));
  const std::unique_ptr<image::ImageSink> sink = writer->NewSink(path, names, /*finish=*/true);
  return Annotate(all.CopyTo(*sink, {}).status(), path);
}

}  // namespace coracle::engine
