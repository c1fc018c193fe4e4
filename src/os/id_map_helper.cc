#include "os/id_map_helper.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::os {
namespace {

constexpr char kUsualPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

[[noreturn]] void WaitAndExec(int gate, int output, const char* path, char* const* argv) {
  char byte;
  if (read(gate, &byte, 1) != 1) _exit(1);
  if (dup2(output, STDERR_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) _exit(1);
  static char* const no_environment[] = {nullptr};
  execve(path, argv, no_environment);
  _exit(127);
}

}  // namespace

std::string FindIdMapHelper(absl::string_view name) {
  const char* environment = getenv("PATH");
  for (const char* list : {environment == nullptr ? "" : environment, kUsualPath}) {
    for (const absl::string_view directory : absl::StrSplit(list, ':')) {
      if (!absl::StartsWith(directory, "/")) continue;
      std::string path = absl::StrCat(directory, "/", name);
      if (access(path.c_str(), X_OK) == 0) return path;
    }
  }
  return "";
}

absl::StatusOr<IdMapHelper> IdMapHelper::Prepare(absl::string_view name, const std::string& path,
                                                 pid_t target, absl::Span<const IdRange> ranges) {
  if (path.empty()) {
    return absl::NotFoundError(absl::StrCat(
        name, " is not installed: it is needed to map subordinate ids (package uidmap or shadow-utils)"));
  }
  std::vector<std::string> args = {std::string(name), absl::StrCat(target)};
  for (const IdRange& range : ranges) {
    args.push_back(absl::StrCat(range.inside));
    args.push_back(absl::StrCat(range.outside));
    args.push_back(absl::StrCat(range.count));
  }
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  int gate[2], output[2];
  if (pipe2(gate, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  UniqueFd gate_read(gate[0]), gate_write(gate[1]);
  if (pipe2(output, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  UniqueFd output_read(output[0]), output_write(output[1]);
  CloneResult clone;
  const int result = CloneProcess({}, &clone);
  if (result < 0) return ErrnoStatus(-result, absl::StrCat("start ", name));
  if (clone.pid == 0) {
    close(gate_write.get());
    WaitAndExec(gate_read.get(), output_write.get(), path.c_str(), argv.data());
  }
  IdMapHelper helper;
  helper.name_ = std::string(name);
  helper.child_ = ChildProcess(clone.pid, UniqueFd(clone.pidfd));
  helper.gate_ = std::move(gate_write);
  helper.output_ = std::move(output_read);
  return helper;
}

absl::Status IdMapHelper::Go() {
  RETURN_IF_ERROR(WriteAll(gate_.get(), "x"), "start ", name_);
  gate_.Reset();
  return absl::OkStatus();
}

absl::Status IdMapHelper::Finish() {
  const auto text = ReadAll(output_.get(), 1 << 16);
  ASSIGN_OR_RETURN(const ExitStatus status, child_.Wait(), name_);
  if (status.Code() == 0) return absl::OkStatus();
  std::string said = text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
  if (said.empty()) said = absl::StrCat("exit code ", status.Code());
  for (char& c : said) {
    if (c == '\n') c = ' ';
  }
  if (!absl::StartsWith(said, name_)) said = absl::StrCat(name_, ": ", said);
  return absl::PermissionDeniedError(absl::StrCat("map subordinate ids: ", said));
}

}  // namespace coracle::os
