// An archive of docker save as the place that images are copied to.
#ifndef CORACLE_IMAGE_DOCKER_ARCHIVE_SINK_H_
#define CORACLE_IMAGE_DOCKER_ARCHIVE_SINK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "image/member_writer.h"
#include "image/transport.h"
#include "oci/digest.h"
#include "oci/docker_archive.h"

namespace coracle::image {

// The size of a layer's content, if it is known beforehand: then a pipe needs no spool.
using ContentSizes = std::function<std::optional<int64_t>(const oci::Digest& diff_id)>;

// Several images into one archive: a sink for each, one after the other, then Finish(). A layer or config
// that several have is written once: layers as DIFFID.tar, never compressed, configs as ID.json.
class DockerArchiveWriter {
 public:
  explicit DockerArchiveWriter(std::unique_ptr<MemberWriter> members, ContentSizes sizes = nullptr)
      : members_(std::move(members)), sizes_(std::move(sizes)) {}

  // A sink for the image that will be called `tags` ("debian:12", full names as well; none: no name). This
  // outlives it. `finish`: its Commit finishes the archive too.
  std::unique_ptr<ImageSink> NewSink(std::string name, std::vector<std::string> tags, bool finish);

  // Writes manifest.json and repositories.
  absl::Status Finish();

 private:
  friend class DockerArchiveSink;

  std::unique_ptr<MemberWriter> members_;
  ContentSizes sizes_;
  std::vector<oci::DockerArchiveImage> images_;
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_DOCKER_ARCHIVE_SINK_H_
