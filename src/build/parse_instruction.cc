#include "build/parse_instruction.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/suggest.h"
#include "base/text.h"
#include "base/time_format.h"
#include "build/instruction_flags.h"
#include "build/instruction_text.h"

namespace coracle::build {
namespace {

constexpr absl::Duration kShortestInterval = absl::Milliseconds(1);

struct Request {
  const InstructionLine& line;
  const InstructionText& text;
  char escape;
};

using Kind = FlagRow::Kind;

absl::StatusOr<Flags> ReadFlags(const Request& request, absl::Span<const FlagRow> known) {
  return Flags::Read(request.text.flags, known);
}

absl::Status CheckNoFlags(const Request& request) { return ReadFlags(request, {}).status(); }

// The whole rest as one value.
absl::StatusOr<std::string> OneValue(const Request& request) {
  RETURN_IF_ERROR(CheckNoFlags(request));
  if (request.text.rest.empty()) return absl::InvalidArgumentError("needs an argument");
  return request.text.rest;
}

absl::StatusOr<CommandLine> ReadCommandLine(absl::string_view rest) {
  CommandLine command;
  ASSIGN_OR_RETURN(std::optional<std::vector<std::string>> json, JsonWords(rest));
  command.shell_form = !json.has_value();
  if (json.has_value()) {
    command.words = *std::move(json);
  } else if (!rest.empty()) {
    command.words.emplace_back(rest);
  }
  return command;
}

// JSON or words between blanks.
absl::StatusOr<std::vector<std::string>> ReadList(absl::string_view rest) {
  ASSIGN_OR_RETURN(std::optional<std::vector<std::string>> json, JsonWords(rest));
  return json.has_value() ? *std::move(json) : BlankSeparated(rest);
}

absl::StatusOr<std::vector<KeyValue>> ReadPairs(const Request& request) {
  RETURN_IF_ERROR(CheckNoFlags(request));
  const std::vector<std::string> words = QuotedWords(request.text.rest, request.escape);
  if (words.empty()) return absl::InvalidArgumentError("needs at least one argument");
  if (!absl::StrContains(words[0], '=')) {
    const absl::string_view rest = request.text.rest;
    const size_t end = rest.find_first_of("\t\v\f\r ");
    if (end == absl::string_view::npos)
      return WithHint(absl::InvalidArgumentError(absl::StrCat("\"", Printable(rest), "\" has no value")),
                      "write NAME=VALUE");
    KeyValue pair{std::string(rest.substr(0, end)), std::string(absl::StripAsciiWhitespace(rest.substr(end))),
                  true};
    return std::vector<KeyValue>{std::move(pair)};
  }
  std::vector<KeyValue> pairs;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      return WithHint(absl::InvalidArgumentError(absl::StrCat("\"", Printable(word), "\" has no \"=\"")),
                      "write NAME=VALUE, and quotes around a value with blanks");
    }
    if (equals == 0) return absl::InvalidArgumentError("a name must not be empty");
    pairs.push_back({word.substr(0, equals), word.substr(equals + 1), false});
  }
  return pairs;
}

bool IsStageName(absl::string_view name) {
  if (name.empty() || !absl::ascii_islower(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_' || c == '.';
  });
}

absl::StatusOr<InstructionValue> ParseFrom(const Request& request) {
  constexpr FlagRow kFlags[] = {{"platform", Kind::kValue}};
  ASSIGN_OR_RETURN(const Flags flags, ReadFlags(request, kFlags));
  const std::vector<std::string> words = BlankSeparated(request.text.rest);
  if (words.size() != 1 && !(words.size() == 3 && absl::EqualsIgnoreCase(words[1], "as")))
    return WithHint(absl::InvalidArgumentError("takes one argument, or three"),
                    "FROM IMAGE, or FROM IMAGE AS NAME");
  From from;
  from.base = words[0];
  from.platform = flags.Value("platform");
  if (words.size() == 3) {
    from.name = absl::AsciiStrToLower(words[2]);
    if (!IsStageName(from.name)) {
      return WithHint(
          absl::InvalidArgumentError(absl::StrCat("\"", Printable(words[2]), "\" can't name a stage")),
          "a name begins with a letter and has letters, digits, \"-\", \"_\" and \".\"");
    }
  }
  return InstructionValue(std::move(from));
}

absl::StatusOr<InstructionValue> ParseArg(const Request& request) {
  RETURN_IF_ERROR(CheckNoFlags(request));
  Arg arg;
  for (const std::string& word : QuotedWords(request.text.rest, request.escape)) {
    const size_t equals = word.find('=');
    if (equals == 0) return absl::InvalidArgumentError("a name must not be empty");
    Arg::Declaration declaration{word.substr(0, equals), std::nullopt};
    if (equals != std::string::npos) declaration.value = word.substr(equals + 1);
    arg.declarations.push_back(std::move(declaration));
  }
  if (arg.declarations.empty()) return absl::InvalidArgumentError("needs at least one argument");
  return InstructionValue(std::move(arg));
}

