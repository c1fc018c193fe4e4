// Manual pages, from the table.
#ifndef CORACLE_CLI_MAN_PAGE_H_
#define CORACLE_CLI_MAN_PAGE_H_

#include <string>

#include "cli/command_table.h"

namespace coracle::cli {

// "coracle-container-prune" for the row "container prune".
std::string ManPageName(const Command& command);

// The page of section 1 in man(7) macros: NAME, SYNOPSIS, DESCRIPTION, COMMANDS or OPTIONS, EXAMPLES, EXIT
// STATUS, SEE ALSO. Not for the root, whose page is written by hand (man/coracle.1).
std::string ManPage(const Command& command);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_MAN_PAGE_H_
