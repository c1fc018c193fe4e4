#include "registry/credential_helper.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/json.h"
#include "base/status.h"
#include "base/text.h"
#include "os/run_program.h"

namespace coracle::registry {
namespace {

constexpr char kTokenUser[] = "<token>";  // the secret is an identity token
constexpr char kNothingStored[] = "credentials not found";
constexpr size_t kMaxShown = 200;

bool IsNameCharacter(char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; }

std::string Member(const Json& object, absl::string_view key) {
  const Json* member = Find(object, key);
  return member != nullptr && member->is_string() ? member->get<std::string>() : "";
}

absl::string_view FirstLine(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  return text.substr(0, std::min(text.find('\n'), kMaxShown));
}

}  // namespace

absl::StatusOr<CredentialHelper> CredentialHelper::Named(absl::string_view name) {
  if (name.empty() || !std::all_of(name.begin(), name.end(), IsNameCharacter)) {
    return absl::InvalidArgumentError(
        absl::StrCat("credential helper \"", Printable(name), "\": is no name of a program"));
  }
  CredentialHelper helper;
  helper.program_ = absl::StrCat("docker-credential-", name);
  return helper;
}

bool CredentialHelper::installed() const { return !os::FindInPath(program_).empty(); }

absl::StatusOr<std::string> CredentialHelper::Ask(const char* action, absl::string_view input) const {
  const std::string path = os::FindInPath(program_);
  if (path.empty()) return absl::NotFoundError(absl::StrCat(program_, ": is not in PATH"));
  const std::string args[] = {program_, action};
  ASSIGN_OR_RETURN(os::ProgramResult result,
                   os::RunProgram(path, args, input, absl::Seconds(kHelperTimeoutSeconds), kMaxHelperAnswer));
  if (result.exit.Code() == 0) return std::move(result.output);
  // An answer of a failed run is a message, by the protocol; the store's own word for "nothing" is fixed.
  const absl::string_view said = FirstLine(result.output);
  const std::string message =
      absl::StrCat(program_, " ", action, ": ",
                   said.empty() ? absl::StrCat("exit code ", result.exit.Code()) : Printable(said));
  if (absl::StartsWith(said, kNothingStored)) return absl::NotFoundError(message);
  return absl::UnavailableError(message);
}

absl::StatusOr<Credentials> CredentialHelper::Get(absl::string_view server) const {
  ASSIGN_OR_RETURN(const std::string answer, Ask("get", server));
  const auto document = ParseJson(answer);
  // Not the parser's message: no part of the answer may be shown.
  if (!document.ok() || !document->is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(program_, " get: the answer is no JSON object"));
  }
  Credentials credentials;
  credentials.username = Member(*document, "Username");
  credentials.password = Member(*document, "Secret");
  if (credentials.username == kTokenUser) {
    credentials.identity_token = std::move(credentials.password);
    credentials.username.clear();
    credentials.password.clear();
  }
  if (credentials.empty())
    return absl::NotFoundError(absl::StrCat(program_, " get: nothing for ", Printable(server)));
  return credentials;
}

absl::Status CredentialHelper::Store(absl::string_view server, const Credentials& credentials) const {
  const bool token = !credentials.identity_token.empty();
  Json request = Json::object();
  request["ServerURL"] = std::string(server);
  request["Username"] = token ? kTokenUser : credentials.username;
  request["Secret"] = token ? credentials.identity_token : credentials.password;
  return Ask("store", DumpJson(request)).status();
}

absl::Status CredentialHelper::Erase(absl::string_view server) const { return Ask("erase", server).status(); }

absl::StatusOr<std::vector<std::string>> CredentialHelper::List() const {
  ASSIGN_OR_RETURN(const std::string answer, Ask("list", ""));
  const auto document = ParseJson(answer);
  if (!document.ok() || !(document->is_object() || document->is_null())) {
    return absl::InvalidArgumentError(absl::StrCat(program_, " list: the answer is no JSON object"));
  }
  std::vector<std::string> servers;
  if (document->is_object()) {
    for (const auto& item : document->items()) servers.push_back(item.key());
  }
  return servers;
}

}  // namespace coracle::registry
