#include "oci/change.h"

#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/signal_name.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::oci {
namespace {

using Words = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// The list of strings that `text` is in JSON; nothing if it is no JSON list.
absl::StatusOr<std::optional<Words>> ParseList(absl::string_view text) {
  if (!absl::StartsWith(text, "[")) return std::nullopt;
  const absl::StatusOr<Json> list = ParseJson(text);
  if (!list.ok() || !list->is_array()) return std::nullopt;  // `[ -f x ] && y` is a shell line
  Words words;
  for (const Json& item : *list) {
    if (!item.is_string()) return absl::InvalidArgumentError("the list must have strings only");
    words.push_back(item.get<std::string>());
  }
  return words;
}

absl::StatusOr<Words> ParseCommand(absl::string_view text, const Words& shell) {
  ASSIGN_OR_RETURN(std::optional<Words> list, ParseList(text));
  if (list.has_value()) return *std::move(list);
  Words words = shell.empty() ? Words{"/bin/sh", "-c"} : shell;
  words.push_back(std::string(text));
  return words;
}

// "a=b c=d", or the old "a b c" that sets a to "b c".
absl::StatusOr<Pairs> ParsePairs(absl::string_view text) {
  ASSIGN_OR_RETURN(const Words words, SplitDockerWords(text));
  if (words.empty()) return absl::InvalidArgumentError("needs NAME=VALUE");
  Pairs pairs;
  if (!absl::StrContains(words[0], '=')) {
    if (words.size() < 2) return absl::InvalidArgumentError("needs NAME=VALUE");
    pairs.emplace_back(words[0], absl::StrJoin(words.begin() + 1, words.end(), " "));
    return pairs;
  }
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(absl::StrCat("\"", Printable(word), "\" is not NAME=VALUE"));
    }
    pairs.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return pairs;
}

absl::Status AddPorts(absl::string_view text, ContainerDefaults* defaults) {
  ASSIGN_OR_RETURN(const Words words, SplitDockerWords(text));
  for (const std::string& word : words) {
    ASSIGN_OR_RETURN(const Words ports, ParseExposedPorts(word));
    for (const std::string& port : ports) defaults->exposed_ports[port];
  }
  return absl::OkStatus();
}

absl::Status AddVolumes(absl::string_view text, ContainerDefaults* defaults) {
  ASSIGN_OR_RETURN(std::optional<Words> volumes, ParseList(text));
  if (!volumes.has_value()) {
    ASSIGN_OR_RETURN(volumes, SplitDockerWords(text));
  }
  for (const std::string& volume : *volumes) {
    if (volume.empty()) return absl::InvalidArgumentError("a volume's path is empty");
    defaults->volumes[volume];
  }
  return absl::OkStatus();
}

// `path` below `base` unless absolute, without ".", ".." and repeated slashes.
std::string JoinPath(absl::string_view base, absl::string_view path) {
  std::vector<absl::string_view> parts;
  const std::string joined = absl::StartsWith(path, "/") ? std::string(path) : absl::StrCat(base, "/", path);
  for (const absl::string_view part : absl::StrSplit(joined, '/', absl::SkipEmpty())) {
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (part != ".") {
      parts.push_back(part);
    }
  }
  return absl::StrCat("/", absl::StrJoin(parts, "/"));
}

absl::Status AddOnBuild(absl::string_view text, ContainerDefaults* defaults) {
  const std::string trigger = absl::AsciiStrToUpper(text.substr(0, text.find_first_of(" \t")));
  if (trigger == "ONBUILD" || trigger == "FROM" || trigger == "MAINTAINER") {
    return absl::InvalidArgumentError(absl::StrCat(trigger, " isn't allowed as an ONBUILD trigger"));
  }
  defaults->on_build.push_back(std::string(text));
  return absl::OkStatus();
}

