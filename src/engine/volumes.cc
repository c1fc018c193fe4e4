#include "engine/volumes.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/volume_mount.h"
#include "os/file.h"
#include "os/mount.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

using store::VolumeRecord;

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

int64_t NowNanos() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * int64_t{1000000000} + now.tv_nsec;
}

std::string OptionOf(const VolumeRecord& record, absl::string_view key) {
  for (const store::StringPair& pair : record.options()) {
    if (pair.key() == key) return pair.value();
  }
  return "";
}

void AddPair(absl::string_view key, absl::string_view value,
             google::protobuf::RepeatedPtrField<store::StringPair>* pairs) {
  store::StringPair* pair = pairs->Add();
  pair->set_key(std::string(key));
  pair->set_value(std::string(value));
}

// Words of `o` that speak to the engine and not to the kernel.
absl::StatusOr<bool> TakeOwnWord(absl::string_view word, bool is_tmpfs, VolumePlace& place) {
  absl::string_view value = word;
  uint32_t id = 0;
  if (absl::ConsumePrefix(&value, "uid=") || absl::ConsumePrefix(&value, "gid=")) {
    if (!absl::SimpleAtoi(value, &id)) {
      return Refuse(absl::StrCat("volume option o=", Printable(word), ": expected a number"));
    }
    return !is_tmpfs;  // tmpfs has these itself
  }
  if ((absl::StartsWith(word, "size=") || absl::StartsWith(word, "inodes=")) && !is_tmpfs) {
    return WithExitCode(
        absl::UnimplementedError(absl::StrCat(
            "volume option o=", Printable(word),
            ": limits need a file system with quotas per directory, which is not supported yet")),
        125);
  }
  if (word == "nocopy") return place.no_copy = true;
  return word == "copy" || word == "noquota";
}

std::string UsersText(const std::vector<std::string>& users) {
  return absl::StrJoin(users, ", ",
                       [](std::string* out, const std::string& id) { absl::StrAppend(out, id); });
}

absl::Status RemoveUsers(Engine& engine, const std::string& name, std::optional<uint32_t> timeout_seconds) {
  ASSIGN_OR_RETURN(const std::vector<std::string> users, store::UsersOfVolume(engine.store, name));
  for (const std::string& id : users) {
    const auto view = Look(engine, id);
    if (absl::IsNotFound(view.status())) continue;
    RETURN_IF_ERROR(view.status());
    const absl::Status removed =
        RemoveContainer(engine, *view, {.force = true, .timeout_seconds = timeout_seconds});
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  }
  return absl::OkStatus();
}

