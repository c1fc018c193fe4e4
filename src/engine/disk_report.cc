#include "engine/disk_report.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "engine/volumes.h"
#include "oci/manifest.h"
#include "os/file.h"
#include "storage/disk_usage.h"
#include "storage/layer_store.h"

namespace coracle::engine {
namespace {

// What lies in the store, by id.
struct OnDisk {
  absl::flat_hash_map<std::string, int64_t> layers, blobs;
};

absl::StatusOr<OnDisk> ReadSizes(const store::Store& store) {
  OnDisk disk;
  ASSIGN_OR_RETURN(const std::vector<std::string> layers, storage::ListLayers(store));
  for (const std::string& id : layers) {
    const auto record = storage::ReadLayer(store, id);
    if (record.ok()) disk.layers[id] = record->unpacked_bytes();  // else removed just now
  }
  const std::string dir = absl::StrCat(store.root(), "/blobs/sha256");
  const auto blobs = os::ListDirectoryAt(AT_FDCWD, dir);
  if (!blobs.ok()) {
    if (absl::IsNotFound(blobs.status())) return disk;
    return blobs.status();
  }
  for (const std::string& hex : *blobs) {
    struct stat info;
    if (stat(absl::StrCat(dir, "/", hex).c_str(), &info) == 0) disk.blobs[hex] = info.st_size;
  }
  return disk;
}

// What is needed as long as the containers there are exist.
struct InUse {
  absl::flat_hash_set<std::string> layers, blobs;
  void Blob(absl::string_view digest) {
    absl::ConsumePrefix(&digest, "sha256:");
    blobs.insert(std::string(digest));
  }
};

void MarkImage(const store::Store& store, const store::ImageRecord& record, InUse& used) {
  used.layers.insert(record.layer_ids().begin(), record.layer_ids().end());
  used.Blob(record.id());
  used.Blob(record.manifest_digest());
  if (!record.index_digest().empty()) used.Blob(record.index_digest());
  const auto json = image::ReadManifest(store, record);
  if (!json.ok()) return;
  const auto manifest = oci::ParseManifest(*json, record.manifest_media_type());
  if (!manifest.ok()) return;
  for (const oci::Descriptor& layer : manifest->layers) used.Blob(layer.digest.str());
}

int64_t Sum(const absl::flat_hash_map<std::string, int64_t>& sizes,
            const absl::flat_hash_set<std::string>* only = nullptr) {
  int64_t bytes = 0;
  for (const auto& [id, size] : sizes) {
    if (only == nullptr || only->contains(id)) bytes += size;
  }
  return bytes;
}

int64_t SizeOf(const OnDisk& disk, const std::string& layer) {
  const auto found = disk.layers.find(layer);
  return found == disk.layers.end() ? 0 : found->second;
}

absl::Status ReportContainers(Engine& engine, DiskReport& report, InUse& used,
                              absl::flat_hash_map<std::string, int64_t>& users) {
  ASSIGN_OR_RETURN(std::vector<ContainerView> views, LookAll(engine));
  for (ContainerView& view : views) {
    ContainerDisk one;
    ASSIGN_OR_RETURN(one.bytes, storage::ContainerBytes(engine.store, view.record.id()));
    ++report.containers.total;
    report.containers.bytes += one.bytes;
    if (IsRunning(view)) {
      ++report.containers.active;
    } else {
      report.containers.reclaimable_bytes += one.bytes;
    }
    used.layers.insert(view.record.layer_ids().begin(), view.record.layer_ids().end());
    if (!view.record.image_id().empty()) ++users[view.record.image_id()];
    one.view = std::move(view);
    report.container_list.push_back(std::move(one));
  }
  return absl::OkStatus();
}

// After the containers: they are who uses them.
absl::Status ReportVolumes(Engine& engine, DiskReport& report) {
  absl::flat_hash_map<std::string, int64_t> users;
  for (const ContainerDisk& container : report.container_list) {
    for (const store::Mount& mount : container.view.record.config().mounts()) {
      if (mount.type() == "volume") ++users[mount.source()];
    }
  }
  ASSIGN_OR_RETURN(std::vector<store::VolumeRecord> volumes, store::ReadAllVolumes(engine.store));
  for (store::VolumeRecord& volume : volumes) {
    VolumeDisk one;
    const std::string data = store::VolumeDataDir(engine.store, volume.name());
    // One that is a file system of its own may be mounted there just now.
    const auto place = PlaceOf(engine.store, volume);
    if (place.ok() && place->kind == VolumePlace::Kind::kDirectory) {
      ASSIGN_OR_RETURN(one.bytes, storage::TreeBytes(data));
    }
    one.containers = users[volume.name()];
    ++report.volumes.total;
    report.volumes.bytes += one.bytes;
    if (one.containers > 0) {
      ++report.volumes.active;
    } else {
      report.volumes.reclaimable_bytes += one.bytes;
    }
    one.record = std::move(volume);
    report.volume_list.push_back(std::move(one));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DiskReport> ReportDisk(Engine& engine) {
  DiskReport report;
  InUse used;
  absl::flat_hash_map<std::string, int64_t> users, sharers;
  RETURN_IF_ERROR(ReportContainers(engine, report, used, users));
  RETURN_IF_ERROR(ReportVolumes(engine, report));
  ASSIGN_OR_RETURN(const OnDisk disk, ReadSizes(engine.store));
  ASSIGN_OR_RETURN(std::vector<image::ImageInfo> images, image::List(engine.store));
  for (const image::ImageInfo& info : images) {
    const absl::flat_hash_set<std::string> layers(info.record.layer_ids().begin(),
                                                  info.record.layer_ids().end());
    for (const std::string& layer : layers) ++sharers[layer];
  }
  for (image::ImageInfo& info : images) {
    ImageDisk one;
    one.containers = users[info.record.id()];
    const absl::flat_hash_set<std::string> layers(info.record.layer_ids().begin(),
                                                  info.record.layer_ids().end());
    for (const std::string& layer : layers) {
      one.bytes += SizeOf(disk, layer);
      if (sharers[layer] == 1) one.unique_bytes += SizeOf(disk, layer);
    }
    ++report.images.total;
    if (one.containers > 0) {
      ++report.images.active;
      MarkImage(engine.store, info.record, used);
    }
    one.info = std::move(info);
    report.image_list.push_back(std::move(one));
  }
  report.images.bytes = Sum(disk.layers) + Sum(disk.blobs);
  report.images.reclaimable_bytes =
      report.images.bytes - Sum(disk.layers, &used.layers) - Sum(disk.blobs, &used.blobs);
  return report;
}

}  // namespace coracle::engine
