#include "cli/build_options.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "build/fetch_url.h"
#include "build/git_source.h"
#include "cli/build_context.h"
#include "cli/container_options.h"
#include "cli/transfer_options.h"
#include "engine/transfer.h"
#include "oci/reference.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

constexpr size_t kMaxArgFileBytes = 1 << 20;
constexpr absl::string_view kEpochName = "SOURCE_DATE_EPOCH";

using build::BuildRequest;

std::pair<std::string, std::string> SplitPair(const std::string& text) {
  return absl::StrSplit(text, absl::MaxSplits('=', 1));
}

// NAME=VALUE, or NAME with its value from the environment; not set there: as if it were not given.
void AddBuildArg(const std::string& text, BuildRequest& request) {
  if (absl::StrContains(text, '=')) {
    const auto [name, value] = SplitPair(text);
    request.build_args[name] = value;
    return;
  }
  const char* value = getenv(text.c_str());
  if (value != nullptr) request.build_args[text] = value;
}

absl::Status ReadBuildArgs(const ParsedCommand& parsed, BuildRequest& request) {
  for (const std::string& path : parsed.GetList("build-arg-file")) {
    ASSIGN_OR_RETURN(const std::string text, os::ReadFileAt(AT_FDCWD, path, kMaxArgFileBytes),
                     "--build-arg-file");
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      line = absl::StripAsciiWhitespace(line);
      if (!line.empty() && line[0] != '#') AddBuildArg(std::string(line), request);
    }
  }
  for (const std::string& text : parsed.GetList("build-arg")) {
    if (text.empty() || text[0] == '=') return OptionError("build-arg", text, "expected NAME[=VALUE]");
    AddBuildArg(text, request);
  }
  return absl::OkStatus();
}

absl::Status ReadPairs(const ParsedCommand& parsed, absl::string_view option,
                       std::vector<std::pair<std::string, std::string>>& pairs) {
  for (const std::string& text : parsed.GetList(option)) {
    auto pair = SplitPair(text);
    if (pair.first.empty()) return OptionError(option, text, "expected KEY=VALUE");
    pairs.push_back(std::move(pair));
  }
  return absl::OkStatus();
}

absl::Status ReadTags(const ParsedCommand& parsed, BuildRequest& request) {
  for (const std::string& text : parsed.GetList("tag")) {
    const auto name = oci::ImageReference::ParseLocal(text);
    if (!name.ok()) return OptionError("tag", text, name.status().message());
    if (!name->digest().empty()) return OptionError("tag", text, "a name with a digest can't be given");
    request.tags.push_back(name->WithTagOrDefault().str());
  }
  return absl::OkStatus();
}

// A place outside that a build may look at: an absolute path without links.
absl::StatusOr<std::string> Place(const std::string& path) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr) return ErrnoStatus(errno, path);
  return std::string(resolved);
}

// id=ID[,src=FILE|,env=NAME][,type=file|env]
absl::Status ReadSecret(const std::string& text, BuildRequest& request) {
  std::string id, type;
  build::SecretSource source;
  for (const absl::string_view field : absl::StrSplit(text, ',')) {
    const auto [key, value] = SplitPair(std::string(field));
    if (key == "id") {
      id = value;
    } else if (key == "src" || key == "source") {
      source.file = value;
    } else if (key == "env") {
      source.variable = value;
    } else if (key == "type" && (value == "file" || value == "env")) {
      type = value;
    } else {
      return OptionError("secret", text, "expected id=ID[,src=FILE|,env=NAME]");
    }
  }
  if (id.empty()) return OptionError("secret", text, "it has no id");
  if (type == "env" && source.variable.empty()) std::swap(source.variable, source.file);
  // An id alone names a variable if there is one, else a file.
  if (source.variable.empty() && source.file.empty())
    ((type != "file" && getenv(id.c_str()) != nullptr) ? source.variable : source.file) = id;
  if (!source.file.empty()) {
    const auto path = Place(source.file);
    if (!path.ok()) return OptionError("secret", text, path.status().message());
    source.file = *path;
  }
  request.secrets[id] = std::move(source);
  return absl::OkStatus();
}

// default, ID, ID=SOCKET
absl::Status ReadSsh(const std::string& text, BuildRequest& request) {
  auto [id, place] = SplitPair(text);
  if (id.empty()) return OptionError("ssh", text, "expected default or ID=SOCKET");
  if (place.empty()) {
    const char* agent = getenv("SSH_AUTH_SOCK");
    if (agent == nullptr || *agent == '\0') return OptionError("ssh", text, "$SSH_AUTH_SOCK is not set");
    place = agent;
  }
  struct stat info;
  if (stat(place.c_str(), &info) != 0) return OptionError("ssh", text, ErrnoStatus(errno, place).message());
  if (!S_ISSOCK(info.st_mode))
    return NotSupportedYet(absl::StrCat("--ssh ", text, " (a key, not an agent's socket)"));
  ASSIGN_OR_RETURN(request.ssh[id], Place(place));
  return absl::OkStatus();
}

