#include "runtime/oci_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/json.h"
#include "base/status.h"
#include "os/file.h"
#include "os/process.h"
#include "runtime/cgroup.h"

namespace coracle::runtime {
namespace {

constexpr int kRecordVersion = 1;
constexpr size_t kMaxRecordBytes = 1 << 20;
constexpr size_t kMaxIdLength = 255;

std::string DefaultRoot() {
  const char* runtime_dir = getenv("XDG_RUNTIME_DIR");
  if (geteuid() != 0 && runtime_dir != nullptr && runtime_dir[0] == '/') {
    return absl::StrCat(runtime_dir, "/coracle-oci");
  }
  return geteuid() == 0 ? "/run/coracle-oci" : absl::StrCat("/tmp/coracle-oci-", geteuid());
}

absl::Status CheckId(absl::string_view id) {
  const bool good = !id.empty() && id.size() <= kMaxIdLength && id[0] != '.' &&
                    std::all_of(id.begin(), id.end(), [](unsigned char c) {
                      return absl::ascii_isalnum(c) || c == '_' || c == '+' || c == '-' || c == '.';
                    });
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("container id '", id, "': letters, digits and '_+-.' only, and no dot first"));
}

// The words that engines look for.
absl::Status DoesNotExist(absl::string_view id) {
  return absl::NotFoundError(absl::StrCat("container ", id, " does not exist"));
}

// A lock of the process (fcntl), not of the descriptor: the held first process inherits our descriptors and
// would keep an OFD lock until it is started.
absl::StatusOr<os::UniqueFd> TakeLock(const std::string& path, bool create) {
  ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_RDWR | (create ? O_CREAT : 0), 0600));
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  int result;
  do {
    result = fcntl(fd.get(), F_SETLKW, &lock);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return ErrnoStatus(errno, absl::StrCat("lock ", path));
  return fd;
}

std::string Text(const Json& object, absl::string_view key) {
  const Json* value = Find(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}
uint64_t Number(const Json& object, absl::string_view key) {
  const Json* value = Find(object, key);
  return value != nullptr && value->is_number_unsigned() ? value->get<uint64_t>() : 0;
}

// Whether the process has ended, also where nobody has reaped it yet.
bool HasEnded(const OciState& state) {
  if (state.pid <= 0 || state.boot_id != KernelBootId()) return true;
  absl::StatusOr<std::string> stat =
      os::ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", state.pid, "/stat"), 4096);
  if (!stat.ok()) return true;
  const size_t after_name = stat->rfind(')');  // the name may hold anything
  const char letter = after_name + 2 < stat->size() ? (*stat)[after_name + 2] : 'X';
  if (letter == 'Z' || letter == 'X') return true;
  absl::StatusOr<uint64_t> start = os::StartTimeOf(state.pid);
  return !start.ok() || *start != state.start_time;
}

}  // namespace

