// From the options of `build` to what the engine builds from.
#ifndef CORACLE_CLI_BUILD_OPTIONS_H_
#define CORACLE_CLI_BUILD_OPTIONS_H_

#include "absl/status/status.h"
#include "build/build_options.h"
#include "cli/parse.h"

namespace coracle::cli {

// All but the context. Errors: InvalidArgument or Unimplemented naming option and value, exit code 125.
absl::Status ReadBuildOptions(const ParsedCommand& parsed, build::BuildRequest& request);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_BUILD_OPTIONS_H_
