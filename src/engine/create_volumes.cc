#include "engine/create_volumes.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/fault.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/volumes.h"
#include "image/image_store.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;
using store::Mount;

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

bool HasDestination(const ContainerConfig& config, absl::string_view destination) {
  return std::any_of(config.mounts().begin(), config.mounts().end(),
                     [&](const Mount& mount) { return mount.destination() == destination; });
}

absl::Status AddVolumesFrom(Engine& engine, const std::string& text, ContainerConfig& config) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  std::string access;
  for (const absl::string_view option : absl::StrSplit(parts.second, ',', absl::SkipEmpty())) {
    if (option != "z" && option != "ro" && option != "rw") {
      return Refuse(absl::StrCat("--volumes-from ", Printable(text), ": invalid option \"", Printable(option),
                                 "\": volumes from another container can only use z, ro and rw"));
    }
    if (option == "z") continue;
    if (!access.empty() && access != option) {
      return Refuse(absl::StrCat("--volumes-from ", Printable(text), ": ro and rw contradict each other"));
    }
    access = std::string(option);
  }
  ASSIGN_OR_RETURN(const ContainerView other, Look(engine, parts.first), "--volumes-from");
  for (const Mount& mount : other.record.config().mounts()) {
    if ((mount.type() != "volume" && mount.type() != "bind") || HasDestination(config, mount.destination()))
      continue;
    Mount* added = config.add_mounts();
    *added = mount;
    if (access.empty()) continue;
    added->clear_options();
    for (const std::string& option : mount.options()) {
      if (option != "ro" && option != "rw" && option != "rro") added->add_options(option);
    }
    added->add_options(access);
  }
  return absl::OkStatus();
}

absl::Status AddImageVolumes(const CreateRequest& request, const oci::ImageConfig& image,
                             ContainerConfig& config) {
  if (request.image_volumes == "ignore") return absl::OkStatus();
  for (const auto& [path, nothing] : image.config.volumes) {
    std::string clean = path;
    while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
    if (clean.empty() || clean[0] != '/' || clean == "/") {
      return Refuse(absl::StrCat("the image's volume \"", Printable(path), "\" is no absolute path below /"));
    }
    if (HasDestination(config, clean)) continue;
    Mount* mount = config.add_mounts();
    mount->set_destination(clean);
    if (request.image_volumes == "tmpfs") {
      mount->set_type("tmpfs");
      mount->set_source("tmpfs");
      for (const char* option : {"rw", "nosuid", "nodev", "tmpcopyup"}) mount->add_options(option);
    } else {
      mount->set_type("volume");
      mount->set_anonymous(true);
    }
  }
  return absl::OkStatus();
}

absl::Status ResolveImageMount(Engine& engine, Mount& mount) {
  ASSIGN_OR_RETURN(const image::ImageForRun image, image::FindForRun(engine.store, mount.source()),
                   "--mount");
  mount.set_image_id(image.id);
  if (!image.name.empty()) mount.set_source(image.name);
  for (const std::string& layer : image.layer_ids) mount.add_layer_ids(layer);
  return absl::OkStatus();
}

}  // namespace

absl::Status AddImpliedMounts(Engine& engine, const CreateRequest& request, const oci::ImageConfig& image,
                              store::ContainerRecord& record) {
  ContainerConfig& config = *record.mutable_config();
  for (Mount& mount : *config.mutable_mounts()) {
    if (mount.type() == "image") RETURN_IF_ERROR(ResolveImageMount(engine, mount));
  }
  for (const std::string& text : request.volumes_from) RETURN_IF_ERROR(AddVolumesFrom(engine, text, config));
  return AddImageVolumes(request, image, config);
}

absl::Status HeldVolumes::Take(Engine& engine, const CreateRequest& request, store::ContainerRecord& record,
                               bool durable) {
  // In the order of their names: see the lock order in store.h.
  std::set<std::string> names;
  for (Mount& mount : *record.mutable_config()->mutable_mounts()) {
    if (mount.type() != "volume") continue;
    if (mount.source().empty()) mount.set_source(store::NewContainerId());
    names.insert(mount.source());
  }
  for (const std::string& name : names) {
    auto lock = store::VolumeLock::Acquire(engine.store, name);
    if (!lock.ok()) return lock.status();
    locks_.push_back(*std::move(lock));
  }
  absl::Status status;
  for (const Mount& mount : record.config().mounts()) {
    if (mount.type() != "volume") continue;
    const auto existing = store::ReadVolume(engine.store, mount.source());
    if (existing.ok()) continue;
    status = existing.status();
    if (!absl::IsNotFound(status)) break;
    VolumeRequest wanted;
    wanted.name = mount.source();
    const auto given = request.new_volumes.find(mount.destination());
    if (given != request.new_volumes.end()) {
      wanted.labels = given->second.labels;
      wanted.options = given->second.options;
    }
    absl::StatusOr<store::VolumeRecord> volume = NewVolumeRecord(engine.store, wanted);
    status = volume.status();
    if (!status.ok()) break;
    volume->set_anonymous(mount.anonymous());
    if (mount.anonymous() && record.auto_remove()) volume->set_owner_container_id(record.id());
    status = store::CreateVolume(engine.store, *volume, std::nullopt,
                                 durable ? os::Durability::kDurable : os::Durability::kVolatile);
    if (!status.ok()) break;
    made_.push_back(mount.source());
    FaultPoint("engine.create.volume");
  }
  if (!status.ok()) Undo(engine);
  return status;
}

void HeldVolumes::Undo(Engine& engine) {
  for (const std::string& name : made_) (void)store::RemoveVolume(engine.store, name);  // its lock is ours
  made_.clear();
}

std::vector<std::string> AnonymousVolumesOf(const store::ContainerRecord& record) {
  std::vector<std::string> names;
  for (const Mount& mount : record.config().mounts()) {
    if (mount.type() == "volume" && mount.anonymous()) names.push_back(mount.source());
  }
  return names;
}

absl::Status RemoveAnonymousVolumes(const store::Store& store, const std::vector<std::string>& names) {
  absl::Status first;
  for (const std::string& name : names) {
    const auto lock = store::VolumeLock::Acquire(store, name);
    if (!lock.ok()) {
      first.Update(lock.status());
      continue;
    }
    const auto users = store::UsersOfVolume(store, name);
    first.Update(users.status());
    if (!users.ok() || !users->empty()) continue;
    const absl::Status removed = store::RemoveVolume(store, name);
    first.Update(removed);
    if (removed.ok()) store::AppendEvent(store, store::ObjectEvent("volume", "remove", "", name));
  }
  return first;
}

}  // namespace coracle::engine
