// What the store takes on the disk, and what of it could go: system df.
#ifndef CORACLE_ENGINE_DISK_REPORT_H_
#define CORACLE_ENGINE_DISK_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "image/image_store.h"
#include "store/volume.h"

namespace coracle::engine {

struct DiskTotal {
  int64_t total = 0, active = 0;  // objects
  int64_t bytes = 0, reclaimable_bytes = 0;
};
struct ImageDisk {
  image::ImageInfo info;
  int64_t bytes = 0, unique_bytes = 0;  // of its layers, and of those that no other image has
  int64_t containers = 0;
};
struct ContainerDisk {
  ContainerView view;
  int64_t bytes = 0;
};
struct VolumeDisk {
  store::VolumeRecord record;
  int64_t bytes = 0;  // in its own directory; 0 if its content is elsewhere
  int64_t containers = 0;
};
struct DiskReport {
  DiskTotal images, containers, volumes;
  std::vector<ImageDisk> image_list;
  std::vector<ContainerDisk> container_list;
  std::vector<VolumeDisk> volume_list;
};

// Sizes of layers come from their records, of blobs from their files; only what containers wrote is walked,
// in their own files and in volumes. `images` counts every layer and blob on the disk: what no image has is
// reclaimable too, so nothing hides.
absl::StatusOr<DiskReport> ReportDisk(Engine& engine);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_DISK_REPORT_H_
