// login: verifies credentials at the registry, then stores them.
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error_context.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/prompt.h"
#include "cli/registry_options.h"
#include "cli/transfer_options.h"
#include "os/file.h"
#include "registry/auth_file.h"

namespace coracle::cli {
namespace {

using registry::Access;
using registry::Credentials;

constexpr size_t kMaxPassword = 1 << 20;

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

absl::Status CheckOptions(const ParsedCommand& parsed) {
  if (parsed.GetBool("password-stdin")) {
    if (parsed.WasSet("password")) return Refuse("--password and --password-stdin exclude each other");
    if (!parsed.WasSet("username")) return Refuse("--password-stdin needs --username");
  }
  if (parsed.WasSet("authfile") && parsed.WasSet("compat-auth-file")) {
    return Refuse("--authfile and --compat-auth-file exclude each other");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> PasswordFromInput() {
  ASSIGN_OR_RETURN(const std::string input, os::ReadAll(STDIN_FILENO, kMaxPassword), "read the password");
  absl::string_view password = input;
  // The line end of `echo` and of a file belongs to no password.
  if (absl::ConsumeSuffix(&password, "\n")) absl::ConsumeSuffix(&password, "\r");
  if (password.empty()) return Refuse("standard input has no password");
  return std::string(password);
}

absl::Status Verify(const Access& access, const std::string& key, const Credentials& credentials) {
  const std::string host = registry::HostOfAuthKey(key);
  ASSIGN_OR_RETURN(const std::unique_ptr<registry::Client> client,
                   access.ConnectAs(host, access.IsInsecure(host), credentials));
  const absl::Status answer = client->Ping();
  if (absl::IsUnauthenticated(answer) || absl::IsPermissionDenied(answer)) {
    return absl::UnauthenticatedError("invalid username/password");
  }
  return answer;
}

absl::StatusOr<Credentials> AskForThem(const ParsedCommand& parsed, const Credentials& known) {
  Credentials credentials;
  credentials.username = parsed.GetString("username");
  credentials.password = parsed.GetString("password");
  if (parsed.GetBool("password-stdin")) {
    ASSIGN_OR_RETURN(credentials.password, PasswordFromInput());
  }
  if (!credentials.username.empty() && !credentials.password.empty()) return credentials;
  if (!CanAsk()) {
    return WithHint(Refuse("nobody can be asked for user and password without a terminal"),
                    "use --username and --password-stdin");
  }
  if (credentials.username.empty()) {
    ASSIGN_OR_RETURN(
        credentials.username,
        Ask(known.username.empty() ? "Username: " : absl::StrCat("Username (", known.username, "): ")),
        "user name");
    if (credentials.username.empty()) credentials.username = known.username;
    if (credentials.username.empty()) return Refuse("no user name was given");
  }
  if (credentials.password.empty()) {
    ASSIGN_OR_RETURN(credentials.password, AskSecret("Password: "), "password");
    if (credentials.password.empty()) return Refuse("no password was given");
  }
  return credentials;
}

// Those that are stored already, if nothing was said about others and the registry still takes them.
bool ExistingWork(Invocation& invocation, const Access& access, const std::string& key,
                  const Credentials& known) {
  const ParsedCommand& parsed = invocation.parsed();
  if (known.empty() || parsed.WasSet("username") || parsed.WasSet("password")) return false;
  invocation.out().WriteLine(absl::StrCat("Authenticating with existing credentials for ", key));
  const absl::Status valid = Verify(access, key, known);
  if (!valid.ok()) {
    PrintWarning(absl::StrCat("the stored credentials for ", key, " are not taken: ", StatusLine(valid)));
    return false;
  }
  invocation.out().WriteLine(absl::StrCat("Existing credentials are valid. Already logged in to ", key));
  return true;
}

absl::StatusOr<Credentials> Known(Access& access, const std::string& key) {
  auto found = access.credentials().Find(key);
  // A chosen file that is still to be made.
  if (ErrnoOf(found.status()) == ENOENT) return Credentials();
  return found;
}

absl::Status PrintLogin(Invocation& invocation, const std::string& key, const Credentials& known) {
  if (known.empty()) return WithExitCode(absl::NotFoundError(absl::StrCat("not logged into ", key)), 125);
  invocation.out().WriteLine(known.username.empty() ? "<token>" : known.username);
  return absl::OkStatus();
}

absl::Status Login(Invocation& invocation, Access& access, const std::string& key) {
  const ParsedCommand& parsed = invocation.parsed();
  ASSIGN_OR_RETURN(const Credentials known, Known(access, key));
  if (parsed.GetBool("get-login")) return PrintLogin(invocation, key, known);
  if (ExistingWork(invocation, access, key, known)) return absl::OkStatus();
  (void)invocation.out().Flush();  // before questions; reported at the end
  ASSIGN_OR_RETURN(const Credentials credentials, AskForThem(parsed, known));
  RETURN_IF_ERROR(AnnotateNaming(Verify(access, key, credentials), absl::StrCat("log in to ", key), key));
  ASSIGN_OR_RETURN(const std::string where, access.credentials().Save(key, credentials),
                   "store the credentials for ", key);
  if (parsed.GetBool("verbose")) invocation.out().WriteLine(absl::StrCat("Used: ", where));
  invocation.out().WriteLine("Login Succeeded!");
  return absl::OkStatus();
}

absl::Status Run(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  RETURN_IF_ERROR(CheckOptions(parsed));
  ASSIGN_OR_RETURN(registry::AccessOptions options, ReadAccessOptions(parsed));
  if (parsed.WasSet("compat-auth-file")) options.authfile = parsed.GetString("compat-auth-file");
  ASSIGN_OR_RETURN(Access access, Access::Open(std::move(options)));
  ASSIGN_OR_RETURN(const std::string key, RegistryArgument(invocation.args().empty() ? DefaultRegistry(access)
                                                                                     : invocation.args()[0]));
  if (parsed.WasSet("password"))
    PrintWarning("others can read --password in the list of processes: use --password-stdin");
  const absl::Status status = Login(invocation, access, key);
  PrintAccessWarnings(access);
  return status;
}

}  // namespace

int CmdLogin(Invocation& invocation) { return invocation.Fail(Run(invocation)); }

}  // namespace coracle::cli
