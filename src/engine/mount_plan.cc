#include "engine/mount_plan.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "engine/fill_volume.h"
#include "engine/volume_mount.h"
#include "engine/volumes.h"
#include "os/file.h"
#include "os/mount.h"
#include "storage/driver.h"
#include "storage/layer_store.h"

namespace coracle::engine {
namespace {

using store::Mount;

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

bool HasAny(const std::vector<std::string>& options, absl::Span<const absl::string_view> words) {
  return std::any_of(options.begin(), options.end(), [&](const std::string& option) {
    return std::find(words.begin(), words.end(), option) != words.end();
  });
}

// "uids=0-1-10#10-11-10;gids=0-100-10": triples of on disk, as seen, count. An "@" is relative to the
// container's user namespace, which is the engine's own.
absl::StatusOr<std::vector<oci::IdMapping>> ParseIdMap(absl::string_view text) {
  std::vector<oci::IdMapping> map;
  for (absl::string_view triple : absl::StrSplit(text, '#')) {
    absl::ConsumePrefix(&triple, "@");
    const std::vector<absl::string_view> parts = absl::StrSplit(triple, '-');
    oci::IdMapping entry;
    if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &entry.container_id) ||
        !absl::SimpleAtoi(parts[1], &entry.host_id) || !absl::SimpleAtoi(parts[2], &entry.size) ||
        entry.size == 0) {
      return Refuse(absl::StrCat("idmap: '", triple, "': expected FROM-TO-COUNT"));
    }
    map.push_back(entry);
  }
  return map;
}

absl::Status AddIdMap(const std::string& text, oci::Mount& made) {
  // The ids of a container without a user namespace of its own are the host's.
  if (text.empty() || text == "container") return absl::OkStatus();
  for (absl::string_view part : absl::StrSplit(text, ';', absl::SkipEmpty())) {
    if (absl::ConsumePrefix(&part, "uids=")) {
      ASSIGN_OR_RETURN(made.uid_mappings, ParseIdMap(part));
    } else if (absl::ConsumePrefix(&part, "gids=")) {
      ASSIGN_OR_RETURN(made.gid_mappings, ParseIdMap(part));
    } else {
      return Refuse(absl::StrCat("idmap: '", part, "': expected uids=… or gids=…"));
    }
  }
  if (made.uid_mappings.empty() != made.gid_mappings.empty())
    return Refuse("idmap: uids and gids come together");
  made.options.push_back("idmap");
  return absl::OkStatus();
}

void AddBindDefaults(oci::Mount& made) {
  if (!HasAny(made.options, {"bind", "rbind"})) made.options.push_back("rbind");
  if (!HasAny(made.options,
              {"private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"})) {
    made.options.push_back("rprivate");
  }
}

// What must not change hands by a slip of the keyboard.
absl::Status CheckMayChown(const std::string& path) {
  static constexpr absl::string_view kNever[] = {
      "/",    "/bin", "/boot",    "/dev",     "/etc",     "/home",    "/lib",      "/lib64",    "/media",
      "/mnt", "/opt", "/proc",    "/root",    "/run",     "/sbin",    "/srv",      "/sys",      "/tmp",
      "/usr", "/var", "/var/lib", "/var/tmp", "/usr/bin", "/usr/lib", "/usr/sbin", "/usr/share"};
  if (std::find(std::begin(kNever), std::end(kNever), path) == std::end(kNever)) return absl::OkStatus();
  return Refuse(absl::StrCat("U: giving ", path, " to another user is not allowed"));
}

class Planner {
 public:
  Planner(Engine& engine, const store::ContainerRecord& record, const storage::PreparedRoot& root,
          const oci::User& user)
      : engine_(engine), record_(record), root_(root), user_(user) {}

  absl::StatusOr<MountPlan> Run() {
    RETURN_IF_ERROR(os::RemoveTreeAt(AT_FDCWD, OverlaysDir()));
    for (const Mount& mount : record_.config().mounts()) {
      RETURN_IF_ERROR(Plan(mount), "mount ", mount.destination());
    }
    return std::move(plan_);
  }

 private:
  std::string OverlaysDir() const {
    return absl::StrCat(engine_.store.ContainerDir(record_.id()), "/overlays");
  }

  absl::Status Plan(const Mount& mount) {
    oci::Mount made;
    made.destination = mount.destination();
    made.type = mount.type();
    made.source = mount.source();
    made.options.assign(mount.options().begin(), mount.options().end());
    if (mount.type() == "bind") {
      RETURN_IF_ERROR(PlanBind(mount, made));
    } else if (mount.type() == "volume") {
      RETURN_IF_ERROR(PlanVolume(mount, made));
    } else if (mount.type() == "image") {
      RETURN_IF_ERROR(PlanImage(mount, made));
    } else if (mount.chown()) {
      made.options.push_back(absl::StrCat("uid=", user_.uid));
      made.options.push_back(absl::StrCat("gid=", user_.gid));
    }
    plan_.mounts.push_back(std::move(made));
    return absl::OkStatus();
  }

