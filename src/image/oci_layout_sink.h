// An OCI layout, as a directory or archive, as the place that images are copied to.
#ifndef CORACLE_IMAGE_OCI_LAYOUT_SINK_H_
#define CORACLE_IMAGE_OCI_LAYOUT_SINK_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "image/member_writer.h"
#include "image/transport.h"
#include "oci/manifest.h"

namespace coracle::image {

// Several images into one layout: a sink for each, one after the other, then Finish().
class OciLayoutWriter {
 public:
  // A directory keeps the images that it has; one of the same name is replaced. Errors: of making it;
  // InvalidArgument for a directory with entries that is no layout.
  static absl::StatusOr<std::unique_ptr<OciLayoutWriter>> CreateDirectory(const std::string& dir);
  static std::unique_ptr<OciLayoutWriter> CreateArchive(std::unique_ptr<MemberWriter> members);

  // A sink for the image that will be called `references` in the layout's index; none: no name. This outlives
  // it. `finish`: its Commit finishes the layout too.
  std::unique_ptr<ImageSink> NewSink(std::string name, std::vector<std::string> references, bool finish);

  // Writes oci-layout and index.json.
  absl::Status Finish();

 private:
  friend class OciLayoutSink;
  OciLayoutWriter() = default;
  absl::Status MergeIndex();
  void Add(const ManifestDocument& top, const std::vector<std::string>& references);

  std::unique_ptr<MemberWriter> members_;
  DirectoryWriter* directory_ = nullptr;  // members_, if it is one
  std::vector<oci::Descriptor> entries_;
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_OCI_LAYOUT_SINK_H_
