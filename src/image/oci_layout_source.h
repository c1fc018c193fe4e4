// Images in an OCI layout: a directory, or a tar archive of one.
// Source: image-spec image-layout.md; annotations.md (org.opencontainers.image.ref.name); docker save
// since 25.
#ifndef CORACLE_IMAGE_OCI_LAYOUT_SOURCE_H_
#define CORACLE_IMAGE_OCI_LAYOUT_SOURCE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "image/members.h"
#include "image/transport.h"
#include "image/transport_name.h"
#include "oci/manifest.h"

namespace coracle::image {

inline constexpr char kRefNameAnnotation[] = "org.opencontainers.image.ref.name";
// Full names, where ref.name has the tag alone: docker's and containerd's.
inline constexpr char kContainerdNameAnnotation[] = "io.containerd.image.name";

// The path of a blob within the layout.
std::string LayoutBlobPath(const oci::Digest& digest);

// Whether there is a layout.
bool IsOciLayout(const Members& members);

// index.json of a layout. Errors: NotFound; InvalidArgument for another layout version or what is malformed.
absl::StatusOr<oci::Index> ReadLayoutIndex(const Members& members);

// What an entry of the index is called; empty if nothing.
std::string LayoutEntryName(const oci::Descriptor& entry);

class OciLayoutSource : public ImageSource {
 public:
  // The image that `name` names within it, or the only one there is. Errors: NotFound naming what there is.
  static absl::StatusOr<std::unique_ptr<ImageSource>> Open(std::shared_ptr<Members> members,
                                                           const TransportName& name);
  // That entry of its index.
  OciLayoutSource(std::shared_ptr<Members> members, oci::Descriptor entry, std::string name)
      : members_(std::move(members)), entry_(std::move(entry)), name_(std::move(name)) {}

  std::string Name() const override { return name_; }
  absl::StatusOr<ManifestDocument> GetManifest() override { return GetInstance(entry_); }
  absl::StatusOr<ManifestDocument> GetInstance(const oci::Descriptor& descriptor) override;
  absl::StatusOr<std::unique_ptr<archive::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                                int64_t offset) override;

 private:
  std::shared_ptr<Members> members_;
  oci::Descriptor entry_;
  std::string name_;
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_OCI_LAYOUT_SOURCE_H_