  absl::Status PlanBind(const Mount& mount, oci::Mount& made) {
    AddBindDefaults(made);
    RETURN_IF_ERROR(AddIdMap(mount.id_map(), made));
    if (mount.overlay()) return PlanOverlay(mount, mount.source());
    if (mount.chown()) {
      RETURN_IF_ERROR(CheckMayChown(mount.source()));
      RETURN_IF_ERROR(ChownPath(mount.source()));
    }
    if (mount.no_dereference()) {
      AddTree(mount, [source = mount.source()]() -> absl::StatusOr<os::UniqueFd> {
        ASSIGN_OR_RETURN(const os::UniqueFd link, os::OpenAt(AT_FDCWD, source, O_PATH | O_NOFOLLOW));
        return Clone(link.get(), source);
      });
    }
    return absl::OkStatus();
  }

  absl::Status PlanVolume(const Mount& mount, oci::Mount& made) {
    ASSIGN_OR_RETURN(const store::VolumeRecord volume, store::ReadVolume(engine_.store, mount.source()));
    ASSIGN_OR_RETURN(const VolumePlace place, PlaceOf(engine_.store, volume));
    made.type = "bind";
    made.source = place.path;
    if (!HasAny(made.options, {"suid", "nosuid"})) made.options.push_back("nosuid");
    if (!HasAny(made.options, {"dev", "nodev"})) made.options.push_back("nodev");
    if (HasAny(place.options, {"ro"}) && !HasAny(made.options, {"ro", "rro"})) made.options.push_back("ro");
    AddBindDefaults(made);
    RETURN_IF_ERROR(AddIdMap(mount.id_map(), made));
    if (place.kind == VolumePlace::Kind::kFileSystem) return PlanFileSystem(mount, volume, place);
    if (place.kind == VolumePlace::Kind::kDirectory && IsMountPoint(place.path)) {
      return absl::FailedPreconditionError(absl::StrCat(place.path, ": something is mounted there"));
    }
    if (!mount.no_copy() && !place.no_copy) {
      RETURN_IF_ERROR(FillVolume(engine_.store, volume.name(), place.path, mount.destination(), root_, user_),
                      "fill volume ", volume.name());
    }
    if (mount.overlay()) return PlanOverlay(mount, place.path);
    if (mount.chown()) RETURN_IF_ERROR(ChownPath(place.path));
    if (!mount.subpath().empty()) {
      AddTree(mount, [path = place.path, subpath = mount.subpath()]() -> absl::StatusOr<os::UniqueFd> {
        ASSIGN_OR_RETURN(const os::UniqueFd top, os::OpenAt(AT_FDCWD, path, O_PATH | O_DIRECTORY));
        return CloneBelow(top.get(), subpath);
      });
    }
    return absl::OkStatus();
  }

  absl::Status PlanFileSystem(const Mount& mount, const store::VolumeRecord& volume,
                              const VolumePlace& place) {
    if (mount.overlay()) return Refuse("O: the volume is a file system of its own: not supported yet");
    AddTree(mount,
            [this_engine = &engine_, volume, place, mount, root = root_,
             user = user_]() -> absl::StatusOr<os::UniqueFd> {
              ASSIGN_OR_RETURN(os::UniqueFd tree, MountFileSystemOf(*this_engine, volume, place));
              if (!mount.no_copy() && !place.no_copy) {
                RETURN_IF_ERROR(
                    FillVolume(this_engine->store, volume.name(), absl::StrCat("/proc/self/fd/", tree.get()),
                               mount.destination(), root, user),
                    "fill volume ", volume.name());
              }
              if (mount.chown()) RETURN_IF_ERROR(ChownTree(tree.get(), user.uid, user.gid));
              return mount.subpath().empty() ? std::move(tree) : CloneBelow(tree.get(), mount.subpath());
            });
    return absl::OkStatus();
  }

