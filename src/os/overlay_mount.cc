#include "os/overlay_mount.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
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

absl::Status AddLowerLayers(int context, const OverlayOptions& options) {
  for (const std::string& directory : options.lower) {
    const int result = SetFsString(context, "lowerdir+", directory.c_str());
    if (result < 0) return Failed(-result, absl::StrCat("lower directory ", directory), context);
  }
  return absl::OkStatus();
}

absl::Status AddLowerList(int context, const OverlayOptions& options, const std::string& list) {
  const int result = SetFsString(context, "lowerdir", list.c_str());
  if (result < 0) return Failed(-result, absl::StrCat("lower directory ", options.lower[0]), context);
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

// "lowerdir+" takes one directory a time. It cannot just be tried: before Linux 6.5 any parameter is taken,
// and read when it is too late to tell an unknown one from other faults.
bool KnowsLowerdirPlus() {
  struct utsname name = {};
  int major = 0, minor = 0;
  if (uname(&name) == 0) (void)sscanf(name.release, "%d.%d", &major, &minor);
  return major > 6 || (major == 6 && minor >= 8);
}

absl::StatusOr<UniqueFd> MakeOfDistinct(const OverlayOptions& options) {
  if (options.lower.empty()) return absl::InvalidArgumentError("mount overlay: no lower directory");
  if (options.lower.size() > kMaxOverlayLayers) {
    return absl::InvalidArgumentError(absl::StrCat("mount overlay: ", options.lower.size(),
                                                   " layers, more than the ", kMaxOverlayLayers, " allowed"));
  }
  if (options.upper.empty() != options.work.empty()) {
    return absl::InvalidArgumentError("mount overlay: an upper and a work directory come together");
  }
  if (options.upper.empty() && options.lower.size() == 1) return ReadOnlyClone(options.lower[0]);
  const std::string list = KnowsLowerdirPlus() ? "" : EscapedList(options.lower);
  if (list.size() > kMaxFsString) return MakeOverlayByList(options);
  UniqueFd context(fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context.valid()) return ErrnoStatus(errno, "mount overlay");
  RETURN_IF_ERROR(list.empty() ? AddLowerLayers(context.get(), options)
                               : AddLowerList(context.get(), options, list));
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

// An image may have a layer twice (two steps that do the same), and overlay refuses a directory that overlaps
// another (ELOOP). The upper one of the two hides the lower, whatever lies between them.
absl::StatusOr<UniqueFd> MakeOverlay(const OverlayOptions& options) {
  absl::flat_hash_set<absl::string_view> seen;
  OverlayOptions distinct = options;
  distinct.lower.clear();
  for (const std::string& directory : options.lower)
    if (seen.insert(directory).second) distinct.lower.push_back(directory);
  return MakeOfDistinct(distinct);
}

}  // namespace coracle::os
