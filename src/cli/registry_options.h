// Options of every command that talks to a registry.
#ifndef CORACLE_CLI_REGISTRY_OPTIONS_H_
#define CORACLE_CLI_REGISTRY_OPTIONS_H_

#include "absl/status/statusor.h"
#include "cli/command_table.h"
#include "cli/invocation.h"
#include "registry/access.h"

namespace coracle::cli {

// Rows for table_*.cc: the whole list, or single ones where a command has not all of them.
inline constexpr Option kAuthfileOption =
    String("authfile", '\0', "FILE", "File with the credentials (also $REGISTRY_AUTH_FILE)");
inline constexpr Option kCertDirOption =
    String("cert-dir", '\0', "DIR", "Directory with CAs (*.crt) and client certificates (*.cert, *.key)");
inline constexpr Option kCredsOption =
    String("creds", '\0', "USER:PASSWORD", "Credentials, in place of those that login has stored");
inline constexpr Option kTlsVerifyOption =
    Flag("tls-verify", '\0', "Require HTTPS and trusted certificates, whatever registries.conf says");
inline constexpr Option kRetryOption =
    Typed(OptionType::kUint, "retry", '\0', "COUNT", "Retry so often when the registry can't be reached")
        .Default("3");
inline constexpr Option kRetryDelayOption =
    Typed(OptionType::kDuration, "retry-delay", '\0', "DURATION",
          "Wait before the first retry; doubles with each unless given");
inline constexpr Option kRegistryAccessOptions[] = {
    kAuthfileOption, kCertDirOption, kCredsOption, kTlsVerifyOption, kRetryOption, kRetryDelayOption,
};

// What the command line says about registries. Options that the command does not have count as not given.
registry::AccessOptions ReadAccessOptions(const ParsedCommand& parsed);

// Access by those options. What was survived is printed by PrintAccessWarnings, once the command has used it.
absl::StatusOr<registry::Access> OpenAccess(const ParsedCommand& parsed);
void PrintAccessWarnings(registry::Access& access);

// The registry that is meant when none is named: the first search registry, else docker.io.
std::string DefaultRegistry(const registry::Access& access);
// What login and logout take: a registry or a part of it ("quay.io", "quay.io/team", "https://quay.io/v2/"),
// as credential files name it. Errors: InvalidArgument.
absl::StatusOr<std::string> RegistryArgument(absl::string_view text);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_REGISTRY_OPTIONS_H_
