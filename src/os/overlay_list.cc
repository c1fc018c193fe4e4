#include "os/overlay_list.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/mount.h"

namespace coracle::os {
namespace {

constexpr size_t kMaxMountData = 4095;  // a page with its zero

// Directories named by the numbers of their descriptors, to be read in /proc/self/fd: short, and nothing to
// escape.
class NumberedDirectories {
 public:
  absl::Status Add(const char* separator, const std::string& directory) {
    UniqueFd fd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("mount overlay: ", directory));
    absl::StrAppend(&data_, separator, fd.get());
    fds_.push_back(std::move(fd));
    return absl::OkStatus();
  }
  void AddFlag(const char* option) { data_ += option; }
  const std::string& data() const { return data_; }

 private:
  std::string data_;
  std::vector<UniqueFd> fds_;
};

absl::Status AddOptions(const OverlayOptions& options, NumberedDirectories& names) {
  for (size_t i = 0; i < options.lower.size(); ++i) {
    RETURN_IF_ERROR(names.Add(i == 0 ? "lowerdir=" : ":", options.lower[i]));
  }
  if (!options.upper.empty()) {
    RETURN_IF_ERROR(names.Add(",upperdir=", options.upper));
    RETURN_IF_ERROR(names.Add(",workdir=", options.work));
  }
  names.AddFlag(options.user_xattr ? ",userxattr" : ",redirect_dir=off,metacopy=off");
  if (options.is_volatile) names.AddFlag(",volatile");
  if (names.data().size() <= kMaxMountData) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("mount overlay: ", options.lower.size(),
                                               " layers are more than this kernel takes (before Linux 6.8)"));
}

// Anything that is there serves as mount point.
const char* MountPoint(const OverlayOptions& options) { return options.lower[0].c_str(); }

absl::StatusOr<UniqueFd> MountAndClone(const OverlayOptions& options) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return ErrnoStatus(errno, "mount overlay: make mounts private");
  }
  // Opened here: what is below an overlay must lie in its maker's mount namespace.
  NumberedDirectories names;
  RETURN_IF_ERROR(AddOptions(options, names));
  if (chdir("/proc/self/fd") != 0) return ErrnoStatus(errno, "enter /proc/self/fd");
  const unsigned long flags = options.upper.empty() ? MS_RDONLY : 0;
  if (mount("overlay", MountPoint(options), "overlay", flags, names.data().c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("mount overlay: ", options.lower.size(), " layers in one list"));
  }
  UniqueFd clone(CloneMount(AT_FDCWD, MountPoint(options), /*recursive=*/false));
  if (clone.get() < 0) return ErrnoStatus(-clone.get(), "mount overlay: clone its mount");
  return clone;
}

struct Attempt {
  const OverlayOptions& options;
  absl::StatusOr<UniqueFd> mount;  // in the table of descriptors that the child shares
};

}  // namespace

absl::StatusOr<UniqueFd> MakeOverlayByList(const OverlayOptions& options) {
  Attempt attempt = {options, absl::UnknownError("mount overlay: the process for it was killed")};
  const auto child_main = [](void* argument) {
    Attempt& mine = *static_cast<Attempt*>(argument);
    mine.mount = MountAndClone(mine.options);
    return 0;
  };
  // The child shares our memory and descriptors, but neither the mounts nor the working directory; this
  // thread stands still meanwhile.
  alignas(16) char stack[128 << 10];
  const pid_t child = clone(child_main, stack + sizeof(stack),
                            CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNS | SIGCHLD, &attempt);
  if (child < 0) return ErrnoStatus(errno, "mount overlay: start a process");
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return std::move(attempt.mount);
}

}  // namespace coracle::os
