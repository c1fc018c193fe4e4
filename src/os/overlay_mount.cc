#include "os/overlay_mount.h"

#include <fcntl.h>

#include <cerrno>

#include "absl/strings/str_join.h"
#include "base/status.h"
#include "os/mount.h"

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

// "lowerdir+" takes one directory a time (Linux 6.8); before, one string of at most 255 characters
// (fsconfig(2)'s limit on a string value).
absl::Status AddLowerLayers(int context, const OverlayOptions& options) {
  for (size_t i = 0; i < options.lower.size(); ++i) {
    const int result = SetFsString(context, "lowerdir+", options.lower[i].c_str());
    if (result == -EINVAL && i == 0) {
      const int fallback = SetFsString(context, "lowerdir", EscapedList(options.lower).c_str());
      if (fallback < 0) return Failed(-fallback, absl::StrCat("lower directory ", options.lower[i]), context);
      return absl::OkStatus();
    }
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

}  // namespace

absl::StatusOr<UniqueFd> MakeOverlay(const OverlayOptions& options) {
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
  RETURN_IF_ERROR(AddLowerLayers(context.get(), options));
  RETURN_IF_ERROR(AddUpperLayer(context.get(), options));
  if (options.user_xattr) {
    const int result = SetFsFlag(context.get(), "userxattr");
    if (result < 0) return Failed(-result, "userxattr", context.get());
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

}  // namespace coracle::os
