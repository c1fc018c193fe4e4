#include "cli/attached.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace coracle::cli {

absl::StatusOr<int> Attached(engine::Engine& engine, const std::string& id, const os::UniqueFd& connection,
                             const monitor::AttachOptions& options) {
  ASSIGN_OR_RETURN(const monitor::AttachResult result, monitor::RunAttach(connection, options));
  if (result.detached) return 0;
  if (result.exit_code.has_value()) return *result.exit_code;
  // The monitor was killed: what there is to know is in the record.
  ASSIGN_OR_RETURN(const int code, engine::Wait(engine, id, {}));
  return code < 0
             ? WithExitCode(absl::DataLossError(absl::StrCat("the monitor of container ", id, " was killed")),
                            125)
             : absl::StatusOr<int>(code);
}

absl::StatusOr<int> AttachForeground(engine::Engine& engine, const store::ContainerRecord& record,
                                     const os::UniqueFd& connection, const ParsedCommand& parsed) {
  const store::ContainerConfig& config = record.config();
  const auto wants = [&config](const char* stream) {
    return std::find(config.attach().begin(), config.attach().end(), stream) != config.attach().end();
  };
  monitor::AttachOptions options;
  options.in = config.open_stdin() && (config.attach().empty() || wants("stdin"));
  options.out = config.attach().empty() || wants("stdout");
  options.err = config.attach().empty() || wants("stderr");
  options.tty = config.tty();
  options.detach_keys = config.detach_keys();
  options.sig_proxy = parsed.GetBool("sig-proxy");
  return Attached(engine, record.id(), connection, options);
}

}  // namespace coracle::cli
