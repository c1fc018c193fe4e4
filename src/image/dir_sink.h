// A plain directory (dir_source.h) as the place that an image, or an index and its images, is copied to.
#ifndef CORACLE_IMAGE_DIR_SINK_H_
#define CORACLE_IMAGE_DIR_SINK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "image/transport.h"

namespace coracle::image {

// What the directory `dir` held as an image before is replaced. Errors: of making it; InvalidArgument for one
// with entries that is no such directory.
absl::StatusOr<std::unique_ptr<ImageSink>> MakeDirSink(const std::string& dir, std::string name);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_DIR_SINK_H_
