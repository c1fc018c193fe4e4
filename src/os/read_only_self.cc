#include "os/read_only_self.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "base/status.h"
#include "os/memory_program.h"
#include "os/mount.h"
#include "os/unique_fd.h"

namespace coracle::os {
namespace {

constexpr char kSelf[] = "/proc/self/exe";
constexpr long kTmpfsMagic = 0x01021994;

// After entering a new mount namespace, /proc/self/exe is still on the old one's mount, which can't be cloned
// from here; the same file by its name can, if it is the same.
UniqueFd CloneMountOfSelf() {
  UniqueFd mount(CloneMount(AT_FDCWD, kSelf, /*recursive=*/false));
  if (mount.valid()) return mount;
  char path[PATH_MAX];
  const ssize_t length = readlink(kSelf, path, sizeof(path) - 1);
  if (length <= 0) return UniqueFd();
  path[length] = '\0';
  mount.Reset(CloneMount(AT_FDCWD, path, /*recursive=*/false));
  struct stat self, found;
  if (!mount.valid() || stat(kSelf, &self) != 0 || fstat(mount.get(), &found) != 0) return UniqueFd();
  if (self.st_dev != found.st_dev || self.st_ino != found.st_ino) return UniqueFd();
  return mount;
}

UniqueFd ReadOnlyMountOfSelf() {
  UniqueFd mount = CloneMountOfSelf();
  if (!mount.valid()) return UniqueFd();
  if (SetMountAttributes(mount.get(), {.set = MOUNT_ATTR_RDONLY}, /*recursive=*/false) < 0) return UniqueFd();
  return mount;
}

// Where we may not mount: 1 ms for each 4 MB.
absl::StatusOr<UniqueFd> SealedCopyOfSelf() {
  UniqueFd self(open(kSelf, O_RDONLY | O_CLOEXEC));
  struct stat info;
  if (!self.valid() || fstat(self.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("open ", kSelf));
  ASSIGN_OR_RETURN(UniqueFd copy, MakeMemoryProgram("coracle"));
  off_t left = info.st_size;
  while (left > 0) {
    const ssize_t count = sendfile(copy.get(), self.get(), nullptr, static_cast<size_t>(left));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return ErrnoStatus(count == 0 ? EIO : errno, "copy the program into memory");
    left -= count;
  }
  RETURN_IF_ERROR(SealMemoryProgram(copy));
  return copy;
}

}  // namespace

bool IsReadOnlySelf() {
  struct statfs info;
  if (statfs(kSelf, &info) != 0) return false;
  if ((static_cast<unsigned long>(info.f_flags) & ST_RDONLY) != 0) return true;
  if (info.f_type != kTmpfsMagic) return false;
  const UniqueFd self(open(kSelf, O_RDONLY | O_CLOEXEC));
  return self.valid() && (fcntl(self.get(), F_GET_SEALS) & F_SEAL_WRITE) != 0;
}

absl::Status EnsureReadOnlySelf(char* const* argv, char* const* envp) {
  if (IsReadOnlySelf()) {
    // execveat names the process after the descriptor's number.
    (void)prctl(PR_SET_NAME, "coracle");
    return absl::OkStatus();
  }
  UniqueFd program = ReadOnlyMountOfSelf();
  if (!program.valid()) {
    ASSIGN_OR_RETURN(program, SealedCopyOfSelf());
  }
  (void)execveat(program.get(), "", argv, envp, AT_EMPTY_PATH);
  return ErrnoStatus(errno, "execute the read-only copy of this program");
}

}  // namespace coracle::os
