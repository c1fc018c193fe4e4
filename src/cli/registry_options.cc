#include "cli/registry_options.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/transfer_options.h"
#include "oci/reference.h"
#include "registry/auth_file.h"

namespace coracle::cli {

absl::StatusOr<registry::Access> OpenAccess(const ParsedCommand& parsed) {
  ASSIGN_OR_RETURN(registry::AccessOptions options, ReadAccessOptions(parsed));
  auto access = registry::Access::Open(std::move(options));
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
