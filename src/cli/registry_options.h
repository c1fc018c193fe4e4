// Options and arguments of commands on registries themselves.
#ifndef CORACLE_CLI_REGISTRY_OPTIONS_H_
#define CORACLE_CLI_REGISTRY_OPTIONS_H_

#include "absl/status/statusor.h"
#include "cli/command_table.h"
#include "cli/invocation.h"
#include "registry/access.h"

namespace coracle::cli {

// Rows for table_*.cc.
inline constexpr Option kAuthfileOption =
    String("authfile", '\0', "FILE", "File with the credentials (also $REGISTRY_AUTH_FILE)");
inline constexpr Option kCertDirOption =
    String("cert-dir", '\0', "DIR", "Directory with CAs (*.crt) and client certificates (*.cert, *.key)");
inline constexpr Option kCredsOption =
    String("creds", '\0', "USER:PASSWORD", "Credentials, in place of those that login has stored");
inline constexpr Option kTlsVerifyOption =
    Flag("tls-verify", '\0', "Require HTTPS and trusted certificates, whatever registries.conf says");

// Access by the options that ReadAccessOptions reads. What was survived is printed by PrintAccessWarnings,
// once the command has used it.
absl::StatusOr<registry::Access> OpenAccess(const ParsedCommand& parsed);
void PrintAccessWarnings(registry::Access& access);

// The registry that is meant when none is named: the first search registry, else docker.io.
std::string DefaultRegistry(const registry::Access& access);
// What login and logout take: a registry or a part of it ("quay.io", "quay.io/team", "https://quay.io/v2/"),
// as credential files name it. Errors: InvalidArgument.
absl::StatusOr<std::string> RegistryArgument(absl::string_view text);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_REGISTRY_OPTIONS_H_
