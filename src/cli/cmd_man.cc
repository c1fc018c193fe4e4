// `coracle __man DIR`: one page for each command.
#include <fcntl.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/man_page.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

absl::Status WritePages(const Command& parent, const std::string& dir, std::set<const Command*>& done) {
  for (const Node& node : parent.children) {
    const Command& command = *node.command;
    if (command.Has(kHidden) || !done.insert(&command).second) continue;
    const std::string path = absl::StrCat(dir, "/", ManPageName(command), ".1");
    RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, path, ManPage(command)));
    RETURN_IF_ERROR(WritePages(command, dir, done));
  }
  return absl::OkStatus();
}

}  // namespace

int CmdMan(Invocation& invocation) {
  const std::string& dir = invocation.args()[0];
  std::set<const Command*> done;
  absl::Status status = os::MakeDirectories(dir, 0755);
  if (status.ok()) status = WritePages(kRootCommand, dir, done);
  return invocation.Fail(Annotate(status, "manual pages"));
}

}  // namespace coracle::cli