  absl::Status PlanImage(const Mount& mount, oci::Mount& made) {
    const bool writable = HasAny(made.options, {"rw"});
    os::OverlayOptions overlay;
    for (const std::string& id : mount.layer_ids()) {
      overlay.lower.push_back(storage::LayerDiffDir(engine_.store, id));
    }
    if (overlay.lower.empty()) return absl::FailedPreconditionError("the image has no layers");
    made.type = "bind";
    if (!writable && !HasAny(made.options, {"ro", "rro"})) made.options.push_back("ro");
    AddBindDefaults(made);
    RETURN_IF_ERROR(MakeOverlayDirs(mount, writable, overlay));
    AddTree(mount, [overlay, subpath = mount.subpath()]() -> absl::StatusOr<os::UniqueFd> {
      ASSIGN_OR_RETURN(os::UniqueFd tree, os::MakeOverlay(overlay));
      return subpath.empty() ? std::move(tree) : CloneBelow(tree.get(), subpath);
    });
    return absl::OkStatus();
  }

  absl::Status PlanOverlay(const Mount& mount, const std::string& lower) {
    if (!mount.subpath().empty()) return Refuse("O does not go with a subpath");
    os::OverlayOptions overlay;
    overlay.lower = {lower};
    RETURN_IF_ERROR(MakeOverlayDirs(mount, /*writable=*/true, overlay));
    const bool chown = mount.chown();
    AddTree(mount, [overlay, chown, user = user_]() -> absl::StatusOr<os::UniqueFd> {
      ASSIGN_OR_RETURN(os::UniqueFd tree, os::MakeOverlay(overlay));
      if (chown) RETURN_IF_ERROR(ChownTree(tree.get(), user.uid, user.gid));
      return tree;
    });
    return absl::OkStatus();
  }

  // Upper and work directory, of the user's choice or the container's own, which are empty at every start.
  absl::Status MakeOverlayDirs(const Mount& mount, bool writable, os::OverlayOptions& overlay) {
    ASSIGN_OR_RETURN(const storage::DriverChoice driver,
                     storage::ChooseDriver(engine_.store, engine_.settings.storage_driver));
    overlay.user_xattr = driver.user_xattr;
    if (!writable) return absl::OkStatus();
    if (!mount.upper_dir().empty()) {
      overlay.upper = mount.upper_dir();
      overlay.work = mount.work_dir();
      return absl::OkStatus();
    }
    const std::string dir = absl::StrCat(OverlaysDir(), "/", plan_.mounts.size());
    overlay.upper = absl::StrCat(dir, "/upper");
    overlay.work = absl::StrCat(dir, "/work");
    struct stat like;
    if (stat(overlay.lower.front().c_str(), &like) != 0) return ErrnoStatus(errno, overlay.lower.front());
    RETURN_IF_ERROR(os::MakeDirectories(overlay.work, 0700));
    RETURN_IF_ERROR(os::MakeDirectories(overlay.upper, 0700));
    // The mount's root has the mode and owner of upper's.
    if (chown(overlay.upper.c_str(), like.st_uid, like.st_gid) != 0 && errno != EPERM && errno != EINVAL) {
      return ErrnoStatus(errno, absl::StrCat("set the owner of ", overlay.upper));
    }
    if (chmod(overlay.upper.c_str(), like.st_mode & 07777) != 0) {
      return ErrnoStatus(errno, absl::StrCat("set the mode of ", overlay.upper));
    }
    return absl::OkStatus();
  }

  absl::Status ChownPath(const std::string& path) {
    ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_PATH));
    return Annotate(ChownTree(fd.get(), user_.uid, user_.gid), absl::StrCat("U: ", path));
  }

  void AddTree(const Mount& mount, TreeMaker maker) {
    plan_.trees.emplace_back(mount.destination(), std::move(maker));
  }

  static absl::StatusOr<os::UniqueFd> Clone(int fd, absl::string_view what) {
    os::UniqueFd tree(os::CloneMount(fd, "", /*recursive=*/true));
    if (tree.get() >= 0) return tree;
    return ErrnoStatus(-tree.Release(), absl::StrCat("clone the mount of ", what));
  }

  // What lies below the root of a volume is its containers': no link leads out of it.
  static absl::StatusOr<os::UniqueFd> CloneBelow(int top, const std::string& subpath) {
    ASSIGN_OR_RETURN(const os::UniqueFd below, os::OpenBeneath(top, subpath, O_PATH, RESOLVE_BENEATH),
                     "subpath");
    return Clone(below.get(), subpath);
  }

  Engine& engine_;
  const store::ContainerRecord& record_;
  const storage::PreparedRoot& root_;
  const oci::User& user_;
  MountPlan plan_;
};

}  // namespace

absl::StatusOr<MountPlan> PlanMounts(Engine& engine, const store::ContainerRecord& record,
                                     const storage::PreparedRoot& root, const oci::User& user) {
  if (record.config().mounts().empty()) return MountPlan();
  auto plan = Planner(engine, record, root, user).Run();
  if (!plan.ok() && !ExitCodeOf(plan.status()).has_value()) return WithExitCode(plan.status(), 125);
  return plan;
}

}  // namespace coracle::engine
