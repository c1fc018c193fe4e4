// logout: forgets stored credentials.
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/registry_options.h"
#include "cli/transfer_options.h"
#include "oci/reference.h"

namespace coracle::cli {
namespace {

absl::Status Forget(Invocation& invocation, registry::Access& access, const std::string& key) {
  ASSIGN_OR_RETURN(const bool removed, access.credentials().Remove(key), "log out of ", key);
  if (removed) {
    invocation.out().WriteLine(absl::StrCat("Removed login credentials for ", key));
    return absl::OkStatus();
  }
  const auto elsewhere = access.credentials().FindExactly(key);
  const bool others = elsewhere.ok() && !elsewhere->empty();
  const absl::Status status = absl::NotFoundError(absl::StrCat("not logged into ", key));
  if (!others) return status;
  return WithHint(
      status, "another program has credentials for it: log out with that, or name its file with --authfile");
}

absl::Status Run(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const bool all = parsed.GetBool("all");
  if (all && !invocation.args().empty()) {
    return absl::InvalidArgumentError("--all and a registry exclude each other");
  }
  ASSIGN_OR_RETURN(registry::AccessOptions options, ReadAccessOptions(parsed));
  if (parsed.WasSet("compat-auth-file")) options.authfile = parsed.GetString("compat-auth-file");
  ASSIGN_OR_RETURN(registry::Access access, registry::Access::Open(std::move(options)));
  if (all) {
    RETURN_IF_ERROR(access.credentials().RemoveAll(), "log out");
    invocation.out().WriteLine("Removed login credentials for all registries");
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string key, RegistryArgument(invocation.args().empty() ? DefaultRegistry(access)
                                                                                     : invocation.args()[0]));
  const absl::Status status = Forget(invocation, access, key);
  PrintAccessWarnings(access);
  return status;
}

}  // namespace

int CmdLogout(Invocation& invocation) { return invocation.Fail(Run(invocation)); }

}  // namespace coracle::cli
