// Images in archives of docker save: of docker itself (directories with layer.tar and links between them;
// since 25 blobs/sha256), of podman and of skopeo (HEX.tar).
#ifndef CORACLE_IMAGE_DOCKER_ARCHIVE_SOURCE_H_
#define CORACLE_IMAGE_DOCKER_ARCHIVE_SOURCE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "image/members.h"
#include "image/transport.h"
#include "image/transport_name.h"
#include "oci/docker_archive.h"

namespace coracle::image {

// manifest.json of the archive. Errors: NotFound if there is none, which is what archives from before docker
// 1.10 are.
absl::StatusOr<std::vector<oci::DockerArchiveImage>> ReadDockerArchiveImages(const Members& members);

// Its manifest is made here: schema 2, uncompressed layers by the digests that the config says; a layer that
// lies compressed in the archive is read once for its digest.
class DockerArchiveSource : public ImageSource {
 public:
  // The image that `name` names, or the only one. Errors: NotFound naming what there is.
  static absl::StatusOr<std::unique_ptr<ImageSource>> Open(std::shared_ptr<Members> members,
                                                           const TransportName& name);
  DockerArchiveSource(std::shared_ptr<Members> members, oci::DockerArchiveImage image, std::string name)
      : members_(std::move(members)), image_(std::move(image)), name_(std::move(name)) {}

  std::string Name() const override { return name_; }
  absl::StatusOr<ManifestDocument> GetManifest() override;
  absl::StatusOr<ManifestDocument> GetInstance(const oci::Descriptor& descriptor) override;
  absl::StatusOr<std::unique_ptr<archive::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                                int64_t offset) override;

 private:
  absl::StatusOr<oci::Descriptor> Describe(const std::string& member, const oci::Digest& diff_id) const;

  std::shared_ptr<Members> members_;
  const oci::DockerArchiveImage image_;
  const std::string name_;
  std::map<oci::Digest, std::string> blobs_;  // config and layers -> member
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_DOCKER_ARCHIVE_SOURCE_H_