// NAME=PLACE
absl::Status ReadContext(const std::string& text, BuildRequest& request) {
  const auto [name, place] = SplitPair(text);
  if (name.empty() || place.empty()) return OptionError("build-context", text, "expected NAME=PLACE");
  absl::string_view image = place;
  for (const absl::string_view prefix : {"docker-image://", "container-image://", "docker://"}) {
    if (!absl::ConsumePrefix(&image, prefix)) continue;
    request.build_contexts[name] = absl::StrCat("docker-image://", image);
    return absl::OkStatus();
  }
  absl::string_view layout = place;
  if (absl::ConsumePrefix(&layout, "oci-layout://")) {
    // PATH[:TAG] or PATH@DIGEST, as the transport oci: has it.
    request.build_contexts[name] = absl::StrCat("docker-image://oci:", layout);
    return absl::OkStatus();
  }
  // Fetched when there is a place for it.
  if (build::IsGitUrl(place) || build::IsHttpUrl(place)) {
    request.build_contexts[name] = place;
    return absl::OkStatus();
  }
  if (absl::StrContains(place, "://")) return NotSupportedYet(absl::StrCat("--build-context ", text));
  const auto path = Place(place);
  if (!path.ok()) return OptionError("build-context", text, path.status().message());
  request.build_contexts[name] = *path;
  return ReadIgnoresOf(*path, name, request);
}

absl::Status ReadEpoch(const ParsedCommand& parsed, BuildRequest& request) {
  std::string text = parsed.GetString("source-date-epoch");
  std::string where = "--source-date-epoch";
  const auto argument = request.build_args.find(std::string(kEpochName));
  const char* variable = getenv(std::string(kEpochName).c_str());
  if (text.empty() && argument != request.build_args.end()) {
    text = argument->second;
    where = "build argument SOURCE_DATE_EPOCH";
  } else if (text.empty() && variable != nullptr) {
    text = variable;
    where = "$SOURCE_DATE_EPOCH";
    if (!text.empty()) request.build_args.emplace(kEpochName, text);
  }
  if (text.empty()) return absl::OkStatus();
  int64_t seconds = 0;
  // What RFC 3339 can write.
  if (!absl::SimpleAtoi(text, &seconds) || seconds < 0 || seconds > 253402300799) {
    return WithExitCode(absl::InvalidArgumentError(
                            absl::StrCat(where, ": \"", text, "\" is no number of seconds since 1970")),
                        125);
  }
  request.epoch = seconds;
  return absl::OkStatus();
}

absl::Status ReadResult(const ParsedCommand& parsed, BuildRequest& request) {
  RETURN_IF_ERROR(ReadTags(parsed, request));
  RETURN_IF_ERROR(ReadPairs(parsed, "label", request.labels));
  RETURN_IF_ERROR(ReadPairs(parsed, "annotation", request.annotations));
  for (auto& [key, value] : request.annotations) key = std::string(absl::StripPrefix(key, "manifest:"));
  const std::string format = parsed.GetString("format");
  if (format != "oci" && format != "docker") return OptionError("format", format, "expected oci or docker");
  request.docker_format = format == "docker";
  request.squash = parsed.GetBool("squash");
  return ReadEpoch(parsed, request);
}

}  // namespace

absl::StatusOr<std::vector<std::optional<oci::Platform>>> ReadBuildPlatforms(const ParsedCommand& parsed) {
  std::vector<std::optional<oci::Platform>> platforms;
  std::set<std::string> seen;
  for (const std::string& list : parsed.GetList("platform")) {
    for (const absl::string_view text : absl::StrSplit(list, ',', absl::SkipEmpty())) {
      absl::StatusOr<oci::Platform> platform = oci::HostPlatform();
      if (text != "local") platform = oci::ParsePlatform(text);
      if (!platform.ok()) return OptionError("platform", text, platform.status().message());
      if (seen.insert(oci::PlatformName(*platform)).second) platforms.emplace_back(*std::move(platform));
    }
  }
  if (platforms.size() > 1) return platforms;
  if (platforms.empty()) {
    ASSIGN_OR_RETURN(platforms.emplace_back(), ReadPlatform(parsed));
  }
  return platforms;
}

absl::Status ReadBuildOptions(const ParsedCommand& parsed, BuildRequest& request) {
  RETURN_IF_ERROR(ReadBuildArgs(parsed, request));
  RETURN_IF_ERROR(ReadResult(parsed, request));
  for (const std::string& text : parsed.GetList("secret")) RETURN_IF_ERROR(ReadSecret(text, request));
  for (const std::string& text : parsed.GetList("ssh")) RETURN_IF_ERROR(ReadSsh(text, request));
  for (const std::string& text : parsed.GetList("build-context")) RETURN_IF_ERROR(ReadContext(text, request));
  request.target = parsed.GetString("target");
  request.no_cache = parsed.GetBool("no-cache");
  const auto pull = engine::ParsePullPolicy(parsed.GetString("pull"));
  if (!pull.ok()) return OptionError("pull", parsed.GetString("pull"), pull.status().message());
  request.pull = parsed.GetString("pull");
  request.jobs = static_cast<int>(parsed.GetInt("jobs"));
  if (parsed.GetInt("jobs") < 0 || parsed.GetInt("jobs") > 1024)
    return OptionError("jobs", parsed.GetString("jobs"), "expected 0 to 1024");
  for (const std::string& stages : parsed.GetList("no-cache-filter")) {
    for (const absl::string_view stage : absl::StrSplit(stages, ',', absl::SkipEmpty()))
      request.no_cache_stages.push_back(absl::AsciiStrToLower(stage));
  }
  request.base_override = parsed.GetString("from");
  ASSIGN_OR_RETURN(request.environment, ReadEnvironment({}, parsed.GetList("env")));
  request.unset_environment = parsed.GetList("unsetenv");
  request.unset_labels = parsed.GetList("unsetlabel");
  request.omit_history = parsed.GetBool("omit-history");
  request.keep_failed = parsed.GetBool("debug-shell");
  request.storage_driver = parsed.GlobalString("storage-driver");
  return ReadStepOptions(parsed, request);
}

}  // namespace coracle::cli