absl::StatusOr<InstructionValue> ParseRun(const Request& request) {
  constexpr FlagRow kFlags[] = {{"mount", Kind::kRepeated},
                                {"network", Kind::kValue},
                                {"security", Kind::kValue},
                                {"device", Kind::kRepeated}};
  ASSIGN_OR_RETURN(const Flags flags, ReadFlags(request, kFlags));
  Run run;
  ASSIGN_OR_RETURN(run.command, ReadCommandLine(request.text.rest));
  if (run.command.words.empty()) return absl::InvalidArgumentError("needs a command");
  run.heredocs = request.line.heredocs;
  run.mounts = flags.Values("mount");
  for (const std::string& mount : run.mounts) {
    // One with variables can be read only once they are known.
    if (!absl::StrContains(mount, '$')) RETURN_IF_ERROR(ParseMount(mount).status());
  }
  const std::string network = flags.Value("network");
  if (network == "none") {
    run.network = RunNetwork::kNone;
  } else if (network == "host") {
    run.network = RunNetwork::kHost;
  } else if (network != "default" && flags.Has("network")) {
    return WithHint(absl::InvalidArgumentError(absl::StrCat("unknown network ", Printable(network))),
                    "default, none or host");
  }
  const std::string security = flags.Value("security");
  if (flags.Has("security") && security != "insecure" && security != "sandbox")
    return WithHint(absl::InvalidArgumentError(absl::StrCat("unknown security mode ", Printable(security))),
                    "sandbox or insecure");
  run.insecure = security == "insecure";
  if (flags.Has("device")) return absl::UnimplementedError("--device is not supported");
  return InstructionValue(std::move(run));
}

// Sources, heredocs among them, and the destination.
absl::Status ReadSources(const Request& request, const Flags& flags, CopyBase* copy) {
  ASSIGN_OR_RETURN(std::vector<std::string> words, ReadList(request.text.rest));
  if (words.size() < 2) {
    return WithHint(absl::InvalidArgumentError("needs at least two arguments"),
                    absl::StrCat(absl::AsciiStrToUpper(request.text.keyword), " SOURCE... DESTINATION"));
  }
  copy->destination = std::move(words.back());
  words.pop_back();
  if (!request.line.heredocs.empty() && HeredocWord(copy->destination).has_value())
    return absl::InvalidArgumentError("a heredoc can't be the destination");
  for (std::string& word : words) {
    const std::optional<Heredoc> heredoc = request.line.heredocs.empty() ? std::nullopt : HeredocWord(word);
    if (!heredoc.has_value()) {
      copy->sources.push_back(std::move(word));
      continue;
    }
    // The last of one name, as BuildKit has it.
    for (auto it = request.line.heredocs.rbegin(); it != request.line.heredocs.rend(); ++it) {
      if (it->name != heredoc->name) continue;
      copy->heredocs.push_back(*it);
      break;
    }
  }
  copy->chown = flags.Value("chown");
  copy->chmod = flags.Value("chmod");
  copy->exclude = flags.Values("exclude");
  copy->link = flags.IsTrue("link");
  return absl::OkStatus();
}

absl::StatusOr<InstructionValue> ParseCopy(const Request& request) {
  constexpr FlagRow kFlags[] = {{"from", Kind::kValue},   {"chown", Kind::kValue},
                                {"chmod", Kind::kValue},  {"link", Kind::kBool},
                                {"parents", Kind::kBool}, {"exclude", Kind::kRepeated}};
  ASSIGN_OR_RETURN(const Flags flags, ReadFlags(request, kFlags));
  Copy copy;
  RETURN_IF_ERROR(ReadSources(request, flags, &copy));
  copy.from = flags.Value("from");
  if (absl::StrContains(copy.from, '$'))
    return WithHint(absl::InvalidArgumentError("--from takes no variables"),
                    "name a stage for it: FROM $IMAGE AS name");
  if (!copy.from.empty() && !copy.heredocs.empty())
    return absl::InvalidArgumentError("a heredoc can't come from --from");
  copy.parents = flags.IsTrue("parents");
  return InstructionValue(std::move(copy));
}

