// One run of one command: what its function is given.
#ifndef CORACLE_CLI_INVOCATION_H_
#define CORACLE_CLI_INVOCATION_H_

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cli/globals.h"
#include "cli/output.h"
#include "cli/parse.h"

namespace coracle::cli {

class Invocation {
 public:
  Invocation(ParsedCommand parsed, Globals globals)
      : parsed_(std::move(parsed)), globals_(std::move(globals)) {}
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;

  const ParsedCommand& parsed() const { return parsed_; }
  const std::vector<std::string>& args() const { return parsed_.args(); }
  // Empty for commands with kNoStore.
  const Globals& globals() const { return globals_; }

  // Standard output; flushed after the command's function has returned.
  Output& out() { return out_; }

  // Asks on standard error, for commands that remove much: "y" and "yes" are yes. Without a terminal as
  // standard input nobody can answer: then a warning says so, and the answer is no.
  bool Confirm(absl::string_view question);

  // Prints the error and returns the exit code for it (125 if it carries none). Returns 0 for OK and prints
  // nothing.
  int Fail(const absl::Status& status) {
    if (!status.ok()) {
      (void)out_.Flush();  // what came before the error is read before it
      PrintError(status);
    }
    return ExitCodeFor(status);
  }

 private:
  ParsedCommand parsed_;
  Globals globals_;
  Output out_{STDOUT_FILENO};
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_INVOCATION_H_
