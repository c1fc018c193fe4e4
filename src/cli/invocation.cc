#include "cli/invocation.h"

#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "os/file.h"

namespace coracle::cli {

bool Invocation::Confirm(absl::string_view question) {
  if (isatty(STDIN_FILENO) != 1) {
    PrintWarning("nobody can be asked without a terminal: nothing is removed without --force");
    return false;
  }
  (void)out_.Flush();                                                    // reported at the end
  (void)os::WriteAll(STDERR_FILENO, absl::StrCat(question, " [y/N] "));  // nowhere else to say it
  char answer[64];
  const ssize_t n = TEMP_FAILURE_RETRY(read(STDIN_FILENO, answer, sizeof(answer)));
  if (n <= 0) return false;
  const std::string word =
      absl::AsciiStrToLower(absl::StripAsciiWhitespace(absl::string_view(answer, static_cast<size_t>(n))));
  return word == "y" || word == "yes";
}

}  // namespace coracle::cli
