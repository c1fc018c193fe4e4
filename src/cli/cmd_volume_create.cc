// volume create.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/volumes.h"

namespace coracle::cli {
namespace {

absl::StatusOr<uint32_t> ReadId(const ParsedCommand& parsed, absl::string_view option) {
  const uint64_t id = parsed.GetUint(option);
  if (id >= UINT32_MAX) return OptionError(option, parsed.GetString(option), "too large");
  return static_cast<uint32_t>(id);
}

absl::StatusOr<engine::VolumeRequest> ReadRequest(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::VolumeRequest request;
  request.name = parsed.GetString("name");
  if (!invocation.args().empty()) {
    if (!request.name.empty() && request.name != invocation.args()[0]) {
      return OptionError("name", request.name, "conflicts with the name that is given as argument");
    }
    request.name = invocation.args()[0];
    RETURN_IF_ERROR(store::CheckVolumeName(request.name));
  }
  const std::string driver = parsed.GetString("driver");
  if (driver != "local" && !driver.empty()) {
    return WithExitCode(
        absl::UnimplementedError(absl::StrCat("volume driver \"", Printable(driver),
                                              "\" is not supported: plugins are not, only local")),
        125);
  }
  for (const std::string& label : parsed.GetList("label")) {
    request.labels.push_back(absl::StrSplit(label, absl::MaxSplits('=', 1)));
  }
  for (const std::string& option : parsed.GetList("opt")) {
    request.options.push_back(absl::StrSplit(option, absl::MaxSplits('=', 1)));
  }
  if (parsed.WasSet("uid")) {
    ASSIGN_OR_RETURN(request.uid, ReadId(parsed, "uid"));
  }
  if (parsed.WasSet("gid")) {
    ASSIGN_OR_RETURN(request.gid, ReadId(parsed, "gid"));
  }
  return request;
}

}  // namespace

int CmdVolumeCreate(Invocation& invocation) {
  const auto request = ReadRequest(invocation);
  if (!request.ok()) return invocation.Fail(request.status());
  engine::Engine engine = MakeEngine(invocation);
  const auto name = engine::MakeVolume(engine, *request, invocation.parsed().GetBool("ignore"));
  if (!name.ok()) return invocation.Fail(name.status());
  invocation.out().WriteLine(*name);
  return 0;
}

}  // namespace coracle::cli
