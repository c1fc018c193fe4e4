// `build --check`: what is legal in a Dockerfile and still likely a mistake, under BuildKit's rule names.
// Source: docs.docker.com/reference/build-checks.
#ifndef CORACLE_BUILD_LINT_H_
#define CORACLE_BUILD_LINT_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "build/dockerfile.h"
#include "build/ignore_patterns.h"
#include "build/scope.h"

namespace coracle::build {

struct Finding {
  std::string rule;         // "JSONArgsRecommended"
  std::string description;  // of the rule
  std::string message;      // what is wrong here
  Lines lines;
};

struct LintInputs {
  const GlobalScope* global = nullptr;
  const IgnorePatterns* ignore = nullptr;  // of the context; null if there is none
  // The environment of an image by its name, "NAME=VALUE"; nothing if it is not known: then no variable of
  // the stage counts as undefined.
  std::function<std::optional<std::vector<std::string>>(const std::string& image)> image_environment;
  // In place of the file's "# check=", as BUILDKIT_DOCKERFILE_CHECK of the build arguments.
  std::optional<std::string> options;
};

struct LintReport {
  std::vector<Finding> findings;  // by line
  bool is_error = false;          // "error=true" and something was found
};

// Errors: InvalidArgument with lines, for what keeps the file from being built at all, or bad options.
absl::StatusOr<LintReport> Lint(const Dockerfile& file, const LintInputs& inputs);

// What a person reads: the rules with the lines they are about, and how many there are.
std::string FormatLintReport(const Dockerfile& file, const LintReport& report);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_LINT_H_
