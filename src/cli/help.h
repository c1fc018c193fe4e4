// --help, from the table.
#ifndef CORACLE_CLI_HELP_H_
#define CORACLE_CLI_HELP_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/command_table.h"

namespace coracle::cli {

// The whole text of `coracle COMMAND --help`. For the root: the overview of all commands, grouped.
std::string HelpText(const Command& command);

// Every path in the tree that leads to `command`, without "coracle ", the canonical one first: "ps",
// "container list", "container ls", "container ps". Empty for the root.
std::vector<std::string> PathsTo(const Command& command);

// "-c, --cpu-shares SHARES", "    --cpus COUNT", "--x[=MODE]" for an option with an optional value.
std::string OptionSyntax(const Option& option, bool align);
// The option's help with its initial value and, where it is so, that it is not supported yet.
std::string OptionHelp(const Option& option);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_HELP_H_
