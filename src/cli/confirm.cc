#include "cli/confirm.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cli/output.h"

namespace coracle::cli {

bool Confirm(absl::string_view what) {
  if (!isatty(STDIN_FILENO)) {
    PrintWarning(absl::StrCat(what, ": nothing was removed: use --force where nobody can be asked"));
    return false;
  }
  const std::string question =
      absl::StrCat("WARNING! ", what, ".\nAre you sure you want to continue? [y/N] ");
  (void)!write(STDOUT_FILENO, question.data(), question.size());
  char answer[64];
  const ssize_t count = read(STDIN_FILENO, answer, sizeof(answer));
  return count > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

}  // namespace coracle::cli