std::string KernelBootId() {
  absl::StatusOr<std::string> text = os::ReadFileAt(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
}

absl::string_view OciStatusName(OciStatus status) {
  switch (status) {
    case OciStatus::kCreating:
      return "creating";
    case OciStatus::kCreated:
      return "created";
    case OciStatus::kRunning:
      return "running";
    case OciStatus::kPaused:
      return "paused";
    case OciStatus::kStopped:
      break;
  }
  return "stopped";
}

OciStore::OciStore(std::string root) : root_(root.empty() ? DefaultRoot() : std::move(root)) {}

std::string OciStore::Directory(const std::string& id) const { return absl::StrCat(root_, "/", id); }
std::string OciStore::FifoPath(const std::string& id) const {
  return absl::StrCat(root_, "/", id, "/exec.fifo");
}

absl::StatusOr<os::UniqueFd> OciStore::Claim(const std::string& id) const {
  RETURN_IF_ERROR(CheckId(id));
  RETURN_IF_ERROR(os::MakeDirectories(root_, 0700));
  if (mkdir(Directory(id).c_str(), 0700) != 0) {
    if (errno == EEXIST) return absl::AlreadyExistsError(absl::StrCat("container with id exists: ", id));
    return ErrnoStatus(errno, absl::StrCat("create ", Directory(id)));
  }
  absl::StatusOr<os::UniqueFd> lock = TakeLock(absl::StrCat(Directory(id), "/lock"), /*create=*/true);
  if (lock.ok() && mkfifo(FifoPath(id).c_str(), 0600) != 0) {
    lock = ErrnoStatus(errno, absl::StrCat("create ", FifoPath(id)));
  }
  if (!lock.ok()) (void)Remove(id);
  return lock;
}

absl::StatusOr<os::UniqueFd> OciStore::Lock(const std::string& id) const {
  RETURN_IF_ERROR(CheckId(id));
  // A directory without a lock file is a create that was killed after its first step.
  if (!os::ExistsAt(AT_FDCWD, Directory(id))) return DoesNotExist(id);
  ASSIGN_OR_RETURN(os::UniqueFd lock, TakeLock(absl::StrCat(Directory(id), "/lock"), /*create=*/true));
  struct stat info;
  if (fstat(lock.get(), &info) != 0 || info.st_nlink == 0)
    return DoesNotExist(id);  // removed while we waited
  return lock;
}

absl::Status OciStore::SaveSpec(const std::string& id, const oci::Spec& spec) const {
  return os::ReplaceFileAt(AT_FDCWD, absl::StrCat(Directory(id), "/config.json"), oci::SerializeSpec(spec),
                           os::Durability::kVolatile);
}

absl::Status OciStore::Save(const OciState& state) const {
  Json record = Json::object();
  record["version"] = kRecordVersion;
  record["id"] = state.id;
  record["bundle"] = state.bundle;
  record["rootfs"] = state.root_path;
  record["created"] = state.created;
  record["pid"] = state.pid > 0 ? static_cast<uint64_t>(state.pid) : 0;
  record["startTime"] = state.start_time;
  record["bootId"] = state.boot_id;
  record["cgroupPaths"] = state.cgroup_paths;
  return os::ReplaceFileAt(AT_FDCWD, absl::StrCat(Directory(state.id), "/state.json"), DumpJson(record),
                           os::Durability::kVolatile);
}

absl::StatusOr<OciState> OciStore::Load(const std::string& id) const {
  RETURN_IF_ERROR(CheckId(id));
  const std::string path = absl::StrCat(Directory(id), "/state.json");
  absl::StatusOr<std::string> text = os::ReadFileAt(AT_FDCWD, path, kMaxRecordBytes);
  if (absl::IsNotFound(text.status())) return DoesNotExist(id);
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(const Json record, ParseJson(*text), path);
  if (Number(record, "version") != kRecordVersion) {
    return absl::DataLossError(
        absl::StrCat(path, ": version ", Number(record, "version"), ", this program reads ", kRecordVersion));
  }
  OciState state;
  state.id = id;
  state.bundle = Text(record, "bundle");
  state.root_path = Text(record, "rootfs");
  state.created = Text(record, "created");
  state.pid = static_cast<pid_t>(Number(record, "pid"));
  state.start_time = Number(record, "startTime");
  state.boot_id = Text(record, "bootId");
  if (const Json* paths = Find(record, "cgroupPaths"); paths != nullptr && paths->is_array()) {
    for (const Json& path_value : *paths) {
      if (path_value.is_string()) state.cgroup_paths.push_back(path_value.get<std::string>());
    }
  }
  return state;
}

absl::StatusOr<oci::Spec> OciStore::LoadSpec(const std::string& id) const {
  const std::string path = absl::StrCat(Directory(id), "/config.json");
  ASSIGN_OR_RETURN(const std::string text, os::ReadFileAt(AT_FDCWD, path, oci::kMaxSpecBytes));
  ASSIGN_OR_RETURN(oci::Spec spec, oci::ParseSpec(text), path);
  return spec;
}

absl::StatusOr<std::vector<OciState>> OciStore::List() const {
  std::vector<OciState> states;
  if (!os::ExistsAt(AT_FDCWD, root_)) return states;
  ASSIGN_OR_RETURN(std::vector<std::string> names, os::ListDirectoryAt(AT_FDCWD, root_));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    absl::StatusOr<OciState> state = Load(name);
    if (state.ok()) states.push_back(*std::move(state));
  }
  return states;
}

absl::Status OciStore::Remove(const std::string& id) const {
  RETURN_IF_ERROR(CheckId(id));
  // The record first: a removal that is cut short leaves no container.
  (void)unlink(absl::StrCat(Directory(id), "/state.json").c_str());
  return os::RemoveTreeAt(AT_FDCWD, Directory(id));
}

OciStatus OciStore::StatusOf(const OciState& state) const {
  if (state.pid <= 0 && state.boot_id == KernelBootId()) return OciStatus::kCreating;
  if (HasEnded(state)) return OciStatus::kStopped;
  if (os::ExistsAt(AT_FDCWD, FifoPath(state.id))) return OciStatus::kCreated;
  if (!state.cgroup_paths.empty()) {
    absl::StatusOr<std::unique_ptr<Cgroup>> cgroup = Cgroup::Open(state.cgroup_paths);
    if (cgroup.ok() && (*cgroup)->Frozen()) return OciStatus::kPaused;
  }
  return OciStatus::kRunning;
}

}  // namespace coracle::runtime