// What a killed run left of its container uses nothing.
absl::Status ReconcileUsers(Engine& engine, const std::string& name) {
  ASSIGN_OR_RETURN(const std::vector<std::string> users, store::UsersOfVolume(engine.store, name));
  for (const std::string& id : users) (void)Look(engine, id).status();  // gone or damaged: seen again below
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<VolumePlace> PlaceOf(const store::Store& store, const VolumeRecord& record) {
  VolumePlace place;
  place.path = store::VolumeDataDir(store, record.name());
  const std::string device = OptionOf(record, "device");
  place.type = OptionOf(record, "type");
  bool bind = place.type == "bind" || place.type == "none";
  for (const absl::string_view word : absl::StrSplit(OptionOf(record, "o"), ',', absl::SkipEmpty())) {
    ASSIGN_OR_RETURN(const bool own, TakeOwnWord(word, place.type == "tmpfs", place));
    if (own) continue;
    bind |= word == "bind" || word == "rbind";
    place.options.emplace_back(word);
  }
  if (place.type.empty() && device.empty() && !bind) return place;
  if (bind) {
    if (device.empty() || device[0] != '/') {
      return Refuse(absl::StrCat("volume ", record.name(), ": option device must be an absolute path"));
    }
    place.kind = VolumePlace::Kind::kHostDirectory;
    place.path = device;
    return place;
  }
  if (place.type.empty())
    return Refuse(absl::StrCat("volume ", record.name(), ": option device needs a type"));
  if (device.empty() && place.type != "tmpfs") {
    return Refuse(
        absl::StrCat("volume ", record.name(), ": type ", Printable(place.type), " needs a device"));
  }
  place.kind = VolumePlace::Kind::kFileSystem;
  place.path = device.empty() ? place.type : device;
  return place;
}

absl::StatusOr<VolumeRecord> NewVolumeRecord(const store::Store& store, const VolumeRequest& request) {
  VolumeRecord record;
  record.set_name(request.name.empty() ? store::NewContainerId() : request.name);
  RETURN_IF_ERROR(store::CheckVolumeName(record.name()));
  record.set_created_unix_nanos(NowNanos());
  record.set_needs_fill(true);
  for (const auto& [key, value] : request.labels) AddPair(key, value, record.mutable_labels());
  for (const auto& [key, value] : request.options) {
    if (key != "type" && key != "device" && key != "o") {
      return Refuse(absl::StrCat("invalid mount option ", Printable(key),
                                 " for driver 'local': expected type, device or o"));
    }
    AddPair(key, value, record.mutable_options());
  }
  RETURN_IF_ERROR(PlaceOf(store, record).status());
  return record;
}

absl::StatusOr<std::string> MakeVolume(Engine& engine, const VolumeRequest& request, bool ignore) {
  ASSIGN_OR_RETURN(const VolumeRecord record, NewVolumeRecord(engine.store, request));
  std::optional<store::VolumeOwner> owner;
  uint32_t uid = request.uid.value_or(0), gid = request.gid.value_or(0);
  bool given = request.uid.has_value() || request.gid.has_value();
  for (absl::string_view word : absl::StrSplit(OptionOf(record, "o"), ',', absl::SkipEmpty())) {
    if (absl::ConsumePrefix(&word, "uid=")) given |= absl::SimpleAtoi(word, &uid);
    if (absl::ConsumePrefix(&word, "gid=")) given |= absl::SimpleAtoi(word, &gid);
  }
  if (given) owner = store::VolumeOwner{uid, gid};
  ASSIGN_OR_RETURN(const store::VolumeLock lock, store::VolumeLock::Acquire(engine.store, record.name()));
  const absl::Status made = store::CreateVolume(engine.store, record, owner, os::Durability::kDurable);
  if (!made.ok() && !(ignore && absl::IsAlreadyExists(made))) return made;
  if (made.ok()) store::AppendEvent(engine.store, store::ObjectEvent("volume", "create", "", record.name()));
  return record.name();
}

absl::Status DeleteVolume(Engine& engine, const std::string& name, bool force,
                          std::optional<uint32_t> timeout_seconds) {
  RETURN_IF_ERROR(store::ReadVolume(engine.store, name).status());
  // Both without the volume's lock: who starts one of these containers may be waiting for it.
  if (force) {
    RETURN_IF_ERROR(RemoveUsers(engine, name, timeout_seconds));
  } else {
    RETURN_IF_ERROR(ReconcileUsers(engine, name));
  }
  ASSIGN_OR_RETURN(const store::VolumeLock lock, store::VolumeLock::Acquire(engine.store, name));
  ASSIGN_OR_RETURN(const VolumeRecord record, store::ReadVolume(engine.store, name));
  ASSIGN_OR_RETURN(const std::vector<std::string> users, store::UsersOfVolume(engine.store, name));
  if (!users.empty()) {
    return WithExitCode(absl::FailedPreconditionError(
                            absl::StrCat("volume ", name, " is being used by the following container(s): ",
                                         UsersText(users), ": volume is being used")),
                        2);
  }
  RETURN_IF_ERROR(UnmountVolume(engine, record));
  RETURN_IF_ERROR(store::RemoveVolume(engine.store, name));
  store::AppendEvent(engine.store, store::ObjectEvent("volume", "remove", "", name));
  return absl::OkStatus();
}

absl::StatusOr<os::UniqueFd> OpenVolume(Engine& engine, const VolumeRecord& record) {
  ASSIGN_OR_RETURN(const VolumePlace place, PlaceOf(engine.store, record));
  if (place.kind != VolumePlace::Kind::kFileSystem) {
    return os::OpenAt(AT_FDCWD, place.path, O_RDONLY | O_DIRECTORY);
  }
  ASSIGN_OR_RETURN(const os::UniqueFd tree, MountFileSystemOf(engine, record, place));
  return os::OpenAt(tree.get(), ".", O_RDONLY | O_DIRECTORY);
}

absl::StatusOr<std::string> MountVolume(Engine& engine, const VolumeRecord& record) {
  ASSIGN_OR_RETURN(const VolumePlace place, PlaceOf(engine.store, record));
  if (place.kind != VolumePlace::Kind::kFileSystem) return place.path;
  std::string target = store::VolumeDataDir(engine.store, record.name());
  ASSIGN_OR_RETURN(const store::VolumeLock lock, store::VolumeLock::Acquire(engine.store, record.name()));
  if (IsMountPoint(target)) return target;
  if (geteuid() != 0) {
    return WithExitCode(WithHint(absl::PermissionDeniedError(absl::StrCat(
                                     "volume ", record.name(), ": cannot mount its file system here")),
                                 "it is mounted in the containers that use it"),
                        125);
  }
  ASSIGN_OR_RETURN(const os::UniqueFd tree, MountFileSystemOf(engine, record, place));
  const int result = os::AttachMount(tree.get(), AT_FDCWD, target.c_str());
  if (result < 0) return ErrnoStatus(-result, absl::StrCat("mount ", target));
  return target;
}

absl::Status UnmountVolume(Engine& engine, const VolumeRecord& record) {
  const std::string target = store::VolumeDataDir(engine.store, record.name());
  if (!IsMountPoint(target)) return absl::OkStatus();
  if (umount2(target.c_str(), UMOUNT_NOFOLLOW) != 0)
    return ErrnoStatus(errno, absl::StrCat("unmount ", target));
  return absl::OkStatus();
}

}  // namespace coracle::engine
