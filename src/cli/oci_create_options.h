// The options that `oci create` and `oci run` have in common.
#ifndef CORACLE_CLI_OCI_CREATE_OPTIONS_H_
#define CORACLE_CLI_OCI_CREATE_OPTIONS_H_

#include "absl/strings/str_cat.h"
#include "cli/oci_common.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {

// Errors: Unimplemented for --no-pivot, without which the host's root would stay reachable; InvalidArgument
// for more than 1024 descriptors.
inline absl::StatusOr<runtime::OciCreateOptions> OciCreateOptionsOf(const Invocation& invocation,
                                                                    bool foreground) {
  const ParsedCommand& parsed = invocation.parsed();
  if (parsed.GetBool("no-pivot")) {
    return absl::UnimplementedError(
        "--no-pivot: not supported, a container always changes its root by pivot_root");
  }
  if (parsed.GetUint("preserve-fds") > 1024) {
    return absl::InvalidArgumentError(
        absl::StrCat("--preserve-fds ", parsed.GetUint("preserve-fds"), ": at most 1024"));
  }
  runtime::OciCreateOptions options;
  options.id = parsed.args()[0];
  options.bundle = parsed.GetString("bundle");
  options.console_socket = parsed.GetString("console-socket");
  options.pid_file = parsed.GetString("pid-file");
  options.preserve_fds = static_cast<int>(parsed.GetUint("preserve-fds"));
  options.new_keyring = !parsed.GetBool("no-new-keyring");
  options.systemd_cgroup = parsed.GetBool("systemd-cgroup");
  options.foreground = foreground;
  return options;
}

}  // namespace coracle::cli

#endif  // CORACLE_CLI_OCI_CREATE_OPTIONS_H_
