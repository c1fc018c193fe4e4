// docker://: images in registries.
#ifndef CORACLE_IMAGE_REGISTRY_TRANSPORT_H_
#define CORACLE_IMAGE_REGISTRY_TRANSPORT_H_

#include <memory>
#include <string>
#include <vector>

#include "base/progress.h"
#include "image/transport.h"
#include "oci/reference.h"
#include "registry/client.h"

namespace coracle::image {

// One place where an image is: its registry, or a mirror of it.
struct RegistryPlace {
  registry::Client* client = nullptr;  // outlives what is made of it
  oci::ImageReference at;              // repository, and tag or digest, there
};

// The image that is called `reference`, from the first of `places` that has it. A place that fails, at
// whatever, is left for the next one, also in the middle of a blob. A foreign layer that no place has is
// read from the addresses its descriptor names. `progress` (may be null) gets a note for each place that
// was left.
std::unique_ptr<ImageSource> MakeRegistrySource(std::vector<RegistryPlace> places,
                                                const oci::ImageReference& reference,
                                                ProgressObserver* progress = nullptr);

struct RegistrySinkOptions {
  // Repositories of the same registry that may have the layers, to mount them from.
  std::vector<std::string> mount_from;
};

// The name place.at. Takes every format. The manifest that makes the image appear is put by Commit.
std::unique_ptr<ImageSink> MakeRegistrySink(const RegistryPlace& place,
                                            const RegistrySinkOptions& options = {});

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_REGISTRY_TRANSPORT_H_
