#include "cli/oci_common.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "base/time_format.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

constexpr size_t kMaxInputBytes = 16 << 20;

// One line; other engines read the last one to learn why a command did not work.
void WriteLog(const std::string& path, const std::string& format, const std::string& message) {
  absl::StatusOr<os::UniqueFd> fd =
      os::OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0644);
  if (!fd.ok()) return PrintWarning(absl::StrCat(StatusLine(fd.status()), ", ignoring --log"));
  const std::string time = FormatRfc3339Nano(absl::Now());
  std::string line;
  if (format == "json") {
    Json entry = Json::object();
    entry["level"] = "error";
    entry["msg"] = message;
    entry["time"] = time;
    line = DumpJson(entry);
  } else {
    line = absl::StrCat("time=\"", time, "\" level=error msg=", DumpJson(Json(message)));
  }
  const absl::Status written = os::WriteAll(fd->get(), absl::StrCat(line, "\n"));
  if (!written.ok()) PrintWarning(absl::StrCat(StatusLine(written), ", ignoring --log"));
}

}  // namespace

runtime::OciStore OciStoreOf(const Invocation& invocation) {
  std::string root = invocation.parsed().GetString("root");
  if (!root.empty() && !absl::StartsWith(root, "/")) {
    char* here = getcwd(nullptr, 0);
    if (here != nullptr) root = absl::StrCat(here, "/", root);
    free(here);
  }
  return runtime::OciStore(root);
}

int OciFail(Invocation& invocation, const absl::Status& status) {
  if (status.ok()) return 0;
  (void)invocation.Fail(status);
  const std::string log = invocation.parsed().GetString("log");
  if (!log.empty()) WriteLog(log, invocation.parsed().GetString("log-format"), StatusLine(status));
  return 1;
}

absl::StatusOr<std::string> OciReadInput(const std::string& path) {
  if (path == "-") return os::ReadAll(STDIN_FILENO, kMaxInputBytes);
  return os::ReadFileAt(AT_FDCWD, path, kMaxInputBytes);
}

}  // namespace coracle::cli
