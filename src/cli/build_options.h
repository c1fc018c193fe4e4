// From the options of `build` to what the engine builds from.
#ifndef CORACLE_CLI_BUILD_OPTIONS_H_
#define CORACLE_CLI_BUILD_OPTIONS_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "build/build_options.h"
#include "cli/parse.h"
#include "oci/platform.h"

namespace coracle::cli {

// All but the context. Errors: InvalidArgument or Unimplemented naming option and value, exit code 125.
absl::Status ReadBuildOptions(const ParsedCommand& parsed, build::BuildRequest& request);

// The part about how steps are run: network, security, limits, mounts.
absl::Status ReadStepOptions(const ParsedCommand& parsed, build::BuildRequest& request);
// What to build for, each platform once; the only one may be nothing: the host's, or what the base has.
absl::StatusOr<std::vector<std::optional<oci::Platform>>> ReadBuildPlatforms(const ParsedCommand& parsed);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_BUILD_OPTIONS_H_
