#include "cli/container_options.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

using engine::CreateRequest;
using store::ContainerConfig;

constexpr size_t kMaxOptionFileBytes = 8 << 20;

void AddPair(const std::string& entry, google::protobuf::RepeatedPtrField<store::StringPair>* pairs) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(entry, absl::MaxSplits('=', 1));
  for (store::StringPair& pair : *pairs) {
    if (pair.key() != parts.first) continue;
    pair.set_value(parts.second);
    return;
  }
  store::StringPair* pair = pairs->Add();
  pair->set_key(parts.first);
  pair->set_value(parts.second);
}

absl::Status ReadLabels(const ParsedCommand& parsed, ContainerConfig& config) {
  for (const std::string& path : parsed.GetList("label-file")) {
    ASSIGN_OR_RETURN(const std::string text, os::ReadFileAt(AT_FDCWD, path, kMaxOptionFileBytes),
                     "--label-file");
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      line = absl::StripAsciiWhitespace(line);
      if (!line.empty() && line[0] != '#') AddPair(std::string(line), config.mutable_labels());
    }
  }
  for (const std::string& label : parsed.GetList("label")) AddPair(label, config.mutable_labels());
  for (const std::string& entry : parsed.GetList("annotation")) {
    if (!absl::StrContains(entry, '=')) return OptionError("annotation", entry, "expected KEY=VALUE");
    AddPair(entry, config.mutable_annotations());
  }
  return absl::OkStatus();
}

absl::Status ReadRestart(const ParsedCommand& parsed, ContainerConfig& config) {
  ASSIGN_OR_RETURN(*config.mutable_restart(), ParseRestartPolicy(parsed.GetString("restart")));
  if (config.restart().name() == "no" || !parsed.GetBool("rm")) return absl::OkStatus();
  return OptionError("restart", parsed.GetString("restart"), "conflicts with --rm");
}

absl::Status CheckName(const std::string& name) {
  if (name.empty()) return absl::OkStatus();
  const bool valid = absl::ascii_isalnum(static_cast<unsigned char>(name[0])) && name.size() <= 200 &&
                     std::all_of(name.begin(), name.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
                     });
  if (valid) return absl::OkStatus();
  return OptionError("name", name,
                     "a name is letters, digits, '_', '.' and '-', beginning with a letter or digit");
}

absl::Status ReadGeneral(const ParsedCommand& parsed, bool is_create, CreateRequest& request) {
  ContainerConfig& config = request.config;
  request.name = parsed.GetString("name");
  RETURN_IF_ERROR(CheckName(request.name));
  request.replace = parsed.GetBool("replace");
  if (request.replace && request.name.empty()) return OptionError("replace", "true", "needs --name");
  // --rmi implies --rm: with the container there, its image would be in use.
  request.auto_remove = parsed.GetBool("rm") || (!is_create && parsed.GetBool("rmi"));
  RETURN_IF_ERROR(ReadLabels(parsed, config));
  RETURN_IF_ERROR(ReadRestart(parsed, config));
  config.set_tty(parsed.GetBool("tty"));
  config.set_open_stdin(parsed.GetBool("interactive"));
  config.set_cid_file(parsed.GetString("cidfile"));
  config.set_pid_file(parsed.GetString("pidfile"));
  config.set_monitor_pid_file(parsed.GetString("conmon-pidfile"));
  config.set_sdnotify(parsed.GetString("sdnotify"));
  static constexpr absl::string_view kNotifiers[] = {"container", "conmon", "healthy", "ignore"};
  if (std::find(std::begin(kNotifiers), std::end(kNotifiers), config.sdnotify()) == std::end(kNotifiers)) {
    return OptionError("sdnotify", config.sdnotify(), "expected container, conmon, healthy or ignore");
  }
  config.set_stop_signal(parsed.GetString("stop-signal"));
  if (parsed.WasSet("stop-timeout")) {
    // -1 waits for ever, which 32 bits of seconds come close to.
    const int64_t seconds = parsed.GetInt("stop-timeout");
    config.set_stop_timeout_seconds(seconds < 0 || seconds > UINT32_MAX ? UINT32_MAX
                                                                        : static_cast<uint32_t>(seconds));
  }
  config.set_timeout_seconds(parsed.GetUint("timeout"));
  for (const std::string& stream : parsed.GetList("attach")) {
    const std::string lower = absl::AsciiStrToLower(stream);
    if (lower != "stdin" && lower != "stdout" && lower != "stderr") {
      return OptionError("attach", stream, "expected stdin, stdout or stderr");
    }
    config.add_attach(lower);
  }
  if (is_create) return absl::OkStatus();
  config.set_detach(parsed.GetBool("detach"));
  if (config.detach() && parsed.GetBool("rmi")) return NotSupportedYet("--rmi with --detach");
  config.set_detach_keys(parsed.GetString("detach-keys"));
  config.set_preserve_fds(static_cast<uint32_t>(parsed.GetUint("preserve-fds")));
  if (config.detach() && !config.attach().empty())
    return OptionError("attach", "", "conflicts with --detach");
  return absl::OkStatus();
}

