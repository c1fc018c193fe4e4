#include "engine/root_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "base/status.h"
#include "os/file.h"

namespace coracle::engine {
namespace {

constexpr size_t kMaxFileBytes = 4 << 20;

}  // namespace

std::string RootFiles::Read(absl::string_view path) const {
  for (const std::string& directory : directories_) {
    const auto root = os::OpenAt(AT_FDCWD, directory, O_PATH | O_DIRECTORY);
    if (!root.ok()) continue;
    const auto file = os::OpenBeneath(root->get(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_IN_ROOT);
    if (!file.ok()) {
      // A whiteout is a device 0/0 (overlayfs.rst), which has no driver: opening it gives ENXIO. It hides
      // what is below.
      if (ErrnoOf(file.status()) == ENXIO) return "";
      continue;
    }
    struct stat info;
    if (fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
    auto text = os::ReadAll(file->get(), kMaxFileBytes);
    return text.ok() ? *std::move(text) : "";
  }
  return "";
}

}  // namespace coracle::engine
