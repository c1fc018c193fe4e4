#include "cli/main.h"

#include <unistd.h>

#include <csignal>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/enter.h"
#include "cli/help.h"
#include "cli/invocation.h"
#include "cli/version.h"
#include "image/short_names.h"
#include "registry/short_names.h"

namespace coracle::cli {
namespace {

constexpr int kEngineExitCode = 125;
constexpr char kVersionLine[] = "coracle version " CORACLE_VERSION "\n";

// `coracle --version` without anything else: the first thing that scripts and packages ask.
bool IsPlainVersion(int argc, char** argv) {
  return argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0);
}

bool IsOciName(absl::string_view program) {
  const size_t slash = program.rfind('/');
  return absl::EndsWith(program.substr(slash == absl::string_view::npos ? 0 : slash + 1), "-oci");
}

int PrintText(absl::string_view text) {
  Output out(STDOUT_FILENO);
  out.Write(text);
  const absl::Status status = out.Flush();
  if (!status.ok()) PrintError(status);
  return ExitCodeFor(status);
}

int FailUsage(const ParseResult& result) {
  PrintError(result.status);
  if (absl::IsInvalidArgument(result.status)) {
    const std::string hint = absl::StrCat("See '", result.parsed.typed_path(), " --help'\n");
    (void)!write(STDERR_FILENO, hint.data(), hint.size());
  }
  return ExitCodeFor(result.status);
}

int PrintOciVersion() { return PrintText(absl::StrCat(kVersionLine, "spec: ", kOciSpecVersion, "\n")); }

// A group was named without one of its commands.
int FailIncomplete(const ParsedCommand& parsed) {
  if (parsed.path().size() == 1) return PrintText(HelpText(kRootCommand));
  PrintError(
      absl::InvalidArgumentError(absl::StrCat("missing command: '", parsed.typed_path(), " COMMAND'")));
  const std::string hint = absl::StrCat("See '", parsed.typed_path(), " --help'\n");
  (void)!write(STDERR_FILENO, hint.data(), hint.size());
  return kEngineExitCode;
}

int RunCommand(ParsedCommand parsed) {
  const Command& command = parsed.command();
  if (command.run == nullptr) {
    PrintError(absl::UnimplementedError(absl::StrCat("'", parsed.typed_path(), "' is not supported yet")));
    return kEngineExitCode;
  }
  Globals globals;
  if (!command.Has(kNoStore)) {
    absl::StatusOr<Globals> resolved = ResolveGlobals(parsed);
    if (!resolved.ok()) {
      PrintError(resolved.status());
      return ExitCodeFor(resolved.status());
    }
    globals = *std::move(resolved);
  }
  if (const absl::Status entered = EnterFor(command, globals); !entered.ok()) {
    PrintError(entered);
    return ExitCodeFor(entered);
  }
  image::SetShortNameResolver([](absl::string_view text) {
    return registry::ConfiguredNames(registry::UserPathsFromEnvironment(CallingUser()), text);
  });
  Invocation invocation(std::move(parsed), std::move(globals));
  const int code = command.run(invocation);
  const absl::Status flushed = invocation.out().Flush();
  if (flushed.ok()) return code;
  PrintError(flushed);
  return code == 0 ? kEngineExitCode : code;
}

}  // namespace

int Main(int argc, char** argv) {
  const bool oci = argc > 0 && IsOciName(argv[0]);
  if (!oci && IsPlainVersion(argc, argv)) {
    _exit(write(STDOUT_FILENO, kVersionLine, sizeof(kVersionLine) - 1) < 0 ? kEngineExitCode : 0);
  }
  SetProgramArguments(argv);
  signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an EPIPE, not a death in the middle of a change
  std::vector<absl::string_view> words;
  if (oci) words.push_back("oci");
  for (int i = 1; i < argc; ++i) words.push_back(argv[i]);
  ParseResult result = Parse(kRootCommand, words);
  if (!result.status.ok()) return FailUsage(result);
  ParsedCommand& parsed = result.parsed;
  if (parsed.help()) return PrintText(HelpText(parsed.command()));
  if (parsed.GlobalBool("version")) return PrintText(kVersionLine);
  if (!parsed.command().children.empty()) {
    if (parsed.command().name == "oci" && parsed.GetBool("version")) return PrintOciVersion();
    return FailIncomplete(parsed);
  }
  return RunCommand(std::move(parsed));
}

}  // namespace coracle::cli
