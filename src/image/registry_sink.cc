#include <optional>

#include "base/fault.h"
#include "base/sha256.h"
#include "base/status.h"
#include "image/convert_manifest.h"
#include "image/registry_transport.h"

namespace coracle::image {
namespace {

// A layer's stream as what a client uploads; begun anew for each attempt.
class LayerBody : public registry::UploadBody {
 public:
  explicit LayerBody(const LayerToPut& layer) : layer_(layer), known_(!layer.descriptor.digest.empty()) {}

  int64_t size() const override { return layer_.descriptor.size; }
  absl::StatusOr<oci::Digest> digest() override {
    if (known_) return layer_.descriptor.digest;
    if (!result_.empty()) return result_;
    ASSIGN_OR_RETURN(result_, oci::Digest::FromHex(hash_->HexDigest()));
    return result_;
  }
  absl::Status Rewind(int64_t offset) override {
    if (stream_ != nullptr && offset == position_) return absl::OkStatus();
    // What is compressed on the way has no middle to start at: it is made again up to there.
    const int64_t start = known_ ? offset : 0;
    ASSIGN_OR_RETURN(stream_, layer_.open(start));
    position_ = start;
    if (!known_) hash_.emplace();
    result_ = {};
    char buffer[16 << 10];
    while (position_ < offset) {
      const auto want = static_cast<size_t>(std::min<int64_t>(sizeof(buffer), offset - position_));
      ASSIGN_OR_RETURN(const size_t count, Read(absl::MakeSpan(buffer, want)));
      if (count == 0) return absl::OutOfRangeError("the layer is shorter than before");
    }
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    if (stream_ == nullptr) RETURN_IF_ERROR(Rewind(0));
    ASSIGN_OR_RETURN(const size_t count, stream_->Read(buffer));
    if (!known_) hash_->Update(absl::string_view(buffer.data(), count));
    position_ += static_cast<int64_t>(count);
    return count;
  }
  int64_t position() const { return position_; }

 private:
  const LayerToPut& layer_;
  const bool known_;
  std::unique_ptr<archive::ByteSource> stream_;
  int64_t position_ = 0;
  std::optional<Sha256> hash_;  // of what passed, if the digest is not known
  oci::Digest result_;
};

class BytesBody : public registry::UploadBody {
 public:
  BytesBody(absl::string_view bytes, const oci::Digest& digest) : bytes_(bytes), digest_(digest) {}
  int64_t size() const override { return static_cast<int64_t>(bytes_.size()); }
  absl::StatusOr<oci::Digest> digest() override { return digest_; }
  absl::Status Rewind(int64_t offset) override {
    rest_ = bytes_.substr(static_cast<size_t>(offset));
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    archive::MemorySource source(rest_);
    ASSIGN_OR_RETURN(const size_t count, source.Read(buffer));
    rest_.remove_prefix(count);
    return count;
  }

 private:
  const absl::string_view bytes_;
  absl::string_view rest_ = bytes_;
  const oci::Digest digest_;
};

class RegistrySink : public ImageSink {
 public:
  RegistrySink(const RegistryPlace& place, const RegistrySinkOptions& options)
      : place_(place), options_(options) {}

  std::string Name() const override { return absl::StrCat("docker://", place_.at.str()); }
  SinkTraits traits() const override {
    SinkTraits traits;
    traits.config_with_layers = true;  // each is a few requests, and a registry may take its time for them
    return traits;
  }

  absl::Status PutConfig(const oci::Descriptor& descriptor, absl::string_view bytes) override {
    // Small as it is: an upload is three requests, and the registry waits for its disk.
    ASSIGN_OR_RETURN(const bool there, Reuse(descriptor.digest));
    if (there) return absl::OkStatus();
    BytesBody body(bytes, descriptor.digest);
    return client().UploadBlob(place_.at.path(), body).status();
  }

  absl::StatusOr<bool> TryReuseLayer(const LayerToPut& layer) override {
    // Registries keep no foreign layers: the manifest says where they are.
    if (IsForeignLayer(layer.descriptor) && !layer.descriptor.urls.empty()) return true;
    return Reuse(layer.descriptor.digest);
  }

  absl::StatusOr<oci::Descriptor> PutLayer(const LayerToPut& layer) override {
    LayerBody body(layer);
    RETURN_IF_ERROR(client().UploadBlob(place_.at.path(), body).status());
    oci::Descriptor stored = layer.descriptor;
    if (stored.digest.empty()) {
      ASSIGN_OR_RETURN(stored.digest, body.digest());
      stored.size = body.position();
    }
    return stored;
  }

  absl::Status PutManifest(const ManifestDocument& manifest, ManifestRole role) override {
    if (role == ManifestRole::kTop) {
      top_ = manifest;
      return absl::OkStatus();
    }
    return client().PutManifest(place_.at.path(), manifest.digest.str(), manifest.bytes, manifest.media_type);
  }

  absl::Status Commit() override {
    if (!top_.has_value()) return absl::InternalError("a push without a manifest");
    const std::string target = place_.at.tag().empty() ? top_->digest.str() : place_.at.tag();
    if (!place_.at.digest().empty() && place_.at.digest() != top_->digest) {
      return absl::InvalidArgumentError(
          absl::StrCat(place_.at.str(), ": the image's digest is ", top_->digest.str()));
    }
    return client().PutManifest(place_.at.path(), target, top_->bytes, top_->media_type);
  }

  void Cancel() override { client().Cancel(); }

 private:
  registry::Client& client() { return *place_.client; }

  // Whether the repository has the blob, or has it now from one that the image came from.
  absl::StatusOr<bool> Reuse(const oci::Digest& digest) {
    ASSIGN_OR_RETURN(const bool there, client().HasBlob(place_.at.path(), digest));
    if (there) return true;
    for (const std::string& from : options_.mount_from) {
      if (from == place_.at.path()) continue;
      const auto mounted = client().MountBlob(place_.at.path(), from, digest);
      // A repository that is gone or closed to us is no reason not to upload.
      if (mounted.ok() && *mounted) return true;
      if (absl::IsCancelled(mounted.status())) return mounted.status();
    }
    return false;
  }

  const RegistryPlace place_;
  const RegistrySinkOptions options_;
  std::optional<ManifestDocument> top_;
};

}  // namespace

std::unique_ptr<ImageSink> MakeRegistrySink(const RegistryPlace& place, const RegistrySinkOptions& options) {
  return std::make_unique<RegistrySink>(place, options);
}

}  // namespace coracle::image
