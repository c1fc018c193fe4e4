// Capabilities, seccomp, masked and read-only paths.
#include <algorithm>

#include "absl/strings/match.h"
#include "base/status.h"
#include "engine/spec_builder.h"
#include "oci/default_spec.h"

namespace coracle::engine {
namespace {

bool IsUnmasked(const store::ContainerConfig& config, absl::string_view path) {
  return std::any_of(config.unmasked_paths().begin(), config.unmasked_paths().end(),
                     [path](const std::string& entry) {
                       return entry == "ALL" || entry == "all" || entry == path ||
                              absl::StartsWith(path, absl::StrCat(entry, "/"));
                     });
}

void AddPaths(const store::ContainerConfig& config, oci::Linux& linux_config) {
  if (!config.privileged()) {
    for (const std::string& path : oci::DefaultMaskedPaths()) {
      if (!IsUnmasked(config, path)) linux_config.masked_paths.push_back(path);
    }
    for (const std::string& path : oci::DefaultReadonlyPaths()) {
      if (!IsUnmasked(config, path)) linux_config.readonly_paths.push_back(path);
    }
  }
  linux_config.masked_paths.insert(linux_config.masked_paths.end(), config.masked_paths_add().begin(),
                                   config.masked_paths_add().end());
}

}  // namespace

absl::Status AddSecurity(const SpecInput& input, oci::Spec& spec) {
  const store::ContainerConfig& config = input.record->config();
  oci::Capabilities capabilities;
  capabilities.bounding = input.capabilities;
  // The inheritable set stays empty, so that it arms no file capability; only what a user other than root was
  // given by name (--cap-add) goes through it, since the ambient set needs it (capabilities(7)).
  if (input.user.uid == 0) {
    capabilities.effective = input.capabilities;
    capabilities.permitted = input.capabilities;
  } else if (!input.added_capabilities.empty()) {
    capabilities.effective = capabilities.permitted = input.added_capabilities;
    capabilities.inheritable = capabilities.ambient = input.added_capabilities;
  }
  spec.process->capabilities = std::move(capabilities);
  if (!config.privileged()) spec.linux_config.seccomp = input.seccomp;
  AddPaths(config, spec.linux_config);
  return absl::OkStatus();
}

}  // namespace coracle::engine
