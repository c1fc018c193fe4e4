// Capabilities, security options, sysctls.
#include <climits>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "cli/container_options.h"
#include "oci/capability_names.h"

namespace coracle::cli {
namespace {

using store::ContainerConfig;

void AddPaths(absl::string_view paths, google::protobuf::RepeatedPtrField<std::string>* list) {
  for (const absl::string_view path : absl::StrSplit(paths, ':', absl::SkipEmpty()))
    list->Add(std::string(path));
}

absl::Status ReadSeccomp(const std::string& text, const std::string& value, ContainerConfig& config) {
  if (value == "unconfined" || value.empty()) {
    config.set_seccomp_profile(value);
    return absl::OkStatus();
  }
  char resolved[PATH_MAX];
  if (realpath(value.c_str(), resolved) == nullptr) {
    return WithExitCode(ErrnoStatus(errno, absl::StrCat("--security-opt ", text)), 125);
  }
  config.set_seccomp_profile(resolved);
  return absl::OkStatus();
}

absl::Status ReadSecurityOption(const std::string& text, ContainerConfig& config) {
  // docker wrote "seccomp:FILE" once; podman and docker still take it.
  const size_t separator = text.find_first_of("=:");
  const std::string key = text.substr(0, separator);
  const std::string value = separator == std::string::npos ? "" : text.substr(separator + 1);
  if (key == "no-new-privileges") {
    if (!value.empty() && value != "true" && value != "false")
      return OptionError("security-opt", text, "expected true or false");
    config.set_no_new_privileges(value != "false");
  } else if (key == "seccomp") {
    return ReadSeccomp(text, value, config);
  } else if (key == "apparmor") {
    config.set_apparmor_profile(value);
  } else if (key == "label") {
    if (value != "disable") return NotSupportedYet(absl::StrCat("--security-opt ", text));
  } else if (key == "mask") {
    AddPaths(value, config.mutable_masked_paths_add());
  } else if (key == "unmask") {
    AddPaths(value, config.mutable_unmasked_paths());
  } else if (key == "systempaths") {
    if (value != "unconfined") return OptionError("security-opt", text, "expected systempaths=unconfined");
    config.add_unmasked_paths("ALL");
  } else if (key == "proc-opts") {
    config.set_proc_opts(value);
  } else {
    return OptionError("security-opt", text, "unknown option");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadSecurityOptions(const ParsedCommand& parsed, ContainerConfig& config) {
  for (const char* option : {"cap-add", "cap-drop"}) {
    for (const std::string& name : parsed.GetList(option)) {
      const auto capability = oci::NormalizeCapability(name);
      if (!capability.ok()) return OptionError(option, name, "no such capability");
      (absl::string_view(option) == "cap-add" ? config.mutable_cap_add() : config.mutable_cap_drop())
          ->Add(std::string(*capability));
    }
  }
  config.set_privileged(parsed.GetBool("privileged"));
  for (const std::string& text : parsed.GetList("security-opt"))
    RETURN_IF_ERROR(ReadSecurityOption(text, config));
  for (const std::string& text : parsed.GetList("sysctl")) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (parts.first.empty() || !absl::StrContains(text, '='))
      return OptionError("sysctl", text, "expected NAME=VALUE");
    store::StringPair* pair = config.add_sysctls();
    pair->set_key(parts.first);
    pair->set_value(parts.second);
  }
  return absl::OkStatus();
}

}  // namespace coracle::cli
