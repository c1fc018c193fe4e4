// The one table of commands and options. Parsing, --help, man pages and completions all read it, and nothing
// else knows a command's name or options.
//
// Everything here is constexpr data in .rodata: it costs nothing at start. The rows stand in table_*.cc,
// grouped by subject; kRootCommand (table_root.cc) is the tree's root. A command is one row (Command); it may
// hang in the tree under several names (Node): `ps`, `container ls` and `container list` are one row.
//
// To add a command: declare its function in commands.h, set `.run` in its row.
#ifndef CORACLE_CLI_COMMAND_TABLE_H_
#define CORACLE_CLI_COMMAND_TABLE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace coracle::cli {

class Invocation;

// How an option takes its value. A value is checked when it is parsed.
enum class OptionType : uint8_t {
  kBool,    // --x or --x=false; never a separate value
  kString,  // the last one given wins
  kInt,     // 64 bits, decimal or 0x
  kUint,
  kFloat,
  kDuration,  // of Go: 1m30s
  kSize,      // bytes: 64m
  kList,      // every occurrence adds one value
  kCsvList,   // the same, and commas separate values
  kOptional,  // a value only after '='; without it, `implied`
};

// Sections of --help and of man pages, in their order there.
enum class Section : uint8_t {
  kGeneral,
  kProcess,
  kImage,
  kStorage,
  kNetwork,
  kNamespaces,
  kSecurity,
  kResources,
  kLogging,
  kHealth,
  kCount,
};
absl::string_view SectionTitle(Section section);

struct Option {
  absl::string_view name;  // without dashes
  char letter = '\0';      // short name, or NUL
  OptionType type = OptionType::kBool;
  absl::string_view placeholder;  // of the value, in upper case; FILE, DIR, CONTAINER and IMAGE are completed
  absl::string_view help;
  absl::string_view initial = {};  // value when not given, shown in help
  absl::string_view implied = {};  // kOptional: value of the bare option
  Section section = Section::kGeneral;
  bool hidden = false;  // accepted, not shown
  // Known, but what it asks for is not built yet. Giving it is an error, except with one of the values in
  // `harmless` (separated by '|'), which ask for what happens anyway.
  bool unsupported = false;
  absl::string_view harmless = {};
  absl::string_view alias_of =
      {};  // another spelling of that option of the same command; all else comes from there

  // Table notation: List("publish", 'p', "PORTS", "…").In(Section::kNetwork).NotYet().
  constexpr Option In(Section value) const {
    Option option = *this;
    option.section = value;
    return option;
  }
  constexpr Option Default(absl::string_view value) const {
    Option option = *this;
    option.initial = value;
    return option;
  }
  constexpr Option NotYet(absl::string_view harmless_values = {}) const {
    Option option = *this;
    option.unsupported = true;
    option.harmless = harmless_values;
    return option;
  }
  constexpr Option Hidden() const {
    Option option = *this;
    option.hidden = true;
    return option;
  }
};

constexpr Option Typed(OptionType type, absl::string_view name, char letter, absl::string_view placeholder,
                       absl::string_view help) {
  Option option;
  option.name = name;
  option.letter = letter;
  option.type = type;
  option.placeholder = placeholder;
  option.help = help;
  return option;
}
constexpr Option Flag(absl::string_view name, char letter, absl::string_view help) {
  return Typed(OptionType::kBool, name, letter, {}, help);
}
constexpr Option String(absl::string_view name, char letter, absl::string_view placeholder,
                        absl::string_view help) {
  return Typed(OptionType::kString, name, letter, placeholder, help);
}
constexpr Option List(absl::string_view name, char letter, absl::string_view placeholder,
                      absl::string_view help) {
  return Typed(OptionType::kList, name, letter, placeholder, help);
}
constexpr Option CsvList(absl::string_view name, char letter, absl::string_view placeholder,
                         absl::string_view help) {
  return Typed(OptionType::kCsvList, name, letter, placeholder, help);
}
constexpr Option Alias(absl::string_view name, absl::string_view alias_of, char letter = '\0') {
  Option option;
  option.name = name;
  option.letter = letter;
  option.alias_of = alias_of;
  option.hidden = true;
  return option;
}

using OptionSet = absl::Span<const Option>;

struct Example {
  absl::string_view line;  // without "coracle "
  absl::string_view note;
};

// What a command's arguments name, for completion.
enum class Completes : uint8_t {
  kNothing,
  kContainers,
  kRunning,
  kImages,
  kObjects,
  kFiles,
  kCommands,
  kShells,
  kVolumes,
  kNetworks
};

enum CommandFlags : uint32_t {
  kNone = 0,
  // Options end at the first argument: what follows belongs to another program.
  kStopAtFirstArgument = 1 << 0,
  kHidden = 1 << 1,
  // Without root, the user namespace is entered before the command runs: it reads or writes files of other
  // ids.
  kNeedsUserns = 1 << 2,
  // A process of ours gets inside a container: the binary re-executes itself first from a read-only mount.
  kEntersContainer = 1 << 3,
  // It does so to start containers only, and calls ProtectFor once it knows which.
  kStartsContainer = 1 << 6,
  // Neither root nor runroot is looked up.
  kNoStore = 1 << 4,
  // Global options are not accepted behind it (`coracle oci` has its own of the same names).
  kNoGlobals = 1 << 5,
};

struct Node;

struct Command {
  absl::string_view name;     // the canonical path: "run", "container prune"
  absl::string_view usage;    // after the name: "[options] IMAGE [COMMAND [ARG...]]"
  absl::string_view summary;  // one line, no full stop
  absl::string_view description = {};
  absl::Span<const Example> examples = {};
  absl::Span<const OptionSet> options = {};
  absl::Span<const Node> children = {};  // sub-commands; then `run` is not used
  int min_args = 0;
  int max_args = 0;  // -1: any number
  // Options (separated by ',') any of which, when set, lowers min_args to 0.
  absl::string_view args_waived_by = {};
  Completes completes = Completes::kNothing;
  uint32_t flags = kNone;
  int (*run)(Invocation&) = nullptr;  // null: not supported yet

  constexpr bool Has(CommandFlags flag) const { return (flags & flag) != 0; }
};

// Groups of `coracle --help`.
enum class Group : uint8_t { kRun, kInspect, kImage, kSystem, kNested, kCount };
absl::string_view GroupTitle(Group group);

// A name in the tree.
struct Node {
  absl::string_view name;
  const Command* command;
  Group group = Group::kNested;
  bool alias = false;  // another name of a command that stands in the same list: not shown in overviews
};

extern const Command kRootCommand;

// The child of `command` called `name`, or nullptr.
const Node* FindChild(const Command& command, absl::string_view name);

// The option of `command` called `name`, or with the short name `letter`; aliases are returned as they stand.
// Null if there is none. Every command has --help; -h too where `command` does not use that letter.
const Option* FindOption(const Command& command, absl::string_view name);
const Option* FindOption(const Command& command, char letter);
// The option that stores the value: `option` itself, or what it is an alias of.
const Option* ResolveAlias(const Command& command, const Option* option);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_COMMAND_TABLE_H_
