#include "store/container_names.h"

#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "base/fault.h"
#include "base/status.h"

namespace coracle::store {
namespace {

constexpr int kExitEngine = 125;

// An id in base64 is 43 characters: ext4 keeps a link of up to 59 in the inode, where the 64 digits would
// cost a block to allocate and to free at every run.
constexpr size_t kEncodedIdBytes = 43;

std::string LinkTarget(absl::string_view id) {
  return id.size() == 64 ? absl::WebSafeBase64Escape(absl::HexStringToBytes(id)) : std::string(id);
}

std::string IdOfTarget(absl::string_view target) {
  std::string bytes;
  if (target.size() != kEncodedIdBytes || !absl::WebSafeBase64Unescape(target, &bytes))
    return std::string(target);
  return absl::BytesToHexString(bytes);
}

// Whether the claim of `name` by `id` holds. Locks are looked at before the record: a creator writes its
// record before it lets go of its lock, so "lock free, then no record" means dead.
bool ClaimHolds(const Store& store, absl::string_view name, absl::string_view id) {
  const std::string run_dir = store.ContainerRunDir(id);
  if (FileLock::IsHeld(absl::StrCat(run_dir, "/op"))) return true;
  const bool monitored = FileLock::IsHeld(absl::StrCat(run_dir, "/lock"));
  const auto record = ReadContainer(store, id);
  if (record.ok()) return record->name() == name;
  // One that can't be read keeps its name: it may be repaired, or read by the newer version that wrote it.
  return monitored || !absl::IsNotFound(record.status());
}

absl::Status InUse(const std::string& name, const std::string& id) {
  return WithExitCode(
      absl::AlreadyExistsError(absl::StrCat("the container name \"", name, "\" is already in use by ", id,
                                            ": remove or rename that container to use the name again")),
      kExitEngine);
}

// Only one process at a time takes a stale claim over, or else the second could remove what the first put
// there.
absl::StatusOr<os::UniqueFd> LockTakeover(const Store& store) {
  const std::string path = absl::StrCat(store.root(), "/names/containers");
  ASSIGN_OR_RETURN(os::UniqueFd dir, os::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  while (flock(dir.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, absl::StrCat("lock ", path));
  }
  return dir;
}

}  // namespace

absl::Status CheckContainerName(absl::string_view name) {
  bool good = !name.empty() && name.size() <= 255 && absl::ascii_isalnum(static_cast<unsigned char>(name[0]));
  for (const char c : name) {
    good = good && (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-');
  }
  if (good) return absl::OkStatus();
  return WithExitCode(absl::InvalidArgumentError(absl::StrCat("container name \"", name,
                                                              "\": names match [a-zA-Z0-9][a-zA-Z0-9_.-]*")),
                      kExitEngine);
}

std::optional<std::string> ClaimantOf(const Store& store, absl::string_view name) {
  auto id = os::ReadLinkAt(AT_FDCWD, store.ContainerNamePath(name));
  if (!id.ok()) return std::nullopt;
  return IdOfTarget(*id);
}

absl::Status ClaimName(const Store& store, const std::string& name, const std::string& id) {
  const std::string path = store.ContainerNamePath(name);
  const std::string target = LinkTarget(id);
  if (symlink(target.c_str(), path.c_str()) == 0) return absl::OkStatus();
  if (errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("claim the container name ", name));
  {
    const auto claimant = ClaimantOf(store, name);
    if (claimant.has_value() && *claimant != id && ClaimHolds(store, name, *claimant)) {
      return InUse(name, *claimant);
    }
  }
  ASSIGN_OR_RETURN(const os::UniqueFd takeover, LockTakeover(store));
  const auto claimant = ClaimantOf(store, name);
  if (claimant.has_value()) {
    if (*claimant == id) return absl::OkStatus();
    if (ClaimHolds(store, name, *claimant)) return InUse(name, *claimant);
    (void)unlink(path.c_str());  // an error shows in the next call
    FaultPoint("store.name.taken-over");
  }
  if (symlink(target.c_str(), path.c_str()) == 0) return absl::OkStatus();
  // Someone whose claim was fresh came first.
  if (errno == EEXIST) return InUse(name, ClaimantOf(store, name).value_or("another container"));
  return ErrnoStatus(errno, absl::StrCat("claim the container name ", name));
}

absl::Status ReleaseName(const Store& store, const std::string& name, absl::string_view id) {
  const auto claimant = ClaimantOf(store, name);
  if (!claimant.has_value() || *claimant != id) return absl::OkStatus();
  if (unlink(store.ContainerNamePath(name).c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("release the container name ", name));
}

absl::Status SweepName(const Store& store, const std::string& name) {
  ASSIGN_OR_RETURN(const os::UniqueFd takeover, LockTakeover(store));
  const auto claimant = ClaimantOf(store, name);
  if (!claimant.has_value() || ClaimHolds(store, name, *claimant)) return absl::OkStatus();
  return ReleaseName(store, name, *claimant);
}

}  // namespace coracle::store
