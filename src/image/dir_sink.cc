#include "image/dir_sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "image/dir_source.h"
#include "image/member_writer.h"
#include "os/file.h"

namespace coracle::image {
namespace {

constexpr BlobName kBlobName = {"", ""};
constexpr BlobName kInstanceName = {"", ".manifest.json"};

// A file that an image's directory holds: a blob, an instance, or one of the fixed names.
bool IsOurs(absl::string_view name) {
  if (name == "version" || name == "manifest.json" || absl::StartsWith(name, "signature-")) return true;
  absl::ConsumeSuffix(&name, kInstanceName.suffix);
  return name.size() == 64 && oci::IsLowerHex(name);
}

class Sink : public ImageSink {
 public:
  Sink(std::unique_ptr<DirectoryWriter> members, std::string name)
      : members_(std::move(members)), name_(std::move(name)) {}

  std::string Name() const override { return name_; }
  SinkTraits traits() const override { return {}; }
  absl::Status PutConfig(const oci::Descriptor& descriptor, absl::string_view bytes) override {
    return PutBytes(descriptor.digest, bytes, kBlobName);
  }
  absl::StatusOr<bool> TryReuseLayer(const LayerToPut&) override { return false; }
  absl::StatusOr<oci::Descriptor> PutLayer(const LayerToPut& layer) override {
    ASSIGN_OR_RETURN(const std::unique_ptr<archive::ByteSource> stream, layer.open(0));
    oci::Descriptor kept = layer.descriptor;
    ASSIGN_OR_RETURN(const WrittenBlob written,
                     members_->PutBlob(*stream, kept.digest, kept.size, kBlobName));
    kept.digest = written.digest;
    kept.size = written.size;
    Keep(kBlobName.For(kept.digest.hex()));
    return kept;
  }
  absl::Status PutManifest(const ManifestDocument& manifest, ManifestRole role) override {
    if (role == ManifestRole::kInstance) return PutBytes(manifest.digest, manifest.bytes, kInstanceName);
    top_ = manifest.bytes;
    return absl::OkStatus();
  }
  absl::Status Commit() override;

 private:
  absl::Status PutBytes(const oci::Digest& digest, absl::string_view bytes, const BlobName& name) {
    archive::MemorySource source(bytes);
    Keep(name.For(digest.hex()));
    return members_->PutBlob(source, digest, static_cast<int64_t>(bytes.size()), name).status();
  }
  void Keep(std::string name) {
    const std::lock_guard<std::mutex> lock(mutex_);
    kept_.insert(std::move(name));
  }

  std::unique_ptr<DirectoryWriter> members_;
  const std::string name_;
  std::string top_;
  std::mutex mutex_;
  std::set<std::string> kept_;
};

absl::Status Sink::Commit() {
  RETURN_IF_ERROR(members_->PutFile("version", kDirVersionText));
  RETURN_IF_ERROR(members_->PutFile("manifest.json", top_));
  kept_.insert({"version", "manifest.json"});
  // Blobs of the image that was there before.
  ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(members_->fd(), "."));
  for (const std::string& name : names) {
    if (IsOurs(name) && !kept_.contains(name)) (void)unlinkat(members_->fd(), name.c_str(), 0);
  }
  return members_->Finish();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSink>> MakeDirSink(const std::string& dir, std::string name) {
  if (os::ExistsAt(AT_FDCWD, dir)) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(AT_FDCWD, dir));
    if (!std::all_of(names.begin(), names.end(), IsOurs) ||
        (!names.empty() && !os::ExistsAt(AT_FDCWD, absl::StrCat(dir, "/version")))) {
      return absl::InvalidArgumentError(absl::StrCat(dir, ": has files that are not of an image"));
    }
  }
  ASSIGN_OR_RETURN(std::unique_ptr<DirectoryWriter> members, DirectoryWriter::Create(dir));
  return std::make_unique<Sink>(std::move(members), std::move(name));
}

}  // namespace coracle::image
