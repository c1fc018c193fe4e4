#include "cli/cidfile.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::cli {

absl::StatusOr<Cidfile> Cidfile::Claim(const std::string& path) {
  Cidfile file;
  if (path.empty()) return file;
  auto fd = os::OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (absl::IsAlreadyExists(fd.status())) {
    return WithExitCode(WithHint(absl::AlreadyExistsError(absl::StrCat("container ID file found: ", path)),
                                 "make sure the other container isn't running or delete the file"),
                        125);
  }
  if (!fd.ok()) return WithExitCode(Annotate(fd.status(), "--cidfile"), 125);
  file.path_ = path;
  file.fd_ = *std::move(fd);
  return file;
}

Cidfile::~Cidfile() {
  if (fd_.valid()) (void)unlink(path_.c_str());  // best effort: an empty file would be in the next one's way
}

absl::Status Cidfile::Write(const std::string& id) {
  if (!fd_.valid()) return absl::OkStatus();
  RETURN_IF_ERROR(os::WriteAll(fd_.get(), id), "--cidfile ", path_);
  fd_.Reset();
  return absl::OkStatus();
}

std::vector<std::string> CommandLine() {
  const auto text = os::ReadFileAt(AT_FDCWD, "/proc/self/cmdline", 4 << 20);
  if (!text.ok()) return {};
  std::vector<std::string> words = absl::StrSplit(*text, '\0');
  if (!words.empty()) words.pop_back();  // what follows the last NUL
  return words;
}

}  // namespace coracle::cli
