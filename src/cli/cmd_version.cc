// `coracle version`. There is no server; what docker's templates ask of it is answered by the same program.
#include <sys/utsname.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/table.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/version.h"

namespace coracle::cli {
namespace {

#if defined(__x86_64__)
constexpr char kArchitecture[] = "amd64";
#elif defined(__aarch64__)
constexpr char kArchitecture[] = "arm64";
#else
constexpr char kArchitecture[] = "unknown";
#endif

// The version of docker's API whose command line this is.
constexpr char kApiVersion[] = "1.44";

Json Description() {
  utsname host;
  const bool known = uname(&host) == 0;
  Json side = {
      {"Version", kVersionNumber},
      {"APIVersion", kApiVersion},
      {"ApiVersion", kApiVersion},
      {"Os", "linux"},
      {"Arch", kArchitecture},
      {"OsArch", absl::StrCat("linux/", kArchitecture)},
      {"KernelVersion", known ? host.release : ""},
      {"OciVersion", kOciSpecVersion},
  };
  return {{"Client", side}, {"Server", side}};
}

std::string Summary() {
  return absl::StrCat("Client:       coracle\nVersion:      ", kVersionNumber,
                      "\nOCI runtime:  ", kOciSpecVersion, "\nOS/Arch:      linux/", kArchitecture, "\n");
}

}  // namespace

int CmdVersion(Invocation& invocation) {
  const std::string format = invocation.parsed().GetString("format");
  if (format.empty()) {
    invocation.out().Write(Summary());
    return 0;
  }
  if (format == "json") {
    invocation.out().WriteLine(DumpJson(Description(), /*indent=*/4));
    return 0;
  }
  ExecuteOptions options;
  options.strict = true;
  const absl::StatusOr<std::string> text = RenderInspect(format, {Description()}, options);
  if (!text.ok()) return invocation.Fail(text.status());
  invocation.out().Write(*text);
  return 0;
}

}  // namespace coracle::cli
