// `coracle help COMMAND`.
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/invocation.h"

namespace coracle::cli {

int CmdHelp(Invocation& invocation) {
  const Command* command = &kRootCommand;
  for (const std::string& word : invocation.args()) {
    const Node* node = FindChild(*command, word);
    if (node == nullptr) {
      return invocation.Fail(absl::InvalidArgumentError(
          absl::StrCat("unknown command '", Printable(word), "' for 'coracle",
                       command == &kRootCommand ? "" : absl::StrCat(" ", command->name), "'")));
    }
    command = node->command;
  }
  invocation.out().Write(HelpText(*command));
  return 0;
}

}  // namespace coracle::cli
