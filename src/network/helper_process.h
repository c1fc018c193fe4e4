// A program that serves one container's network for as long as its monitor lives.
#ifndef CORACLE_NETWORK_HELPER_PROCESS_H_
#define CORACLE_NETWORK_HELPER_PROCESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/process.h"
#include "os/unique_fd.h"

namespace coracle::network {

// Its descriptor of the network namespace, as it knows it.
inline constexpr char kHelperNetns[] = "/proc/self/fd/3";

struct HelperProcess {
  os::ChildProcess child;  // destroyed: killed and reaped
  os::UniqueFd input;      // write end of its standard input; its end tells the helper that we are gone
  os::UniqueFd errors;     // read end of its standard error: held, so that writing there never ends it
};

// Starts `path` with `args` (args[0] its name): all signals at their default, descriptor 3 is `netns`,
// standard output is a pipe, and `directory` is its working directory if given. It gets SIGKILL when this
// process ends. Returns when it has written something to its standard output, which means that it is ready.
// Errors: DeadlineExceeded after ten seconds; FailedPrecondition with what it said on standard error, last of
// all, if it ends before. Nothing is left of it then.
absl::StatusOr<HelperProcess> StartHelper(const std::string& path, std::vector<std::string> args, int netns,
                                          const std::string& directory = "");

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_HELPER_PROCESS_H_
