// Asking before something is lost.
#ifndef CORACLE_CLI_CONFIRM_H_
#define CORACLE_CLI_CONFIRM_H_

#include "absl/strings/string_view.h"

namespace coracle::cli {

// Prints "WARNING! <what>" and asks; true for an answer that begins with y or Y. Where standard input is no
// terminal nobody can be asked: false, with a line that says to use --force.
bool Confirm(absl::string_view what);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_CONFIRM_H_
