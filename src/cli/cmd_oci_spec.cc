// `coracle oci spec`: a config.json to start from.
#include <fcntl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "oci/default_spec.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

absl::Status WriteSpec(const ParsedCommand& parsed) {
  const oci::Spec spec =
      parsed.GetBool("rootless") ? oci::RootlessExampleSpec(geteuid(), getegid()) : oci::ExampleSpec();
  ASSIGN_OR_RETURN(const Json document, ParseJson(oci::SerializeSpec(spec)));
  const std::string bundle = parsed.GetString("bundle");
  const std::string path = absl::StrCat(bundle, bundle.empty() ? "" : "/", "config.json");
  // O_EXCL: never over somebody's work.
  ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0666));
  return os::WriteAll(fd.get(), absl::StrCat(DumpJson(document, /*indent=*/4), "\n"));
}

}  // namespace

int CmdOciSpec(Invocation& invocation) { return OciFail(invocation, WriteSpec(invocation.parsed())); }

}  // namespace coracle::cli