absl::StatusOr<InstructionValue> ParseAdd(const Request& request) {
  constexpr FlagRow kFlags[] = {{"chown", Kind::kValue},     {"chmod", Kind::kValue},
                                {"link", Kind::kBool},       {"keep-git-dir", Kind::kBool},
                                {"checksum", Kind::kValue},  {"unpack", Kind::kBool},
                                {"exclude", Kind::kRepeated}};
  ASSIGN_OR_RETURN(const Flags flags, ReadFlags(request, kFlags));
  Add add;
  RETURN_IF_ERROR(ReadSources(request, flags, &add));
  add.checksum = flags.Value("checksum");
  if (flags.Has("keep-git-dir")) add.keep_git_dir = flags.IsTrue("keep-git-dir");
  if (flags.Has("unpack")) add.unpack = flags.IsTrue("unpack");
  return InstructionValue(std::move(add));
}

template <typename T>
absl::StatusOr<InstructionValue> ParseProgram(const Request& request) {
  RETURN_IF_ERROR(CheckNoFlags(request));
  T value;
  ASSIGN_OR_RETURN(value.command, ReadCommandLine(request.text.rest));
  return InstructionValue(std::move(value));
}

absl::StatusOr<InstructionValue> ParseShell(const Request& request) {
  RETURN_IF_ERROR(CheckNoFlags(request));
  ASSIGN_OR_RETURN(std::optional<std::vector<std::string>> json, JsonWords(request.text.rest));
  if (!json.has_value() || json->empty())
    return WithHint(absl::InvalidArgumentError("takes a JSON array of strings"),
                    "SHELL [\"/bin/sh\", \"-c\"]");
  return InstructionValue(Shell{*std::move(json)});
}

absl::StatusOr<InstructionValue> ParseExpose(const Request& request) {
  RETURN_IF_ERROR(CheckNoFlags(request));
  Expose expose{BlankSeparated(request.text.rest)};
  if (expose.ports.empty()) return absl::InvalidArgumentError("needs at least one port");
  return InstructionValue(std::move(expose));
}

absl::StatusOr<InstructionValue> ParseVolume(const Request& request) {
  RETURN_IF_ERROR(CheckNoFlags(request));
  Volume volume;
  ASSIGN_OR_RETURN(volume.paths, ReadList(request.text.rest));
  if (volume.paths.empty()) return absl::InvalidArgumentError("needs at least one path");
  for (std::string& path : volume.paths) {
    path = std::string(absl::StripAsciiWhitespace(path));
    if (path.empty()) return absl::InvalidArgumentError("a path must not be empty");
  }
  return InstructionValue(std::move(volume));
}

absl::StatusOr<absl::Duration> ReadInterval(const Flags& flags, absl::string_view name) {
  const std::string text = flags.Value(name);
  if (text.empty()) return absl::ZeroDuration();
  const absl::StatusOr<absl::Duration> duration = ParseGoDuration(text);
  if (!duration.ok())
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat("--", name, "=", Printable(text), " is no duration")),
        "for example 30s or 1m30s");
  if (*duration != absl::ZeroDuration() && *duration < kShortestInterval)
    return absl::InvalidArgumentError(absl::StrCat("--", name, "=", Printable(text), " is less than 1ms"));
  return duration;
}

absl::StatusOr<InstructionValue> ParseHealthcheck(const Request& request) {
  constexpr FlagRow kFlags[] = {{"interval", Kind::kValue},
                                {"timeout", Kind::kValue},
                                {"start-period", Kind::kValue},
                                {"start-interval", Kind::kValue},
                                {"retries", Kind::kValue}};
  const InstructionText type = SplitInstruction(request.text.rest);
  Healthcheck check;
  if (absl::EqualsIgnoreCase(type.keyword, "NONE")) {
    RETURN_IF_ERROR(CheckNoFlags(request));
    if (!type.rest.empty() || !type.flags.empty())
      return absl::InvalidArgumentError("NONE takes no arguments");
    check.none = true;
    return InstructionValue(std::move(check));
  }
  ASSIGN_OR_RETURN(const Flags flags, ReadFlags(request, kFlags));
  if (!absl::EqualsIgnoreCase(type.keyword, "CMD")) {
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat("unknown type \"", Printable(type.keyword), "\"")),
        "HEALTHCHECK CMD command, or HEALTHCHECK NONE");
  }
  // Behind CMD, "--x" belongs to the program.
  const absl::string_view program =
      absl::StripAsciiWhitespace(absl::string_view(request.text.rest).substr(type.keyword.size()));
  ASSIGN_OR_RETURN(check.command, ReadCommandLine(program));
  if (check.command.words.empty()) return absl::InvalidArgumentError("needs a command after CMD");
  ASSIGN_OR_RETURN(check.interval, ReadInterval(flags, "interval"));
  ASSIGN_OR_RETURN(check.timeout, ReadInterval(flags, "timeout"));
  ASSIGN_OR_RETURN(check.start_period, ReadInterval(flags, "start-period"));
  ASSIGN_OR_RETURN(check.start_interval, ReadInterval(flags, "start-interval"));
  const std::string retries = flags.Value("retries");
  if (!retries.empty() && (!absl::SimpleAtoi(retries, &check.retries) || check.retries < 0))
    return absl::InvalidArgumentError(
        absl::StrCat("--retries=", Printable(retries), " is no number from 0 on"));
  return InstructionValue(std::move(check));
}

