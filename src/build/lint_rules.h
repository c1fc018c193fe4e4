// The rules of `build --check`, by BuildKit's names and with its words.
#ifndef CORACLE_BUILD_LINT_RULES_H_
#define CORACLE_BUILD_LINT_RULES_H_

#include "absl/strings/string_view.h"

namespace coracle::build {

struct Rule {
  absl::string_view name;
  absl::string_view description;
  bool experimental = false;
};

inline constexpr Rule kStageNameCasing = {"StageNameCasing", "Stage names should be lowercase"};
inline constexpr Rule kFromAsCasing = {"FromAsCasing",
                                       "The 'as' keyword should match the case of the 'from' keyword"};
inline constexpr Rule kNoEmptyContinuation = {
    "NoEmptyContinuation", "Empty continuation lines will become errors in a future release"};
inline constexpr Rule kConsistentInstructionCasing = {
    "ConsistentInstructionCasing",
    "All commands within the Dockerfile should use the same casing (either upper or lower)"};
inline constexpr Rule kDuplicateStageName = {"DuplicateStageName", "Stage names should be unique"};
inline constexpr Rule kReservedStageName = {"ReservedStageName",
                                            "Reserved words should not be used as stage names"};
inline constexpr Rule kJsonArgsRecommended = {
    "JSONArgsRecommended",
    "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals"};
inline constexpr Rule kMaintainerDeprecated = {
    "MaintainerDeprecated",
    "The MAINTAINER instruction is deprecated, use a label instead to define an image author"};
inline constexpr Rule kUndefinedArgInFrom = {"UndefinedArgInFrom", "FROM command must use declared ARGs"};
inline constexpr Rule kWorkdirRelativePath = {
    "WorkdirRelativePath",
    "Relative workdir without an absolute workdir declared within the "
    "build can have unexpected results if the "
    "base image changes"};
inline constexpr Rule kUndefinedVar = {"UndefinedVar", "Variables should be defined before their use"};
inline constexpr Rule kMultipleInstructions = {
    "MultipleInstructionsDisallowed",
    "Multiple instructions of the same type should not be used in the same stage"};
inline constexpr Rule kLegacyKeyValue = {
    "LegacyKeyValueFormat", "Legacy key/value format with whitespace separator should not be used"};
inline constexpr Rule kRedundantTargetPlatform = {
    "RedundantTargetPlatform",
    "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior"};
inline constexpr Rule kSecretsUsed = {"SecretsUsedInArgOrEnv",
                                      "Sensitive data should not be used in the ARG or ENV commands"};
inline constexpr Rule kInvalidDefaultArg = {
    "InvalidDefaultArgInFrom", "Default value for global ARG results in an empty or invalid base image name"};
inline constexpr Rule kFromPlatformConst = {"FromPlatformFlagConstDisallowed",
                                            "FROM --platform flag should not use a constant value"};
inline constexpr Rule kCopyIgnoredFile = {"CopyIgnoredFile",
                                          "Attempting to Copy file that is excluded by .dockerignore", true};
inline constexpr Rule kDefinitionDescription = {
    "InvalidDefinitionDescription",
    "Comment for build stage or argument should follow the format: `# "
    "<arg/stage name> <description>`. If this is "
    "not intended to be a description comment, add an empty line or "
    "comment between the instruction and the comment.",
    true};
inline constexpr Rule kExposeProtoCasing = {"ExposeProtoCasing",
                                            "Protocol in EXPOSE instruction should be lowercase"};
inline constexpr Rule kExposeInvalidFormat = {
    "ExposeInvalidFormat", "IP address and host-port mapping should not be used in EXPOSE instruction"};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_LINT_RULES_H_
