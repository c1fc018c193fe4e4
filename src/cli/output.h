// What a command prints: buffered standard output, one-line errors.
#ifndef CORACLE_CLI_OUTPUT_H_
#define CORACLE_CLI_OUTPUT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace coracle::cli {

// Buffers text for one descriptor and writes it in large pieces. The first error of a write is kept, later
// text is dropped; nothing is written by the destructor.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}

  void Write(absl::string_view text);
  void WriteLine(absl::string_view text) {
    Write(text);
    Write("\n");
  }
  // Writes what is left. Errors: as write(2), naming standard output; OK if the reader has gone (EPIPE),
  // since nobody misses the text.
  absl::Status Flush();

 private:
  int fd_;
  std::string buffer_;
  absl::Status status_;
};

// True if `fd` is a terminal that shows colours: NO_COLOR is unset or empty and TERM is not "dumb".
bool UseColor(int fd);

// Writes "Error: <line>" to standard error in one write, "Error:" red where colours are shown.
void PrintError(const absl::Status& status);
// Writes "Warning: <line>" so, for survived problems.
void PrintWarning(absl::string_view line);

// The exit code that `status` carries, else 125; 0 for OK.
int ExitCodeFor(const absl::Status& status);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_OUTPUT_H_
