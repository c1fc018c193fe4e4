#include "cli/man_page.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/help.h"
#include "cli/version.h"

namespace coracle::cli {
namespace {

// Text for roff: a hyphen that is a minus, a backslash, and a line that would begin with a macro.
std::string Roff(absl::string_view text) {
  std::string out = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}, {"…", "..."}});
  if (absl::StartsWith(out, ".") || absl::StartsWith(out, "'")) out.insert(0, "\\&");
  return out;
}

void AppendSection(std::string& out, absl::string_view title) { absl::StrAppend(&out, ".SH ", title, "\n"); }

void AppendOptions(std::string& out, const Command& command, Section section) {
  std::vector<const Option*> shown;
  for (const OptionSet& set : command.options) {
    for (const Option& option : set) {
      if (option.section == section && !option.hidden) shown.push_back(&option);
    }
  }
  if (shown.empty()) return;
  std::sort(shown.begin(), shown.end(), [](const Option* a, const Option* b) { return a->name < b->name; });
  if (section != Section::kGeneral) absl::StrAppend(&out, ".SS ", SectionTitle(section), "\n");
  for (const Option* option : shown) {
    absl::StrAppend(&out, ".TP\n\\fB", Roff(OptionSyntax(*option, /*align=*/false)), "\\fR\n",
                    Roff(OptionHelp(*option)), ".\n");
    for (const OptionSet& set : command.options) {
      for (const Option& other : set) {
        if (other.alias_of == option->name)
          absl::StrAppend(&out, "Also \\fB", Roff(absl::StrCat("--", other.name)), "\\fR.\n");
      }
    }
  }
}

void AppendExamples(std::string& out, const Command& command) {
  if (command.examples.empty()) return;
  AppendSection(out, "EXAMPLES");
  for (const Example& example : command.examples) {
    absl::StrAppend(&out, ".PP\n", Roff(example.note), ":\n.PP\n.nf\n.RS\ncoracle ", Roff(example.line),
                    "\n.RE\n.fi\n");
  }
}

void AppendExitStatus(std::string& out, const Command& command) {
  AppendSection(out, "EXIT STATUS");
  absl::StrAppend(
      &out,
      ".TP\n\\fB0\\fR\nAll went well.\n.TP\n\\fB125\\fR\nAn error of coracle itself; it is told in one "
      "line on standard error.\n");
  if (command.Has(kEntersContainer)) {
    absl::StrAppend(
        &out,
        ".TP\n\\fB126\\fR\nThe command can't be executed.\n.TP\n\\fB127\\fR\nThe command is not there.\n"
        ".TP\n\\fBother\\fR\nThe exit code of the command; 128 and the signal's number if a signal "
        "ended it.\n");
  }
  if (absl::EndsWith(command.name, " exists")) {
    absl::StrAppend(&out, ".TP\n\\fB1\\fR\nIt does not exist.\n");
  }
}

// The group's page and the pages of its other commands; of a top-level command the overview.
void AppendSeeAlso(std::string& out, const Command& command) {
  AppendSection(out, "SEE ALSO");
  std::set<std::string> pages = {"coracle"};
  const size_t blank = command.name.find(' ');
  const Node* group = FindChild(kRootCommand, command.name.substr(0, blank));
  if (blank != absl::string_view::npos && group != nullptr) pages.insert(ManPageName(*group->command));
  for (const Node& node : command.children) {
    if (!node.command->Has(kHidden)) pages.insert(ManPageName(*node.command));
  }
  bool first = true;
  for (const std::string& page : pages) {
    absl::StrAppend(&out, first ? "" : ",\n", "\\fB", Roff(page), "\\fR(1)");
    first = false;
  }
  out += '\n';
}

}  // namespace

std::string ManPageName(const Command& command) {
  return absl::StrCat("coracle-", absl::StrReplaceAll(command.name, {{" ", "-"}}));
}

std::string ManPage(const Command& command) {
  const std::string name = ManPageName(command);
  std::string out = absl::StrCat(".TH ", Roff(absl::AsciiStrToUpper(name)), " 1 \"\" \"coracle ",
                                 kVersionNumber, "\" \"coracle manual\"\n");
  AppendSection(out, "NAME");
  absl::StrAppend(&out, Roff(name), " \\- ", Roff(command.summary), "\n");
  AppendSection(out, "SYNOPSIS");
  for (const std::string& path : PathsTo(command)) {
    absl::StrAppend(&out, ".PP\n\\fBcoracle ", Roff(path), "\\fR ", Roff(command.usage), "\n");
  }
  AppendSection(out, "DESCRIPTION");
  absl::StrAppend(&out, Roff(command.description.empty() ? command.summary : command.description), "\n");
  if (command.children.empty() && command.run == nullptr) {
    absl::StrAppend(&out, ".PP\nThis command is not supported yet.\n");
  }
  if (!command.children.empty()) {
    AppendSection(out, "COMMANDS");
    for (const Node& node : command.children) {
      if (node.alias || node.command->Has(kHidden)) continue;
      absl::StrAppend(&out, ".TP\n\\fB", Roff(node.name), "\\fR\n", Roff(node.command->summary), ".\n");
    }
  }
  AppendSection(out, "OPTIONS");
  for (size_t section = 0; section < static_cast<size_t>(Section::kCount); ++section) {
    AppendOptions(out, command, static_cast<Section>(section));
    if (section == 0) absl::StrAppend(&out, ".TP\n\\fB\\-\\-help\\fR\nShow a short help.\n");
  }
  AppendExamples(out, command);
  AppendExitStatus(out, command);
  AppendSeeAlso(out, command);
  return out;
}

}  // namespace coracle::cli
