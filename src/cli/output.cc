#include "cli/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr int kEngineExitCode = 125;

void PrintLine(absl::string_view label, absl::string_view color, absl::string_view line) {
  const bool colored = UseColor(STDERR_FILENO);
  (void)os::WriteAll(STDERR_FILENO,
                     absl::StrCat(colored ? color : "", label, colored ? "\033[0m" : "", " ", line,
                                  "\n"));  // nowhere else to say it
}

}  // namespace

void Output::Write(absl::string_view text) {
  if (!status_.ok()) return;
  buffer_.append(text.data(), text.size());
  if (buffer_.size() >= kBufferBytes) (void)Flush();  // kept in status_
}

absl::Status Output::Flush() {
  if (status_.ok() && !buffer_.empty()) {
    status_ = os::WriteAll(fd_, buffer_);
    buffer_.clear();
  }
  if (ErrnoOf(status_) == EPIPE) return absl::OkStatus();
  return Annotate(status_, "standard output");
}

bool UseColor(int fd) {
  const char* no_color = getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = getenv("TERM");
  if (term == nullptr || absl::string_view(term) == "dumb") return false;
  return isatty(fd) == 1;
}

void PrintError(const absl::Status& status) { PrintLine("Error:", "\033[31m", StatusLine(status)); }

void PrintWarning(absl::string_view line) { PrintLine("Warning:", "\033[33m", Printable(line)); }

int ExitCodeFor(const absl::Status& status) {
  return status.ok() ? 0 : ExitCodeOf(status).value_or(kEngineExitCode);
}

}  // namespace coracle::cli
