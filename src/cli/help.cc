#include "cli/help.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace coracle::cli {
namespace {

constexpr size_t kTextWidth = 78;
constexpr size_t kGap = 2;
constexpr size_t kMaxSyntaxWidth = 34;  // a longer one has its help on the next line

void AppendPadded(std::string& out, absl::string_view text, size_t width) {
  out.append(text.data(), text.size());
  if (text.size() < width) out.append(width - text.size(), ' ');
}

// `text` in lines of at most kTextWidth, each behind `indent` blanks.
void AppendWrapped(std::string& out, absl::string_view text, size_t indent) {
  while (!text.empty()) {
    size_t length = std::min(text.size(), kTextWidth - indent);
    if (length < text.size()) {
      const size_t blank = text.rfind(' ', length);
      if (blank != absl::string_view::npos && blank > 0) length = blank;
    }
    absl::StrAppend(&out, std::string(indent, ' '), text.substr(0, length), "\n");
    text.remove_prefix(length);
    while (absl::StartsWith(text, " ")) text.remove_prefix(1);
  }
}

void CollectPaths(const Command& parent, const std::string& prefix, const Command& wanted,
                  std::vector<std::string>& paths) {
  for (const Node& node : parent.children) {
    const std::string path = absl::StrCat(prefix, node.name);
    if (node.command == &wanted) paths.push_back(path);
    CollectPaths(*node.command, absl::StrCat(path, " "), wanted, paths);
  }
}

void AppendOptions(std::string& out, const Command& command, Section section) {
  std::vector<const Option*> shown;
  size_t width = 0;
  for (const OptionSet& set : command.options) {
    for (const Option& option : set) {
      if (option.section != section || option.hidden) continue;
      shown.push_back(&option);
      const size_t length = OptionSyntax(option, /*align=*/true).size();
      if (length <= kMaxSyntaxWidth) width = std::max(width, length);
    }
  }
  if (shown.empty()) return;
  std::sort(shown.begin(), shown.end(), [](const Option* a, const Option* b) { return a->name < b->name; });
  absl::StrAppend(&out, "\n", SectionTitle(section), ":\n");
  for (const Option* option : shown) {
    const std::string syntax = OptionSyntax(*option, /*align=*/true);
    absl::StrAppend(&out, "  ");
    AppendPadded(out, syntax, width);
    if (syntax.size() > width) absl::StrAppend(&out, "\n", std::string(width + 2, ' '));
    absl::StrAppend(&out, std::string(kGap, ' '), OptionHelp(*option), "\n");
  }
}

void AppendNodes(std::string& out, absl::Span<const Node> nodes, Group group) {
  size_t width = 0;
  bool any = false;
  for (const Node& node : nodes) {
    if (node.group != group || node.alias || node.command->Has(kHidden)) continue;
    width = std::max(width, node.name.size());
    any = true;
  }
  if (!any) return;
  absl::StrAppend(&out, "\n", GroupTitle(group), ":\n");
  for (const Node& node : nodes) {
    if (node.group != group || node.alias || node.command->Has(kHidden)) continue;
    absl::StrAppend(&out, "  ");
    AppendPadded(out, node.name, width + kGap);
    absl::StrAppend(&out, node.command->summary, "\n");
  }
}

}  // namespace

std::vector<std::string> PathsTo(const Command& command) {
  std::vector<std::string> paths;
  CollectPaths(kRootCommand, "", command, paths);
  std::stable_sort(paths.begin(), paths.end(), [&](const std::string& a, const std::string& b) {
    return (a == command.name) > (b == command.name);
  });
  return paths;
}

std::string OptionSyntax(const Option& option, bool align) {
  std::string text;
  if (option.letter != '\0') {
    absl::StrAppend(&text, "-", absl::string_view(&option.letter, 1), ", ");
  } else if (align) {
    absl::StrAppend(&text, "    ");
  }
  absl::StrAppend(&text, "--", option.name);
  if (option.type == OptionType::kOptional) {
    absl::StrAppend(&text, "[=", option.placeholder, "]");
  } else if (option.type != OptionType::kBool) {
    absl::StrAppend(&text, " ", option.placeholder);
  }
  return text;
}

std::string OptionHelp(const Option& option) {
  std::string text(option.help);
  const bool shows_default =
      !option.initial.empty() && !(option.type == OptionType::kBool && option.initial == "false");
  if (shows_default) absl::StrAppend(&text, " (default ", option.initial, ")");
  if (option.unsupported) {
    absl::StrAppend(&text, " (not supported yet",
                    option.harmless.empty()
                        ? ""
                        : absl::StrCat(", except ", absl::StrReplaceAll(option.harmless, {{"|", ", "}})),
                    ")");
  }
  return text;
}

std::string HelpText(const Command& command) {
  const bool is_root = &command == &kRootCommand;
  const std::vector<std::string> paths = PathsTo(command);
  const std::string full_name = is_root ? std::string(command.name) : absl::StrCat("coracle ", command.name);
  std::string out = absl::StrCat(command.summary, "\n");
  if (!command.description.empty()) {
    absl::StrAppend(&out, "\nDescription:\n");
    AppendWrapped(out, command.description, 2);
  }
  if (!is_root && command.children.empty() && command.run == nullptr) {
    absl::StrAppend(&out, "\n  This command is not supported yet.\n");
  }
  absl::StrAppend(&out, "\nUsage:\n  ", full_name, command.usage.empty() ? "" : " ", command.usage, "\n");
  if (paths.size() > 1) {
    absl::StrAppend(&out, "\nAliases:\n");
    for (size_t i = 1; i < paths.size(); ++i) absl::StrAppend(&out, "  coracle ", paths[i], "\n");
  }
  if (!command.examples.empty()) {
    absl::StrAppend(&out, "\nExamples:\n");
    for (const Example& example : command.examples) {
      absl::StrAppend(&out, "  # ", example.note, "\n  coracle ", example.line, "\n");
    }
  }
  for (size_t group = 0; group < static_cast<size_t>(Group::kCount); ++group) {
    AppendNodes(out, command.children, static_cast<Group>(group));
  }
  for (size_t section = 0; section < static_cast<size_t>(Section::kCount); ++section) {
    AppendOptions(out, command, static_cast<Section>(section));
  }
  if (!command.children.empty()) {
    absl::StrAppend(&out, "\n'", full_name, " COMMAND --help' explains a command.\n");
  }
  return out;
}

}  // namespace coracle::cli
