// A command line, parsed by the table as pflag parses it.
//
// `-it`, `-eA=B`, `-e A=B`, `-e=A=B`, `--env A=B`, `--env=A=B`, `--rm=false`; a bool never takes a separate
// value;
// "--" ends the options; "-" is an argument. Options and arguments may be mixed, except for commands with
// kStopAtFirstArgument. Global options stand before the command, or behind it by their long name where the
// command has no option of that name.
#ifndef CORACLE_CLI_PARSE_H_
#define CORACLE_CLI_PARSE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cli/command_table.h"

namespace coracle::cli {

// Invariants, once Parse returned OK:
// - `command()` is a row without children, or the root or a group with `help` asked for;
// - every stored value is valid for its option's type, and no unsupported option is set to more than a
// harmless value. Getters take the long name of an option of the command or, under `oci`, of its group; a
// name that the row does not have is a bug and aborts.
class ParsedCommand {
 public:
  const Command& command() const { return *path_.back(); }
  // From the root to the command.
  const std::vector<const Command*>& path() const { return path_; }
  // As typed: "coracle container ls".
  const std::string& typed_path() const { return typed_path_; }
  const std::vector<std::string>& args() const { return args_; }
  bool help() const { return help_; }

  bool WasSet(absl::string_view name) const;
  bool GetBool(absl::string_view name) const;
  // The last value, else the option's initial value ("" if it has none).
  std::string GetString(absl::string_view name) const;
  int64_t GetInt(absl::string_view name) const;
  uint64_t GetUint(absl::string_view name) const;
  double GetFloat(absl::string_view name) const;
  // All values in their order; of kCsvList already split.
  std::vector<std::string> GetList(absl::string_view name) const;

  // The same for global options.
  bool GlobalWasSet(absl::string_view name) const;
  std::string GlobalString(absl::string_view name) const;
  bool GlobalBool(absl::string_view name) const { return GlobalString(name) == "true"; }
  std::vector<std::string> GlobalList(absl::string_view name) const;

 private:
  friend class Parser;
  struct Setting {
    const Option* option;
    std::vector<std::string> values;
  };
  const Option& OptionNamed(absl::string_view name) const;
  const std::vector<std::string>* ValuesOf(const Option& option) const;
  std::string LastValue(const Option& option) const;

  std::vector<const Command*> path_;
  std::string typed_path_;
  std::vector<std::string> args_;
  std::vector<Setting> settings_;
  bool help_ = false;
};

struct ParseResult {
  // On an error, as far as it was understood: typed_path() says whose --help to point to.
  ParsedCommand parsed;
  // Errors (InvalidArgument, Unimplemented for what is not supported yet) carry exit code 125 and, where a
  // name is close to what was typed, a hint.
  absl::Status status;
};

// `words` is the command line without the program's name.
ParseResult Parse(const Command& root, absl::Span<const absl::string_view> words);

// true or false as Go's strconv.ParseBool reads it; false in `ok` if it is neither.
bool ParseBoolWord(absl::string_view word, bool& ok);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_PARSE_H_
