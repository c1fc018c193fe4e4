// image scp: an image to or from another host, over ssh.
//
// It only connects programs: coracle save here and coracle load there, or the other way round. ssh and
// coracle are run outside of any user namespace of ours, where ssh finds its user's keys.
#include <signal.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/commands_archive.h"
#include "cli/invocation.h"
#include "os/run_program.h"

namespace coracle::cli {
namespace {

constexpr char kSelf[] = "/proc/self/exe";
constexpr char kHostMark[] = "::";

struct Place {
  std::string host;   // as ssh takes it; empty: here
  std::string image;  // empty: any
};

Place ParsePlace(const std::string& text) {
  const size_t mark = text.find(kHostMark);
  if (mark == std::string::npos) return {"", text};
  return {text.substr(0, mark), text.substr(mark + 2)};
}

absl::Status Refuse(const std::string& text) { return WithExitCode(absl::InvalidArgumentError(text), 125); }

// A shell at the other end reads it.
bool IsPlainWord(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::string_view("._:/@-+").find(c) != absl::string_view::npos;
  });
}

absl::Status Check(const Place& source, const Place& target) {
  if (source.image.empty()) return Refuse("the source names no image");
  if (source.image[0] == '-' || !IsPlainWord(source.image)) {
    return Refuse(absl::StrCat("\"", Printable(source.image), "\" is no image"));
  }
  if (source.host.empty() && target.host.empty()) {
    return Refuse("source and destination are both this host: one of them is HOST::");
  }
  if (!target.image.empty()) {
    return Refuse(absl::StrCat("an image keeps its names: write the destination as ",
                               target.host.empty() ? "HOST" : Printable(target.host), "::"));
  }
  return absl::OkStatus();
}

// The program of this place with `args`, by ssh if it is another host.
absl::StatusOr<std::vector<std::string>> CommandAt(const Place& place, const Globals& globals,
                                                   const std::vector<std::string>& args) {
  std::vector<std::string> command;
  if (place.host.empty()) {
    command = {kSelf, "--root", globals.root, "--runroot", globals.runroot};
    if (!globals.storage_driver.empty()) {
      command.insert(command.end(), {"--storage-driver", globals.storage_driver});
    }
    for (const std::string& option : globals.storage_options) {
      command.insert(command.end(), {"--storage-opt", option});
    }
  } else {
    const std::string ssh = os::FindInPath("ssh");
    if (ssh.empty()) return WithExitCode(absl::NotFoundError("ssh: is not in PATH"), 125);
    command = {ssh, "--", place.host, "coracle"};
  }
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

// What went wrong was said by the program that met it, here or there, unless it was killed.
absl::StatusOr<int> Outcome(const os::PipelineResult& result) {
  // A reader that gives up ends the writer, too.
  const bool gave_up = result.writer.signaled && result.writer.value == SIGPIPE;
  if ((result.writer.signaled && !gave_up) || result.reader.signaled) {
    return WithExitCode(absl::AbortedError("image scp: was interrupted"), 125);
  }
  return result.writer.value == 0 && result.reader.value == 0 ? 0 : 125;
}

absl::StatusOr<int> Scp(Invocation& invocation) {
  const Place source = ParsePlace(invocation.args()[0]);
  const Place target = invocation.args().size() > 1 ? ParsePlace(invocation.args()[1]) : Place{};
  RETURN_IF_ERROR(Check(source, target));
  // Bit for bit as it was pulled, so that its digest is the same there.
  std::vector<std::string> save = {"save", "--format", "oci-archive"};
  if (!source.host.empty() || invocation.parsed().GetBool("quiet")) save.push_back("--quiet");
  save.push_back(source.image);
  std::vector<std::string> load = {"load"};
  if (!target.host.empty() || invocation.parsed().GetBool("quiet")) load.push_back("--quiet");
  ASSIGN_OR_RETURN(const std::vector<std::string> writer, CommandAt(source, invocation.globals(), save));
  ASSIGN_OR_RETURN(const std::vector<std::string> reader, CommandAt(target, invocation.globals(), load));
  ASSIGN_OR_RETURN(const os::PipelineResult result, os::RunPipeline(writer, reader), "image scp");
  return Outcome(result);
}

}  // namespace

int CmdImageScp(Invocation& invocation) {
  const auto code = Scp(invocation);
  return code.ok() ? *code : invocation.Fail(code.status());
}

}  // namespace coracle::cli
