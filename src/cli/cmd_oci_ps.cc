// `coracle oci ps`: the processes of a container, by their ids on the host.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/json.h"
#include "base/status.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "os/file.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {
namespace {

// "UID\tPID\tCOMMAND"; empty if the process has ended.
std::string Row(int32_t pid) {
  const std::string directory = absl::StrCat("/proc/", pid);
  struct stat info;
  absl::StatusOr<std::string> command =
      os::ReadFileAt(AT_FDCWD, absl::StrCat(directory, "/cmdline"), 1 << 20);
  if (!command.ok() || stat(directory.c_str(), &info) != 0) return "";
  while (!command->empty() && command->back() == '\0') command->pop_back();
  std::replace(command->begin(), command->end(), '\0', ' ');
  return absl::StrCat(info.st_uid, "\t", pid, "\t", Printable(*command), "\n");
}

}  // namespace

int CmdOciPs(Invocation& invocation) {
  const std::string format = invocation.parsed().GetString("format");
  if (invocation.args().size() > 1) {
    return OciFail(invocation, absl::UnimplementedError("oci ps: options of ps are not supported"));
  }
  const absl::StatusOr<std::vector<int32_t>> pids =
      runtime::OciPids(OciStoreOf(invocation), invocation.args()[0]);
  if (!pids.ok()) return OciFail(invocation, pids.status());
  if (format == "json") {
    invocation.out().WriteLine(DumpJson(Json(*pids)));
  } else if (format == "table") {
    std::string text = "UID\tPID\tCMD\n";
    for (const int32_t pid : *pids) text += Row(pid);
    invocation.out().Write(AlignColumns(text));
  } else {
    return OciFail(invocation,
                   absl::InvalidArgumentError(absl::StrCat("--format ", format, ": table or json")));
  }
  return 0;
}

}  // namespace coracle::cli
