// Namespaces.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/container_options.h"

namespace coracle::cli {
namespace {

using store::ContainerConfig;

bool IsJoin(absl::string_view mode) {
  return (absl::StartsWith(mode, "container:") && mode.size() > 10) || (absl::StartsWith(mode, "ns:/"));
}

// "" and "private" are the default. `extra` is one more word that this namespace knows.
absl::StatusOr<std::string> Mode(const ParsedCommand& parsed, absl::string_view option,
                                 absl::string_view extra = {}, absl::string_view extra2 = {}) {
  const std::string mode = parsed.GetString(option);
  if (mode.empty() || mode == "private") return std::string();
  if (mode == "host" || IsJoin(mode) || (!extra.empty() && mode == extra) ||
      (!extra2.empty() && mode == extra2)) {
    return mode;
  }
  return OptionError(option, mode, "expected private, host, container:ID or ns:PATH");
}

}  // namespace

absl::Status ReadNamespaceOptions(const ParsedCommand& parsed, ContainerConfig& config) {
  ASSIGN_OR_RETURN(const std::string pid, Mode(parsed, "pid"));
  ASSIGN_OR_RETURN(const std::string ipc, Mode(parsed, "ipc", "shareable", "none"));
  ASSIGN_OR_RETURN(const std::string uts, Mode(parsed, "uts"));
  ASSIGN_OR_RETURN(const std::string cgroupns, Mode(parsed, "cgroupns"));
  config.set_pid_mode(pid);
  config.set_ipc_mode(ipc);
  config.set_uts_mode(uts);
  config.set_cgroupns_mode(cgroupns);
  if (uts == "host" && !config.hostname().empty())
    return OptionError("hostname", config.hostname(), "conflicts with --uts host");
  const std::string userns = parsed.GetString("userns");
  if (!userns.empty() && userns != "host" && !IsJoin(userns))
    return NotSupportedYet(absl::StrCat("--userns ", userns));
  config.set_userns_mode(userns);
  if (!parsed.GetList("uidmap").empty()) return NotSupportedYet("--uidmap");
  if (!parsed.GetList("gidmap").empty()) return NotSupportedYet("--gidmap");
  return absl::OkStatus();
}

}  // namespace coracle::cli
