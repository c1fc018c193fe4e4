#include "os/overlay_mount.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/status.h"
#include "os/mount.h"
#include "os/overlay_list.h"

namespace coracle::os {
namespace {

absl::Status Failed(int error, absl::string_view what, int context) {
  char message[512];
  ReadFsMessage(context, message, sizeof(message));
  std::string text = absl::StrCat("mount overlay: ", what);
  if (message[0] != '\0') absl::StrAppend(&text, ": ", message);
  return ErrnoStatus(error, text);
}

absl::StatusOr<UniqueFd> ReadOnlyClone(const std::string& directory) {
  UniqueFd mount(CloneMount(AT_FDCWD, directory.c_str(), /*recursive=*/false));
  if (mount.get() < 0) return ErrnoStatus(-mount.get(), absl::StrCat("clone mount of ", directory));
  const int result = SetMountAttributes(mount.get(), {.set = MOUNT_ATTR_RDONLY}, /*recursive=*/false);
  if (result < 0) return ErrnoStatus(-result, absl::StrCat("make a read-only mount of ", directory));
  return mount;
}

// In the colon list of "lowerdir=", a backslash escapes a colon or itself (overlayfs.rst).
std::string EscapedList(const std::vector<std::string>& directories) {
  std::string list;
  for (const std::string& directory : directories) {
    if (!list.empty()) list.push_back(':');
    for (const char c : directory) {
      if (c == ':' || c == '\\') list.push_back('\\');
      list.push_back(c);
    }
  }
  return list;
}

// fsconfig(2): a string value has at most 255 bytes.
constexpr size_t kMaxFsString = 255;

// Many directories in one short list: by the numbers of their descriptors, read in /proc/self/fd. Kernels
// that take a list resolve it when they mount, so this lives until then.
class ShortNames {
 public:
  ~ShortNames() {
    if (before_.valid()) (void)!fchdir(before_.get());
  }
  absl::StatusOr<std::string> List(const std::vector<std::string>& directories) {
    std::string list;
    for (const std::string& directory : directories) {
      UniqueFd fd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("mount overlay: lower directory ", directory));
      absl::StrAppend(&list, list.empty() ? "" : ":", fd.get());
      fds_.push_back(std::move(fd));
    }
    if (list.size() > kMaxFsString) {
      return absl::UnimplementedError(
          absl::StrCat("mount overlay: ", directories.size(),
                       " layers are more than this kernel takes (before Linux 6.8)"));
    }
    before_.Reset(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!before_.valid() || chdir("/proc/self/fd") != 0) return ErrnoStatus(errno, "enter /proc/self/fd");
    return list;
  }

 private:
  std::vector<UniqueFd> fds_;
  UniqueFd before_;
};

absl::Status AddLowerList(int context, const OverlayOptions& options, ShortNames& names) {
  std::string list = EscapedList(options.lower);
  if (list.size() > kMaxFsString) {
    ASSIGN_OR_RETURN(list, names.List(options.lower));
  }
  const int result = SetFsString(context, "lowerdir", list.c_str());
  if (result < 0) return Failed(-result, absl::StrCat("lower directory ", options.lower[0]), context);
  return absl::OkStatus();
}

// Before Linux 6.5 overlay's parameters are only gathered, and read when it mounts: an unknown one is refused
// too late to tell it from other faults.
bool TakesAnyParameter() {
  struct utsname name = {};
  int major = 0, minor = 0;
  if (uname(&name) == 0) (void)sscanf(name.release, "%d.%d", &major, &minor);
  return major < 6 || (major == 6 && minor < 5);
}

// "lowerdir+" takes one directory a time (Linux 6.8); before, they are one list.
absl::Status AddLowerLayers(int context, const OverlayOptions& options, bool by_list, ShortNames& names) {
  if (by_list) return AddLowerList(context, options, names);
  for (size_t i = 0; i < options.lower.size(); ++i) {
    const int result = SetFsString(context, "lowerdir+", options.lower[i].c_str());
    if (result == -EINVAL && i == 0) return AddLowerList(context, options, names);
    if (result < 0) return Failed(-result, absl::StrCat("lower directory ", options.lower[i]), context);
  }
  return absl::OkStatus();
}

absl::Status AddUpperLayer(int context, const OverlayOptions& options) {
  if (options.upper.empty()) return absl::OkStatus();
  int result = SetFsString(context, "upperdir", options.upper.c_str());
  if (result < 0) return Failed(-result, absl::StrCat("upper directory ", options.upper), context);
  result = SetFsString(context, "workdir", options.work.c_str());
  if (result < 0) return Failed(-result, absl::StrCat("work directory ", options.work), context);
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> Make(const OverlayOptions& options, bool by_list) {
  if (options.lower.empty()) return absl::InvalidArgumentError("mount overlay: no lower directory");
  if (options.lower.size() > kMaxOverlayLayers) {
    return absl::InvalidArgumentError(absl::StrCat("mount overlay: ", options.lower.size(),
                                                   " layers, more than the ", kMaxOverlayLayers, " allowed"));
  }
  if (options.upper.empty() != options.work.empty()) {
    return absl::InvalidArgumentError("mount overlay: an upper and a work directory come together");
  }
  if (options.upper.empty() && options.lower.size() == 1) return ReadOnlyClone(options.lower[0]);
  UniqueFd context(fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context.valid()) return ErrnoStatus(errno, "mount overlay");
  ShortNames names;
  RETURN_IF_ERROR(AddLowerLayers(context.get(), options, by_list, names));
  RETURN_IF_ERROR(AddUpperLayer(context.get(), options));
  if (options.user_xattr) {
    const int result = SetFsFlag(context.get(), "userxattr");
    if (result < 0) return Failed(-result, "userxattr", context.get());
  } else {
    // Some kernels are built to say yes. Then a renamed directory's upper would be empty but for a pointer,
    // and could not be read without this very mount (with userxattr both are off). Unknown to a kernel: off
    // too.
    (void)SetFsString(context.get(), "redirect_dir", "off");
    (void)SetFsString(context.get(), "metacopy", "off");
  }
  if (options.is_volatile) {
    const int result = SetFsFlag(context.get(), "volatile");
    if (result < 0) return Failed(-result, "volatile", context.get());
  }
  const int mount = CreateFsMount(context.get(), options.upper.empty() ? MOUNT_ATTR_RDONLY : 0);
  if (mount < 0) {
    const std::string& top = options.upper.empty() ? options.lower[0] : options.upper;
    return Failed(-mount, absl::StrCat(options.lower.size(), " layers below ", top), context.get());
  }
  return UniqueFd(mount);
}

}  // namespace

absl::StatusOr<UniqueFd> MakeOverlay(const OverlayOptions& options) {
  return Make(options, /*by_list=*/TakesAnyParameter());
}

absl::StatusOr<UniqueFd> MakeOverlayByList(const OverlayOptions& options) {
  return Make(options, /*by_list=*/true);
}

}  // namespace coracle::os
