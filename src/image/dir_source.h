// An image in a plain directory, skopeo's dir: its manifest in manifest.json, each blob under the digits of
// its digest, an index's images in DIGITS.manifest.json.
#ifndef CORACLE_IMAGE_DIR_SOURCE_H_
#define CORACLE_IMAGE_DIR_SOURCE_H_

#include <memory>
#include <string>

#include "image/members.h"
#include "image/transport.h"

namespace coracle::image {

inline constexpr char kDirVersionText[] = "Directory Transport Version: 1.1\n";

class DirSource : public ImageSource {
 public:
  DirSource(std::shared_ptr<Members> members, std::string name)
      : members_(std::move(members)), name_(std::move(name)) {}

  std::string Name() const override { return name_; }
  absl::StatusOr<ManifestDocument> GetManifest() override;
  absl::StatusOr<ManifestDocument> GetInstance(const oci::Descriptor& descriptor) override;
  absl::StatusOr<std::unique_ptr<archive::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                                int64_t offset) override;

 private:
  std::shared_ptr<Members> members_;
  std::string name_;
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_DIR_SOURCE_H_
