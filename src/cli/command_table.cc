#include "cli/command_table.h"

namespace coracle::cli {
namespace {

constexpr Option kHelp = Flag("help", '\0', "Show this help");
constexpr Option kHelpWithLetter = Flag("help", 'h', "Show this help");

}  // namespace

absl::string_view SectionTitle(Section section) {
  static constexpr absl::string_view kTitles[] = {"Options", "Process",      "Image",    "Storage",
                                                  "Network", "Namespaces",   "Security", "Resources",
                                                  "Logging", "Health checks"};
  static_assert(sizeof(kTitles) / sizeof(kTitles[0]) == static_cast<size_t>(Section::kCount));
  return kTitles[static_cast<size_t>(section)];
}

absl::string_view GroupTitle(Group group) {
  static constexpr absl::string_view kTitles[] = {"Run and control containers", "Look at containers",
                                                  "Images and registries", "System", "Command groups"};
  static_assert(sizeof(kTitles) / sizeof(kTitles[0]) == static_cast<size_t>(Group::kCount));
  return kTitles[static_cast<size_t>(group)];
}

const Node* FindChild(const Command& command, absl::string_view name) {
  for (const Node& node : command.children) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

const Option* FindOption(const Command& command, absl::string_view name) {
  for (const OptionSet& set : command.options) {
    for (const Option& option : set) {
      if (option.name == name) return &option;
    }
  }
  return name == "help" ? &kHelp : nullptr;
}

const Option* FindOption(const Command& command, char letter) {
  for (const OptionSet& set : command.options) {
    for (const Option& option : set) {
      if (option.letter == letter) return &option;
    }
  }
  return letter == 'h' ? &kHelpWithLetter : nullptr;
}

const Option* ResolveAlias(const Command& command, const Option* option) {
  return option->alias_of.empty() ? option : FindOption(command, option->alias_of);
}

}  // namespace coracle::cli
