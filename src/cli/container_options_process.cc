// What the first process is: environment, user, directory, entry point.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/json.h"
#include "base/name_value.h"
#include "base/status.h"
#include "cli/container_options.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

constexpr size_t kMaxEnvFileBytes = 8 << 20;

void AddEntry(std::vector<std::string>& env, const std::string& entry) {
  if (absl::StrContains(entry, '=')) {
    SetByName(env, entry);
  } else if (absl::EndsWith(entry, "*")) {
    const absl::string_view prefix = absl::string_view(entry).substr(0, entry.size() - 1);
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (absl::StartsWith(*variable, prefix)) SetByName(env, *variable);
    }
  } else if (const char* value = getenv(entry.c_str()); value != nullptr) {
    SetByName(env, absl::StrCat(entry, "=", value));
  }
}

absl::Status AddFile(std::vector<std::string>& env, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFileAt(AT_FDCWD, path, kMaxEnvFileBytes), "--env-file");
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripLeadingAsciiWhitespace(absl::StripSuffix(line, "\r"));
    if (line.empty() || line[0] == '#') continue;
    const absl::string_view name = NameOf(line);
    if (name.empty() || absl::StrContains(name, ' ')) {
      return OptionError("env-file", path, absl::StrCat("line ", number, " has no valid variable name"));
    }
    AddEntry(env, std::string(line));
  }
  return absl::OkStatus();
}

absl::Status ReadEntrypoint(const ParsedCommand& parsed, engine::CreateRequest& request) {
  request.entrypoint_given = parsed.WasSet("entrypoint");
  const std::string text = parsed.GetString("entrypoint");
  if (text.empty()) return absl::OkStatus();
  if (text[0] != '[') {
    request.config.add_entrypoint(text);
    return absl::OkStatus();
  }
  const auto json = ParseJson(text);
  if (!json.ok() || !json->is_array()) return OptionError("entrypoint", text, "not a JSON array of strings");
  for (const Json& item : *json) {
    if (!item.is_string()) return OptionError("entrypoint", text, "not a JSON array of strings");
    request.config.add_entrypoint(item.get<std::string>());
  }
  return absl::OkStatus();
}

void AddProxies(std::vector<std::string>& env) {
  for (const char* name : {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY",
                           "FTP_PROXY", "NO_PROXY"}) {
    AddEntry(env, name);
  }
}

absl::Status ReadTimezone(const ParsedCommand& parsed, store::ContainerConfig& config) {
  const std::string zone = parsed.GetString("tz");
  if (zone.empty()) return absl::OkStatus();
  const std::string file = zone == "local" ? "/etc/localtime" : absl::StrCat("/usr/share/zoneinfo/", zone);
  if (absl::StrContains(zone, "..") || !os::ExistsAt(AT_FDCWD, file)) {
    return OptionError("tz", zone, "no such time zone on this host");
  }
  config.set_timezone(zone);
  store::Mount* mount = config.add_mounts();
  mount->set_type("bind");
  mount->set_source(file);
  mount->set_destination("/etc/localtime");
  for (const char* option : {"bind", "ro", "nosuid", "nodev", "noexec"}) mount->add_options(option);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadEnvironment(const std::vector<std::string>& files,
                                                         const std::vector<std::string>& entries) {
  std::vector<std::string> env;
  for (const std::string& file : files) RETURN_IF_ERROR(AddFile(env, file));
  for (const std::string& entry : entries) {
    if (entry.empty() || entry[0] == '=') return OptionError("env", entry, "no variable name");
    AddEntry(env, entry);
  }
  return env;
}

absl::Status ReadProcessOptions(const ParsedCommand& parsed, engine::CreateRequest& request) {
  store::ContainerConfig& config = request.config;
  RETURN_IF_ERROR(ReadEntrypoint(parsed, request));
  if (parsed.GetBool("env-host")) {
    for (char** variable = environ; *variable != nullptr; ++variable)
      SetByName(request.default_env, *variable);
  }
  if (parsed.GetBool("http-proxy")) AddProxies(request.default_env);
  ASSIGN_OR_RETURN(const std::vector<std::string> env,
                   ReadEnvironment(parsed.GetList("env-file"), parsed.GetList("env")));
  for (const std::string& entry : env) config.add_env(entry);
  request.unset_env = parsed.GetList("unsetenv");
  for (const std::string& group : parsed.GetList("group-add")) {
    if (group == "keep-groups") return NotSupportedYet("--group-add keep-groups");
    config.add_group_add(group);
  }
  config.set_hostname(parsed.GetString("hostname"));
  if (config.hostname().size() > 64)
    return OptionError("hostname", config.hostname(), "longer than 64 characters");
  config.set_domainname(parsed.GetString("domainname"));
  config.set_init(parsed.GetBool("init"));
  if (parsed.GetString("systemd") == "always") return NotSupportedYet("--systemd always");
  if (parsed.WasSet("umask")) {
    const std::string umask = parsed.GetString("umask");
    char* end = nullptr;
    const unsigned long value = strtoul(umask.c_str(), &end, 8);
    if (umask.empty() || *end != '\0' || value > 0777)
      return OptionError("umask", umask, "not an octal file mode mask");
    config.set_umask(static_cast<uint32_t>(value));
  }
  config.set_user(parsed.GetString("user"));
  config.set_workdir(parsed.GetString("workdir"));
  return ReadTimezone(parsed, config);
}

}  // namespace coracle::cli