absl::Status Apply(absl::string_view name, absl::string_view text, bool* cmd_set,
                   ContainerDefaults* defaults) {
  if (name == "CMD") {
    ASSIGN_OR_RETURN(defaults->cmd, ParseCommand(text, defaults->shell));
    *cmd_set = true;
  } else if (name == "ENTRYPOINT") {
    ASSIGN_OR_RETURN(defaults->entrypoint, ParseCommand(text, defaults->shell));
    if (!*cmd_set) defaults->cmd.clear();
  } else if (name == "ENV") {
    ASSIGN_OR_RETURN(const Pairs pairs, ParsePairs(text));
    for (const auto& [key, value] : pairs) SetEnv(key, value, &defaults->env);
  } else if (name == "LABEL") {
    ASSIGN_OR_RETURN(const Pairs pairs, ParsePairs(text));
    for (const auto& [key, value] : pairs) defaults->labels[key] = value;
  } else if (name == "EXPOSE") {
    return AddPorts(text, defaults);
  } else if (name == "ONBUILD") {
    return AddOnBuild(text, defaults);
  } else if (name == "STOPSIGNAL") {
    RETURN_IF_ERROR(ParseSignal(text).status());
    defaults->stop_signal = std::string(text);
  } else if (name == "USER") {
    defaults->user = std::string(text);
  } else if (name == "VOLUME") {
    return AddVolumes(text, defaults);
  } else if (name == "WORKDIR") {
    defaults->working_dir = JoinPath(defaults->working_dir, text);
  } else {
    return absl::InvalidArgumentError(
        "unknown instruction; known are CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, "
        "VOLUME, "
        "WORKDIR");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyChanges(absl::Span<const std::string> changes, ContainerDefaults* defaults) {
  bool cmd_set = false;
  for (const std::string& change : changes) {
    const std::string context = absl::StrCat("change \"", Printable(change.substr(0, 256)), "\"");
    const absl::string_view trimmed = absl::StripAsciiWhitespace(change);
    const size_t end = trimmed.find_first_of(" \t=");
    const std::string name = absl::AsciiStrToUpper(trimmed.substr(0, end));
    if (end == absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat(context, ": needs an instruction and its arguments"));
    }
    if (change.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(context, ": contains a NUL"));
    }
    const absl::string_view text = absl::StripAsciiWhitespace(trimmed.substr(end + 1));
    if (text.empty()) return absl::InvalidArgumentError(absl::StrCat(context, ": needs arguments"));
    RETURN_IF_ERROR(Apply(name, text, &cmd_set, defaults), context);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> SplitDockerWords(absl::string_view text) {
  Words words;
  char quote = 0;
  bool in_word = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool escapes = c == '\\' && quote != '\'' && i + 1 < text.size();
    if (quote == 0 && absl::ascii_isspace(c)) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (escapes && (quote == 0 || absl::string_view("\"\\$").find(text[i + 1]) != absl::string_view::npos)) {
      words.back().push_back(text[++i]);
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      words.back().push_back(c);
    }
  }
  if (quote != 0)
    return absl::InvalidArgumentError(absl::StrCat("a ", std::string(1, quote), " that does not end"));
  return words;
}

absl::StatusOr<std::vector<std::string>> ParseExposedPorts(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  const bool has_protocol = absl::StrContains(text, '/');
  const std::string protocol = has_protocol ? absl::AsciiStrToLower(parts.second) : "tcp";
  const std::pair<absl::string_view, absl::string_view> range =
      absl::StrSplit(parts.first, absl::MaxSplits('-', 1));
  const absl::string_view last_text = absl::StrContains(parts.first, '-') ? range.second : range.first;
  const auto parse = [](absl::string_view digits, int* port) {
    return digits.find_first_not_of("0123456789") == absl::string_view::npos &&
           absl::SimpleAtoi(digits, port) && *port >= 1 && *port <= 65535;
  };
  int first = 0, last = 0;
  if (!parse(range.first, &first) || !parse(last_text, &last) || last < first ||
      (protocol != "tcp" && protocol != "udp" && protocol != "sctp")) {
    return absl::InvalidArgumentError(absl::StrCat("invalid port \"", Printable(text), "\""));
  }
  Words ports;
  for (int port = first; port <= last; ++port) ports.push_back(absl::StrCat(port, "/", protocol));
  return ports;
}

void SetEnv(absl::string_view name, absl::string_view value, std::vector<std::string>* env) {
  const std::string prefix = absl::StrCat(name, "=");
  const auto old =
      absl::c_find_if(*env, [&](const std::string& entry) { return absl::StartsWith(entry, prefix); });
  std::string entry = absl::StrCat(prefix, value);
  if (old != env->end()) {
    *old = std::move(entry);
  } else {
    env->push_back(std::move(entry));
  }
}

}  // namespace coracle::oci