absl::Status ReadImageAndCommand(const ParsedCommand& parsed, CreateRequest& request) {
  const std::vector<std::string>& args = parsed.args();
  if (parsed.GetBool("rootfs")) {
    absl::string_view directory = args[0];
    if (absl::ConsumeSuffix(&directory, ":O")) request.config.set_rootfs_overlay(true);
    char resolved[PATH_MAX];
    if (realpath(std::string(directory).c_str(), resolved) == nullptr) {
      return WithExitCode(ErrnoStatus(errno, absl::StrCat("rootfs ", directory)), 125);
    }
    request.rootfs = resolved;
  } else {
    request.image = args[0];
  }
  for (size_t i = 1; i < args.size(); ++i) request.config.add_command(args[i]);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<store::RestartPolicy> ParseRestartPolicy(const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  store::RestartPolicy policy;
  policy.set_name(parts.first.empty() || parts.first == "never" ? "no" : parts.first);
  static constexpr absl::string_view kKnown[] = {"no", "on-failure", "always", "unless-stopped"};
  if (std::find(std::begin(kKnown), std::end(kKnown), policy.name()) == std::end(kKnown)) {
    return OptionError("restart", text, "expected no, on-failure[:MAX], always or unless-stopped");
  }
  if (!absl::StrContains(text, ':')) return policy;
  uint32_t retries = 0;
  if (policy.name() != "on-failure" || !absl::SimpleAtoi(parts.second, &retries)) {
    return OptionError("restart", text, "only on-failure takes a number of attempts");
  }
  policy.set_maximum_retries(retries);
  return policy;
}

absl::Status OptionError(absl::string_view option, absl::string_view value, absl::string_view why) {
  const std::string given = value.empty() ? "" : absl::StrCat(" '", value, "'");
  return WithExitCode(absl::InvalidArgumentError(absl::StrCat("--", option, given, ": ", why)), 125);
}

absl::Status NotSupportedYet(absl::string_view what) {
  return WithExitCode(absl::UnimplementedError(absl::StrCat(what, " is not supported yet")), 125);
}

absl::StatusOr<CreateRequest> ReadContainerOptions(const ParsedCommand& parsed, bool is_create) {
  CreateRequest request;
  RETURN_IF_ERROR(ReadGeneral(parsed, is_create, request));
  RETURN_IF_ERROR(ReadProcessOptions(parsed, request));
  RETURN_IF_ERROR(ReadStorageOptions(parsed, request));
  RETURN_IF_ERROR(ReadNetworkOptions(parsed, request.config));
  RETURN_IF_ERROR(ReadNamespaceOptions(parsed, request.config));
  RETURN_IF_ERROR(ReadSecurityOptions(parsed, request.config));
  RETURN_IF_ERROR(ReadLimitOptions(parsed, request.config));
  RETURN_IF_ERROR(ReadLogOptions(parsed, request.config));
  RETURN_IF_ERROR(ReadHealthOptions(parsed, request.config));
  RETURN_IF_ERROR(ReadImageAndCommand(parsed, request));
  return request;
}

}  // namespace coracle::cli
