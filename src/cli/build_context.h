// What `build` works on: its context, its Dockerfile and what the ignore file leaves out.
#ifndef CORACLE_CLI_BUILD_CONTEXT_H_
#define CORACLE_CLI_BUILD_CONTEXT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "build/build_options.h"

namespace coracle::cli {

struct ContextWords {
  std::string place;               // the argument: a directory, or "-"; empty: the current directory
  std::vector<std::string> files;  // --file
  std::string ignore_file;         // --ignorefile
  std::string scratch;             // an empty directory for what comes over a pipe
};

// Fills context_dir, dockerfile_name, dockerfile and ignores[""] of `request`. Errors, with exit code 125:
// what is missing, with a hint where something is near; an ignore file with a bad pattern.
absl::Status ReadBuildContext(const ContextWords& words, build::BuildRequest& request);

// The ignore file of a further context, for ignores[name].
absl::Status ReadIgnoresOf(const std::string& directory, const std::string& name,
                           build::BuildRequest& request);

// Contexts that --build-context names by a URL, fetched below `scratch`. Errors: of fetching them.
absl::Status FetchContexts(const std::string& scratch, build::BuildRequest& request);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_BUILD_CONTEXT_H_