absl::StatusOr<InstructionValue> ParseOnBuild(const Request& request) {
  RETURN_IF_ERROR(CheckNoFlags(request));
  const std::string trigger = absl::AsciiStrToUpper(SplitInstruction(request.text.rest).keyword);
  if (trigger.empty()) return absl::InvalidArgumentError("needs an instruction");
  if (trigger == "ONBUILD" || trigger == "FROM" || trigger == "MAINTAINER")
    return absl::InvalidArgumentError(absl::StrCat(trigger, " can't be a trigger"));
  OnBuild on_build;
  on_build.instruction = request.text.rest;
  for (const Heredoc& heredoc : request.line.heredocs)
    absl::StrAppend(&on_build.instruction, "\n", heredoc.strip_tabs ? heredoc.with_tabs : heredoc.content,
                    heredoc.name);
  // What is wrong with it shows here and not in whoever builds on this image.
  InstructionLine line = request.line;
  line.text = request.text.rest;
  RETURN_IF_ERROR(ParseInstruction(line, request.escape).status());
  return InstructionValue(std::move(on_build));
}

template <typename T>
absl::StatusOr<InstructionValue> ParseOneValue(const Request& request) {
  ASSIGN_OR_RETURN(std::string value, OneValue(request));
  return InstructionValue(T{std::move(value)});
}

template <typename T>
absl::StatusOr<InstructionValue> ParsePairs(const Request& request) {
  ASSIGN_OR_RETURN(std::vector<KeyValue> pairs, ReadPairs(request));
  return InstructionValue(T{std::move(pairs)});
}

struct Row {
  absl::string_view name;
  absl::StatusOr<InstructionValue> (*parse)(const Request&);
};

// In the order of InstructionValue's alternatives.
constexpr Row kRows[] = {
    {"FROM", ParseFrom},
    {"ARG", ParseArg},
    {"ENV", ParsePairs<Env>},
    {"LABEL", ParsePairs<Label>},
    {"RUN", ParseRun},
    {"COPY", ParseCopy},
    {"ADD", ParseAdd},
    {"CMD", ParseProgram<Cmd>},
    {"ENTRYPOINT", ParseProgram<Entrypoint>},
    {"SHELL", ParseShell},
    {"WORKDIR", ParseOneValue<Workdir>},
    {"USER", ParseOneValue<User>},
    {"EXPOSE", ParseExpose},
    {"VOLUME", ParseVolume},
    {"STOPSIGNAL", ParseOneValue<StopSignal>},
    {"HEALTHCHECK", ParseHealthcheck},
    {"MAINTAINER", ParseOneValue<Maintainer>},
    {"ONBUILD", ParseOnBuild},
};
static_assert(std::size(kRows) == std::variant_size_v<InstructionValue>);

absl::Status UnknownInstruction(absl::string_view keyword) {
  const absl::Status status =
      absl::InvalidArgumentError(absl::StrCat("unknown instruction ", Printable(keyword)));
  std::vector<absl::string_view> names;
  for (const Row& row : kRows) names.push_back(row.name);
  const absl::string_view nearest = Nearest(absl::AsciiStrToUpper(keyword), names);
  return nearest.empty() ? status : WithHint(status, absl::StrCat("did you mean ", nearest, "?"));
}

}  // namespace

absl::string_view InstructionName(const InstructionValue& value) { return kRows[value.index()].name; }

absl::StatusOr<Instruction> ParseInstruction(const InstructionLine& line, char escape) {
  const InstructionText text = SplitInstruction(line.text);
  const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& r) { return absl::EqualsIgnoreCase(r.name, text.keyword); });
  if (row == std::end(kRows)) return AtLines(UnknownInstruction(text.keyword), line.lines);
  absl::StatusOr<InstructionValue> value = row->parse(Request{line, text, escape});
  if (!value.ok()) return AtLines(Annotate(value.status(), row->name), line.lines);
  Instruction out;
  out.lines = line.lines;
  out.keyword = text.keyword;
  out.original = std::string(absl::StripAsciiWhitespace(line.text));
  out.comments = line.comments;
  out.value = *std::move(value);
  return out;
}

}  // namespace coracle::build
