// For tests: an image in memory as a source that counts, cuts and lies; and a sink that collects.
#ifndef CORACLE_IMAGE_TEST_SOURCE_H_
#define CORACLE_IMAGE_TEST_SOURCE_H_

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "archive/compress.h"
#include "base/sha256.h"
#include "base/status.h"
#include "image/test_image.h"
#include "image/transport.h"
#include "oci/image_config.h"

namespace coracle::image {

// Shared with forked children.
struct SourceCounts {
  std::atomic<int> manifests{0}, blobs{0};
  std::atomic<int64_t> bytes{0}, last_offset{-1};
};

inline std::string Compressed(const std::string& data, archive::Compression compression) {
  archive::StringSink sink;
  auto compressor = archive::MakeCompressor(compression, sink);
  (void)(*compressor)->Write(data);
  (void)(*compressor)->Finish();
  return sink.data();
}

inline oci::Digest DigestOf(const std::string& data) { return *oci::Digest::FromHex(Sha256Hex(data)); }

class MemoryImage : public ImageSource {
 public:
  // Layers are tar archives, bottom first.
  explicit MemoryImage(const std::vector<std::string>& tars,
                       archive::Compression compression = archive::Compression::kGzip)
      : counts_(new (mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
                    SourceCounts) {
    oci::ImageConfig config;
    config.os = "linux";
    config.architecture = oci::HostPlatform().architecture;
    for (const std::string& tar : tars) {
      config.diff_ids.push_back(DigestOf(tar));
      oci::Descriptor& layer = manifest.layers.emplace_back();
      layer.media_type = compression == archive::Compression::kGzip   ? oci::kOciLayerGzip
                         : compression == archive::Compression::kZstd ? oci::kOciLayerZstd
                                                                      : oci::kOciLayer;
      Add(Compressed(tar, compression), layer);
    }
    manifest.config.media_type = oci::kOciConfig;
    Add(oci::SerializeImageConfig(config), manifest.config);
    Finish();
  }
  ~MemoryImage() override { munmap(counts_, 4096); }

  void Add(const std::string& data, oci::Descriptor& descriptor) {
    descriptor.digest = DigestOf(data);
    descriptor.size = static_cast<int64_t>(data.size());
    blobs[descriptor.digest.str()] = data;
  }
  // After a change of `manifest`.
  void Finish() {
    top.bytes = oci::SerializeManifest(manifest);
    top.media_type = oci::kOciManifest;
    top.digest = DigestOf(top.bytes);
  }
  // From now on the top is an index of that image for this platform, and of one for another.
  void Wrap() {
    oci::Index index;
    oci::Descriptor& other = index.manifests.emplace_back();
    other.media_type = oci::kOciManifest;
    other.digest = DigestOf("nobody reads it");
    other.size = 1;
    other.platform = *oci::ParsePlatform("linux/s390x");
    oci::Descriptor& mine = index.manifests.emplace_back();
    mine.media_type = oci::kOciManifest;
    mine.platform = oci::HostPlatform();
    Add(top.bytes, mine);
    top.bytes = oci::SerializeIndex(index);
    top.media_type = oci::kOciIndex;
    top.digest = DigestOf(top.bytes);
  }

  std::string Name() const override { return "memory:"; }
  absl::StatusOr<ManifestDocument> GetManifest() override {
    ++counts_->manifests;
    return top;
  }
  absl::StatusOr<ManifestDocument> GetInstance(const oci::Descriptor& descriptor) override {
    ++counts_->manifests;
    ManifestDocument document;
    document.bytes = blobs[descriptor.digest.str()];
    document.media_type = descriptor.media_type;
    return document;
  }
  absl::StatusOr<std::unique_ptr<archive::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                                int64_t offset) override {
    const auto found = blobs.find(blob.digest.str());
    if (found == blobs.end()) return absl::NotFoundError(absl::StrCat("blob ", blob.digest.str()));
    ++counts_->blobs;
    counts_->last_offset = offset;
    return std::make_unique<Stream>(*this, found->second, static_cast<size_t>(offset));
  }
  SourceCounts& counts() { return *counts_; }

  oci::Manifest manifest;
  ManifestDocument top;
  std::map<std::string, std::string> blobs;  // by digest; a test may change what a digest gives
  size_t cut_at = SIZE_MAX;                  // streams of more than 1000 bytes fail here

 private:
  class Stream : public archive::ByteSource {
   public:
    Stream(MemoryImage& image, const std::string& data, size_t offset)
        : image_(image), data_(data), position_(offset) {}
    absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
      const bool cut = data_.size() > 1000 && image_.cut_at < data_.size();
      const size_t end = cut ? image_.cut_at : data_.size();
      if (cut && position_ >= end) return absl::UnavailableError("connection cut");
      // Small pieces, as a network gives them.
      const size_t count = std::min({buffer.size(), end - position_, size_t{4096}});
      std::copy_n(data_.data() + position_, count, buffer.data());
      position_ += count;
      image_.counts_->bytes += static_cast<int64_t>(count);
      return count;
    }

   private:
    MemoryImage& image_;
    const std::string& data_;
    size_t position_;
  };

  SourceCounts* counts_;
};

class MemorySink : public ImageSink {
 public:
  std::string Name() const override { return "memory:"; }
  SinkTraits traits() const override { return wanted; }
  absl::Status PutConfig(const oci::Descriptor& descriptor, absl::string_view bytes) override {
    blobs[descriptor.digest.str()] = std::string(bytes);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> TryReuseLayer(const LayerToPut&) override { return false; }
  absl::StatusOr<oci::Descriptor> PutLayer(const LayerToPut& layer) override {
    ASSIGN_OR_RETURN(const std::unique_ptr<archive::ByteSource> stream, layer.open(0));
    archive::StringSink sink;
    RETURN_IF_ERROR(archive::Copy(*stream, sink).status());
    oci::Descriptor kept = layer.descriptor;
    kept.digest = DigestOf(sink.data());
    kept.size = static_cast<int64_t>(sink.data().size());
    const std::lock_guard<std::mutex> lock(mutex_);
    blobs[kept.digest.str()] = sink.data();
    return kept;
  }
  absl::Status PutManifest(const ManifestDocument& manifest, ManifestRole role) override {
    (role == ManifestRole::kTop ? top : instances.emplace_back()) = manifest;
    return absl::OkStatus();
  }
  absl::Status Commit() override {
    committed = true;
    return absl::OkStatus();
  }

  SinkTraits wanted;
  std::map<std::string, std::string> blobs;
  ManifestDocument top;
  std::vector<ManifestDocument> instances;
  bool committed = false;

 private:
  std::mutex mutex_;
};

// Bytes that do not compress to nothing.
inline std::string Noise(size_t bytes, uint32_t seed = 1) {
  std::string data;
  data.reserve(bytes);
  uint64_t state = seed;
  for (size_t i = 0; i < bytes; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    data.push_back(static_cast<char>(state >> 56));
  }
  return data;
}

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_TEST_SOURCE_H_
