#include "storage/fuse_overlay.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "base/text.h"
#include "os/file.h"
#include "os/process.h"
#include "storage/driver.h"

namespace coracle::storage {
namespace {

// Its option parser splits at commas and the list at colons; a backslash escapes them.
std::string Escaped(absl::string_view path) {
  return absl::StrReplaceAll(path, {{"\\", "\\\\"}, {",", "\\,"}, {":", "\\:"}});
}

}  // namespace

absl::Status MountFuseOverlay(const os::OverlayOptions& overlay, const std::string& target) {
  ASSIGN_OR_RETURN(const std::string program, FindFuseOverlayfs());
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, target, 0700));
  (void)umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);  // what an earlier run left; mostly nothing
  std::vector<std::string> lower;
  for (const std::string& directory : overlay.lower) lower.push_back(Escaped(directory));
  std::string options = absl::StrCat("lowerdir=", absl::StrJoin(lower, ":"));
  if (!overlay.upper.empty()) {
    absl::StrAppend(&options, ",upperdir=", Escaped(overlay.upper), ",workdir=", Escaped(overlay.work));
  }
  const char* argv[] = {program.c_str(), "-o", options.c_str(), target.c_str(), nullptr};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  os::UniqueFd output(ends[0]);
  os::UniqueFd input(ends[1]);
  os::CloneResult child;
  const int result = os::CloneProcess({}, &child);
  if (result < 0) return ErrnoStatus(-result, "start fuse-overlayfs");
  if (child.pid == 0) {
    // Its daemon keeps what we leave open, so it gets nothing but the pipe, and closes that by going into the
    // background.
    dup2(input.get(), STDERR_FILENO);
    dup2(input.get(), STDOUT_FILENO);
    (void)os::SetCloseOnExecFrom(3);
    execv(program.c_str(), const_cast<char**>(argv));
    _exit(127);
  }
  input.Reset();
  const auto text = os::ReadAll(output.get(), 64 << 10);
  ASSIGN_OR_RETURN(const os::ExitStatus status, os::WaitFor(os::UniqueFd(child.pidfd).get()),
                   "fuse-overlayfs");
  if (status.Code() == 0) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat("fuse-overlayfs ended with ", status.Code(), ": ",
                                         Printable(absl::StripAsciiWhitespace(text.value_or("")))));
}

}  // namespace coracle::storage
