// Images between the store and archives or directories: save and load.
#ifndef CORACLE_ENGINE_SAVE_LOAD_H_
#define CORACLE_ENGINE_SAVE_LOAD_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/progress.h"
#include "engine/engine.h"
#include "oci/platform.h"
#include "os/cancel.h"

namespace coracle::engine {

enum class SaveFormat { kDockerArchive, kOciArchive, kDockerDir, kOciDir };
// "docker-archive", "oci-archive", "docker-dir", "oci-dir". Errors: InvalidArgument.
absl::StatusOr<SaveFormat> ParseSaveFormat(absl::string_view text);

struct SaveRequest {
  std::vector<std::string> images;  // names or ids
  // Every one of `images` is an image. Else one that is none becomes a further name of the first, as podman
  // has it.
  bool all_are_images = false;
  SaveFormat format = SaveFormat::kDockerArchive;
  std::vector<oci::Platform> platforms;  // each image has to be for all of them
  std::string output;                    // "-": standard output (archives only)
  bool compress = false;                 // layers that are not get gzip; not for docker-archive
  ProgressObserver* progress = nullptr;
  const os::CancelFlag* cancel = nullptr;
};
// Nothing of that name appears, or changes, unless all of it is written (directories: except for blobs).
// Errors: NotFound; InvalidArgument for what the format can't; else as CopyImage.
absl::Status SaveImages(Engine& engine, const SaveRequest& request);

struct LoadedImage {
  std::string id;                  // hex
  std::vector<std::string> names;  // full names it got; none: loaded without a name
};
struct LoadRequest {
  std::string input;  // file or directory; "-": standard input
  // Called for each image as soon as it is there.
  std::function<void(const LoadedImage&)> loaded;
  oci::Platform platform = oci::HostPlatform();
  bool single_id = false;
  ProgressObserver* progress = nullptr;
  const os::CancelFlag* cancel = nullptr;
};
// All images of a docker-archive, oci-archive (compressed or not) or of a directory in one of the formats of
// save, found out by what is in it. Images come one after the other: what was loaded before one fails stays,
// as `loaded` was told. Errors: InvalidArgument for what is none of those and for names that are none, before
// anything is loaded; else as CopyImage, naming the image if there are several.
absl::Status LoadImages(Engine& engine, const LoadRequest& request);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_SAVE_LOAD_H_
