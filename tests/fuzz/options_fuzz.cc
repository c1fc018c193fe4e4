// A command line (one word a line) is parsed or refused with exit code 125; what was parsed keeps the table's
// promises.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/status.h"
#include "cli/help.h"
#include "cli/parse.h"

using coracle::cli::Command;
using coracle::cli::kRootCommand;
using coracle::cli::Option;
using coracle::cli::OptionSet;
using coracle::cli::OptionType;

namespace {

// Every getter works for every option, and a value fits its type.
void ReadAll(const coracle::cli::ParsedCommand& parsed) {
  for (const OptionSet& set : parsed.command().options) {
    for (const Option& option : set) {
      if (parsed.WasSet(option.name) && option.type == OptionType::kBool && option.alias_of.empty()) {
        const std::string value = parsed.GetString(option.name);
        if (value != "true" && value != "false") abort();
      }
      (void)parsed.GetInt(option.name);
      (void)parsed.GetList(option.name);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<absl::string_view> words = absl::StrSplit(text, '\n');
  const coracle::cli::ParseResult result = coracle::cli::Parse(kRootCommand, words);
  if (!result.status.ok()) {
    if (coracle::ExitCodeOf(result.status) != 125) abort();
    const std::string line = coracle::StatusLine(result.status);
    if (line.find('\n') != std::string::npos || line.find('\033') != std::string::npos) abort();
    return 0;
  }
  const Command& command = result.parsed.command();
  if (!command.children.empty() || result.parsed.help()) {
    (void)coracle::cli::HelpText(command);
    return 0;
  }
  if (command.max_args >= 0 && result.parsed.args().size() > static_cast<size_t>(command.max_args)) abort();
  ReadAll(result.parsed);
  return 0;
}
