#include "storage/copy_content.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/status.h"
#include "os/file.h"

namespace coracle::storage {
namespace {

constexpr size_t kAtOnce = 1 << 30;
constexpr size_t kBufferBytes = 1 << 20;

}  // namespace

absl::Status CopyContent(int source, int target) {
  if (ioctl(target, FICLONE, source) == 0) return absl::OkStatus();
  ssize_t count = copy_file_range(source, nullptr, target, nullptr, kAtOnce, 0);
  const bool known_size = count > 0;
  while (count > 0) count = copy_file_range(source, nullptr, target, nullptr, kAtOnce, 0);
  if (count == 0 && known_size) return absl::OkStatus();
  // Not between these two, or nothing at once: maybe one of those files whose size is not known.
  std::vector<char> buffer(kBufferBytes);
  for (;;) {
    do {
      count = read(source, buffer.data(), buffer.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0) return ErrnoStatus(errno, "read");
    if (count == 0) return absl::OkStatus();
    RETURN_IF_ERROR(os::WriteAll(target, absl::string_view(buffer.data(), static_cast<size_t>(count))));
  }
}

}  // namespace coracle::storage
