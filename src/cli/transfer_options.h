// The options that commands which talk to registries share, and what they become.
#ifndef CORACLE_CLI_TRANSFER_OPTIONS_H_
#define CORACLE_CLI_TRANSFER_OPTIONS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/interrupt.h"
#include "cli/invocation.h"
#include "cli/progress_display.h"
#include "engine/transfer.h"
#include "oci/platform.h"
#include "registry/access.h"

namespace coracle::cli {

// Whether the user namespace that we are in maps a single id.
bool OnlyOneIdMapped();

// --authfile, --cert-dir, --creds, --retry, --retry-delay, --tls-verify; those that the command does not have
// are left out. Errors: InvalidArgument naming the option, exit code 125.
absl::StatusOr<registry::AccessOptions> ReadAccessOptions(const ParsedCommand& parsed);

// --platform, or --arch, --os and --variant, where a part that is not given is the host's; nothing if none of
// them is given. Errors: InvalidArgument.
absl::StatusOr<std::optional<oci::Platform>> ReadPlatform(const ParsedCommand& parsed);

// Access, progress and interruption of one command. Not movable: the context points into it.
class Transfer {
 public:
  // `verb` as of ProgressDisplay.
  static absl::StatusOr<std::unique_ptr<Transfer>> Open(const ParsedCommand& parsed, bool quiet,
                                                        std::string verb);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  // Prints the warnings that are left.
  ~Transfer();

  engine::TransferContext& context() { return context_; }
  // To be called on what the transfer ended with: see InterruptGuard.
  absl::Status Result(const absl::Status& status) const { return interrupt_.Result(status); }

 private:
  Transfer(registry::Access access, bool quiet, std::string verb);

  registry::Access access_;
  InterruptGuard interrupt_;
  ProgressDisplay progress_;
  engine::TransferContext context_;
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_TRANSFER_OPTIONS_H_
