// One run of a program: input in, output out; or of two, one feeding the other.
#ifndef CORACLE_OS_RUN_PROGRAM_H_
#define CORACLE_OS_RUN_PROGRAM_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "os/process.h"

namespace coracle::os {

// The absolute path of the executable `name` in PATH (the usual directories if that is not set); empty if it
// is not there. Entries of PATH that are not absolute are skipped.
std::string FindInPath(absl::string_view name);

struct ProgramResult {
  ExitStatus exit;
  std::string output;  // standard output
};

// Runs `path` with `args` (args[0] its name) and this process's environment and standard error; `input` is
// its standard input. It is killed if it has not ended by `timeout`, or prints more than `max_output`. No
// other descriptor is passed on. Errors: DeadlineExceeded, ResourceExhausted; NotFound or another errno's
// code if it can't be started. The calling process may have threads.
absl::StatusOr<ProgramResult> RunProgram(const std::string& path, absl::Span<const std::string> args,
                                         absl::string_view input, absl::Duration timeout, size_t max_output);

struct PipelineResult {
  ExitStatus writer, reader;
};

// Runs two programs at once, the first one's output being the second one's input; both by path. The first
// reads nothing; the rest, and the environment, is this process's. Waits for both; a signal that ends this
// process's group ends them, too. Errors: NotFound or another errno's code if one can't be started, none is
// left running then.
absl::StatusOr<PipelineResult> RunPipeline(absl::Span<const std::string> writer,
                                           absl::Span<const std::string> reader);

}  // namespace coracle::os

#endif  // CORACLE_OS_RUN_PROGRAM_H_
