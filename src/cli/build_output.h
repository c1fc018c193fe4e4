// Where `build --output` sends the result.
#ifndef CORACLE_CLI_BUILD_OUTPUT_H_
#define CORACLE_CLI_BUILD_OUTPUT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "build/builder.h"
#include "engine/engine.h"
#include "storage/root_view.h"

namespace coracle::cli {

struct BuildOutput {
  enum class Kind { kImage, kLocal, kTar, kOci, kDocker };
  Kind kind = Kind::kImage;
  std::string destination;  // a directory or file; "-": standard output
  std::vector<std::string> names;
  bool push = false;
};

// "DIR", "-", "type=local,dest=DIR", "type=tar|oci|docker,dest=FILE", "type=image[,name=NAME][,push=true]".
// Errors: InvalidArgument, exit code 125.
absl::StatusOr<BuildOutput> ParseBuildOutput(const std::string& text);

// The root of what was built.
absl::StatusOr<storage::RootView> ViewResult(const engine::Engine& engine, const build::BuildResult& result);

// Sends it there. `scratch`: an empty directory. Errors: of the writing.
absl::Status WriteBuildOutput(engine::Engine& engine, const BuildOutput& output,
                              const build::BuildResult& result, const build::BuildRequest& request,
                              const std::string& scratch);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_BUILD_OUTPUT_H_
