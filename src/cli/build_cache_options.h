// --cache-from and --cache-to of `build`.
#ifndef CORACLE_CLI_BUILD_CACHE_OPTIONS_H_
#define CORACLE_CLI_BUILD_CACHE_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/builder.h"
#include "build/progress.h"
#include "cli/parse.h"
#include "engine/engine.h"
#include "engine/transfer.h"

namespace coracle::cli {

struct BuildCachePlaces {
  bool is_inline = false;             // in the image itself
  std::vector<std::string> from, to;  // names of images, with a transport or of a registry
};

// NAME, type=registry,ref=NAME, type=local,src=DIR (--cache-from) and type=local,dest=DIR (--cache-to), with
// BuildKit's further fields. Errors: InvalidArgument or Unimplemented naming the option, exit code 125.
absl::StatusOr<BuildCachePlaces> ReadBuildCachePlaces(const ParsedCommand& parsed);

// Steps of others, before a build. A place that has none, or is not there, costs only time: a warning.
void FetchBuildCaches(engine::Engine& engine, engine::TransferContext& transfer,
                      const BuildCachePlaces& places, build::BuildProgress& progress);
// Errors: of the sending.
absl::Status SendBuildCaches(engine::Engine& engine, engine::TransferContext& transfer,
                             const BuildCachePlaces& places, const std::vector<build::KeptStep>& steps);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_BUILD_CACHE_OPTIONS_H_
