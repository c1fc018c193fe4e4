#include "cli/registry_options.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "base/text.h"
#include "base/time_format.h"
#include "cli/enter.h"
#include "cli/output.h"
#include "oci/reference.h"
#include "registry/auth_file.h"

namespace coracle::cli {
namespace {

std::string StringIfAny(const ParsedCommand& parsed, absl::string_view name) {
  return FindOption(parsed.command(), name) == nullptr ? "" : parsed.GetString(name);
}

bool Given(const ParsedCommand& parsed, absl::string_view name) {
  return FindOption(parsed.command(), name) != nullptr && parsed.WasSet(name);
}

}  // namespace

registry::AccessOptions ReadAccessOptions(const ParsedCommand& parsed) {
  registry::AccessOptions options;
  options.paths = registry::UserPathsFromEnvironment(CallingUser());
  // docker's --config: a directory whose config.json has the credentials.
  if (parsed.GlobalWasSet("config")) options.paths.docker_config = parsed.GlobalString("config");
  options.authfile = StringIfAny(parsed, "authfile");
  options.creds = StringIfAny(parsed, "creds");
  options.cert_dir = StringIfAny(parsed, "cert-dir");
  if (Given(parsed, "tls-verify")) options.tls_verify = parsed.GetBool("tls-verify");
  registry::RetryOptions& retry = options.client.retry;
  if (Given(parsed, "retry"))
    retry.retries = static_cast<int>(std::min<uint64_t>(parsed.GetUint("retry"), 1000));
  if (Given(parsed, "retry-delay")) {
    const auto delay = ParseGoDuration(parsed.GetString("retry-delay"));
    // A delay that was asked for is the delay, not the first of ever longer ones.
    if (delay.ok()) retry.delay = retry.max_delay = *delay;
  }
  return options;
}

absl::StatusOr<registry::Access> OpenAccess(const ParsedCommand& parsed) {
  auto access = registry::Access::Open(ReadAccessOptions(parsed));
  if (!access.ok()) return WithExitCode(access.status(), 125);
  return access;
}

void PrintAccessWarnings(registry::Access& access) {
  for (const std::string& warning : access.TakeWarnings()) PrintWarning(warning);
}

std::string DefaultRegistry(const registry::Access& access) {
  const auto& search = access.config().search_registries;
  return search.has_value() && !search->empty() ? search->front() : oci::kDefaultDomain;
}

absl::StatusOr<std::string> RegistryArgument(absl::string_view text) {
  const std::string key = registry::NormalAuthKey(text);
  const std::string probe = key.find('/') == std::string::npos ? absl::StrCat(key, "/x") : key;
  const auto parsed = oci::ImageReference::Parse(probe);
  if (!parsed.ok() || oci::IsShortName(probe) || !parsed->tag().empty() || !parsed->digest().empty()) {
    return WithExitCode(
        absl::InvalidArgumentError(
            absl::StrCat("\"", Printable(text), "\" names no registry, such as quay.io or localhost:5000")),
        125);
  }
  return key;
}

}  // namespace coracle::cli
