// What must hold of every row of the table.
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/command_table.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "doctest/doctest.h"

namespace coracle::cli {
namespace {

void Collect(const Command& command, std::set<const Command*>& rows) {
  rows.insert(&command);
  for (const Node& node : command.children) Collect(*node.command, rows);
}

std::set<const Command*> AllRows() {
  std::set<const Command*> rows;
  Collect(kRootCommand, rows);
  return rows;
}

// The words of an example line, quotes removed.
std::vector<std::string> ShellWords(absl::string_view line) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  bool started = false;
  for (const char c : line) {
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      started = true;
    } else if (c == ' ') {
      if (started) words.push_back(word);
      word.clear();
      started = false;
    } else if (c == '>' || c == '<' || c == '|' || c == '&') {
      break;  // the shell's
    } else {
      word += c;
      started = true;
    }
  }
  if (started) words.push_back(word);
  return words;
}

TEST_SUITE("cli/command_table") {
  TEST_CASE("option names and letters are unique in a command, aliases lead to an option") {
    for (const Command* command : AllRows()) {
      std::set<std::string> names;
      std::set<char> letters;
      for (const OptionSet& set : command->options) {
        for (const Option& option : set) {
          CAPTURE(std::string(command->name));
          CAPTURE(std::string(option.name));
          CHECK(names.insert(std::string(option.name)).second);
          if (option.letter != '\0') CHECK(letters.insert(option.letter).second);
          const Option* target = ResolveAlias(*command, &option);
          REQUIRE(target != nullptr);
          CHECK(target->alias_of.empty());
          if (!option.alias_of.empty()) continue;
          CHECK_FALSE(option.help.empty());
          CHECK((option.type == OptionType::kBool) == option.placeholder.empty());
        }
      }
    }
  }
  TEST_CASE("every row has a summary, and every row a person calls has examples") {
    for (const Command* command : AllRows()) {
      CAPTURE(std::string(command->name));
      CHECK_FALSE(command->summary.empty());
      CHECK_FALSE(absl::EndsWith(command->summary, "."));
      const bool needs_example = command->children.empty() && !command->Has(kHidden) &&
                                 command->name != "help" && !absl::StartsWith(command->name, "oci");
      if (needs_example) CHECK_FALSE(command->examples.empty());
    }
  }
  TEST_CASE("a row's name is one of its paths") {
    for (const Command* command : AllRows()) {
      if (command == &kRootCommand) continue;
      const std::vector<std::string> paths = PathsTo(*command);
      REQUIRE_FALSE(paths.empty());
      CHECK(paths[0] == command->name);
    }
  }
  TEST_CASE("every example of the help is accepted by the parser") {
    for (const Command* command : AllRows()) {
      for (const Example& example : command->examples) {
        const std::vector<std::string> words = ShellWords(example.line);
        const std::vector<absl::string_view> views(words.begin(), words.end());
        CAPTURE(std::string(example.line));
        const ParseResult result = Parse(kRootCommand, views);
        CHECK_MESSAGE(result.status.ok(), result.status.message());
      }
    }
  }
  TEST_CASE("options that waive arguments exist") {
    for (const Command* command : AllRows()) {
      for (const absl::string_view name : absl::StrSplit(command->args_waived_by, ',', absl::SkipEmpty())) {
        CAPTURE(absl::StrCat(command->name, " --", name));
        CHECK(FindOption(*command, name) != nullptr);
      }
    }
  }
  TEST_CASE("help shows sections, aliases, defaults and what is not there yet") {
    const Node* run = FindChild(kRootCommand, "run");
    REQUIRE(run != nullptr);
    const std::string text = HelpText(*run->command);
    CHECK(absl::StrContains(text, "\nUsage:\n  coracle run [options] IMAGE [COMMAND [ARG...]]\n"));
    CHECK(absl::StrContains(text, "\nAliases:\n  coracle container run\n"));
    CHECK(absl::StrContains(text, "\nResources:\n"));
    CHECK(absl::StrContains(text, "-m, --memory SIZE"));
    CHECK(absl::StrContains(text, "(default 64m)"));
    CHECK(absl::StrContains(text, "(not supported yet, except false)"));
    CHECK_FALSE(absl::StrContains(text, "--net "));
    const std::string overview = HelpText(kRootCommand);
    CHECK(absl::StrContains(overview, "  ps "));
    CHECK_FALSE(absl::StrContains(overview, "__"));
  }
}

}  // namespace
}  // namespace coracle::cli
