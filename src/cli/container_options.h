// From the options of `run` and `create` to what the engine makes a container from.
#ifndef CORACLE_CLI_CONTAINER_OPTIONS_H_
#define CORACLE_CLI_CONTAINER_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/parse.h"
#include "engine/engine.h"
#include "store/records.pb.h"

namespace coracle::cli {

// Reads every option of `parsed` (a `run` or `create`) and its arguments. `is_create`: it has no options that
// only run knows. Errors: InvalidArgument or Unimplemented naming option and value, exit code 125.
absl::StatusOr<engine::CreateRequest> ReadContainerOptions(const ParsedCommand& parsed, bool is_create);

// The parts, by subject; each in a file of its own.
absl::Status ReadProcessOptions(const ParsedCommand& parsed, engine::CreateRequest& request);
absl::Status ReadStorageOptions(const ParsedCommand& parsed, engine::CreateRequest& request);
absl::Status ReadNetworkOptions(const ParsedCommand& parsed, store::ContainerConfig& config);
absl::Status ReadNamespaceOptions(const ParsedCommand& parsed, store::ContainerConfig& config);
absl::Status ReadSecurityOptions(const ParsedCommand& parsed, store::ContainerConfig& config);
absl::Status ReadLimitOptions(const ParsedCommand& parsed, store::ContainerConfig& config);
// Of `update`: what was given replaces what was there.
absl::Status ReadChangedLimits(const ParsedCommand& parsed, store::Limits& limits);
absl::Status ReadHealthOptions(const ParsedCommand& parsed, store::ContainerConfig& config);
absl::Status ReadLogOptions(const ParsedCommand& parsed, store::ContainerConfig& config);

// --env, --env-file: NAME=VALUE; NAME is taken from our environment and left out if it is not set there;
// NAME* takes all that begin so. Later ones win. Used by exec as well.
absl::StatusOr<std::vector<std::string>> ReadEnvironment(const std::vector<std::string>& files,
                                                         const std::vector<std::string>& entries);

// --restart. Errors: InvalidArgument, exit code 125.
absl::StatusOr<store::RestartPolicy> ParseRestartPolicy(const std::string& text);

// Shorthand of all readers.
absl::Status OptionError(absl::string_view option, absl::string_view value, absl::string_view why);
absl::Status NotSupportedYet(absl::string_view what);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_CONTAINER_OPTIONS_H_
