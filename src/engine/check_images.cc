#include "engine/check_images.h"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "engine/transfer.h"
#include "image/registry_transport.h"
#include "oci/media_types.h"
#include "oci/reference.h"

namespace coracle::engine {
namespace {

constexpr int kExitEngine = 125;

// A stream of a registry, with the source that it needs.
class OwningSource : public archive::ByteSource {
 public:
  OwningSource(std::unique_ptr<image::ImageSource> owner, std::unique_ptr<archive::ByteSource> stream)
      : owner_(std::move(owner)), stream_(std::move(stream)) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override { return stream_->Read(buffer); }

 private:
  std::unique_ptr<image::ImageSource> owner_;
  std::unique_ptr<archive::ByteSource> stream_;
};

class DocumentSource : public archive::ByteSource {
 public:
  explicit DocumentSource(std::string bytes) : bytes_(std::move(bytes)), source_(bytes_) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override { return source_.Read(buffer); }

 private:
  const std::string bytes_;
  archive::MemorySource source_;
};

absl::StatusOr<std::unique_ptr<archive::ByteSource>> FetchFrom(registry::Access& access,
                                                               const std::string& name,
                                                               const oci::Descriptor& blob) {
  ASSIGN_OR_RETURN(const oci::ImageReference reference, oci::ImageReference::Parse(name));
  ASSIGN_OR_RETURN(std::vector<image::RegistryPlace> places, PlacesForPull(access, reference));
  std::unique_ptr<image::ImageSource> source = image::MakeRegistrySource(std::move(places), reference);
  if (oci::IsManifestType(blob.media_type) || oci::IsIndexType(blob.media_type)) {
    ASSIGN_OR_RETURN(image::ManifestDocument document, source->GetInstance(blob), name);
    return std::make_unique<DocumentSource>(std::move(document.bytes));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<archive::ByteSource> stream, source->OpenBlob(blob, 0), name);
  return std::make_unique<OwningSource>(std::move(source), std::move(stream));
}

}  // namespace

absl::StatusOr<image::CheckReport> CheckImages(Engine& engine, const CheckRequest& request) {
  image::CheckOptions options;
  options.repair = request.repair;
  options.single_id = request.single_id;
  options.cancel = request.cancel;
  if (request.access != nullptr) {
    options.fetch = [&request](
                        const std::vector<std::string>& names,
                        const oci::Descriptor& blob) -> absl::StatusOr<std::unique_ptr<archive::ByteSource>> {
      absl::Status last = absl::NotFoundError("the image came from no registry");
      for (const std::string& name : names) {
        auto stream = FetchFrom(*request.access, name, blob);
        if (stream.ok()) return stream;
        last = stream.status();
      }
      return last;
    };
  }
  options.in_use = [&engine](const std::string& layer) {
    const auto views = LookAll(engine);
    if (!views.ok()) return true;  // nobody knows
    for (const ContainerView& view : *views) {
      if (!IsRunning(view)) continue;
      for (const std::string& id : view.record.layer_ids()) {
        if (id == layer) return true;
      }
    }
    return false;
  };
  RETURN_IF_ERROR(engine.store.EnsureExists());
  auto report = image::CheckStore(engine.store, options);
  if (!report.ok()) return WithExitCode(Annotate(report.status(), "check"), kExitEngine);
  return report;
}

}  // namespace coracle::engine
