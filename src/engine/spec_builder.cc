#include "engine/spec_builder.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "engine/environment.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;

// Namespace types of the spec, with the mode of the option that decides each.
struct NamespaceChoice {
  const char* type;
  std::string mode;
};

absl::Status AddNamespaces(const SpecInput& input, oci::Spec& spec) {
  const ContainerConfig& config = input.record->config();
  const NamespaceChoice choices[] = {
      {"pid", config.pid_mode()}, {"network", config.network_mode()}, {"ipc", config.ipc_mode()},
      {"uts", config.uts_mode()}, {"cgroup", config.cgroupns_mode()},
  };
  spec.linux_config.namespaces.push_back({"mount", ""});
  for (const NamespaceChoice& choice : choices) {
    if (choice.mode == "host") continue;
    const auto joined = input.joined.find(choice.type);
    spec.linux_config.namespaces.push_back(
        {choice.type, joined == input.joined.end() ? std::string() : joined->second});
  }
  if (const auto joined = input.joined.find("user"); joined != input.joined.end()) {
    spec.linux_config.namespaces.push_back({"user", joined->second});
  }
  return absl::OkStatus();
}

void AddProcess(const SpecInput& input, oci::Spec& spec) {
  const ContainerConfig& config = input.record->config();
  oci::Process process;
  process.terminal = config.tty();
  process.user = input.user;
  if (config.has_umask()) process.user.umask = config.umask();
  if (config.init()) process.args = {"/run/coracle-init", "--"};
  process.args.insert(process.args.end(), config.args().begin(), config.args().end());
  process.env = Environment(*input.record, input.link_env, input.home, config.tty());
  process.cwd = config.workdir().empty() ? "/" : config.workdir();
  process.no_new_privileges = config.no_new_privileges();
  if (config.has_oom_score_adj()) process.oom_score_adj = config.oom_score_adj();
  process.apparmor_profile = config.apparmor_profile() == "unconfined" ? "" : config.apparmor_profile();
  process.selinux_label = config.selinux_label();
  spec.process = std::move(process);
}

absl::Status AddSysctls(const SpecInput& input, oci::Spec& spec) {
  for (const store::StringPair& sysctl : input.record->config().sysctls()) {
    const bool is_net = absl::StartsWith(sysctl.key(), "net.");
    if (is_net && input.record->config().network_mode() == "host") {
      return WithExitCode(
          absl::InvalidArgumentError(absl::StrCat(
              "sysctl ", sysctl.key(), " is not allowed with --network host: it would change the host's")),
          125);
    }
    spec.linux_config.sysctl[sysctl.key()] = sysctl.value();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<oci::Spec> BuildSpec(const SpecInput& input) {
  const ContainerConfig& config = input.record->config();
  oci::Spec spec;
  spec.root = oci::Root{input.root_path, config.read_only()};
  if (config.uts_mode() != "host" && input.joined.count("uts") == 0) {
    spec.hostname = HostnameOf(*input.record);
    spec.domainname = config.domainname();
  }
  for (const store::StringPair& pair : config.annotations()) spec.annotations[pair.key()] = pair.value();
  AddProcess(input, spec);
  RETURN_IF_ERROR(AddNamespaces(input, spec));
  RETURN_IF_ERROR(AddMounts(input, spec));
  RETURN_IF_ERROR(AddSecurity(input, spec));
  RETURN_IF_ERROR(AddRlimits(input, spec));
  RETURN_IF_ERROR(AddResources(input, spec));
  RETURN_IF_ERROR(AddSysctls(input, spec));
  return spec;
}

}  // namespace coracle::engine
