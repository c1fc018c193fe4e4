// Which variables an instruction sees: global ARGs, a stage's ARG and ENV, build arguments, platforms.
//
// How it is used: a GlobalScope per build; each stage gets a StageScope from it (its base's scope, if the
// base is an earlier stage: ARGs of that one stay visible). Then, for each instruction in order, Expand()
// gives the instruction with its variables replaced, and takes ARG and ENV in. Source:
// docs.docker.com/build/building/variables, "Scoping"; BuildKit's dispatch of ARG and ENV.
#ifndef CORACLE_BUILD_SCOPE_H_
#define CORACLE_BUILD_SCOPE_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "build/dockerfile.h"
#include "build/expand.h"
#include "oci/platform.h"

namespace coracle::build {

// What the command line gives.
struct ScopeInputs {
  std::map<std::string, std::string> build_args;
  oci::Platform target_platform;
  oci::Platform build_platform;
  std::string target_stage;  // "" if it has no name
};

// HTTP_PROXY and its kin: visible to RUN without an ARG if given as build arguments, and left out of cache
// keys and history unless an ARG declares them.
bool IsProxyArgument(absl::string_view name);

// NAME=VALUE in order, one value a name.
class Environment {
 public:
  void Set(absl::string_view name, absl::string_view value);
  std::optional<std::string> Get(absl::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

class GlobalScope {
 public:
  // Evaluates the ARGs before the first FROM. Errors: InvalidArgument with lines.
  static absl::StatusOr<GlobalScope> Make(const Dockerfile& file, ScopeInputs inputs);

  // The base and the platform of a FROM. Errors: InvalidArgument with lines: bad substitution, blank base,
  // not a platform.
  struct Base {
    std::string name;
    std::optional<oci::Platform> platform;
    std::vector<std::string> unset;  // variables that are declared nowhere
  };
  absl::StatusOr<Base> ExpandFrom(const Instruction& from) const;

  const ScopeInputs& inputs() const { return inputs_; }
  char escape() const { return escape_; }
  const Environment& variables() const { return variables_; }

 private:
  ScopeInputs inputs_;
  char escape_ = '\\';
  Environment variables_;
};

class StageScope {
 public:
  // `global` must outlive this. `image_environment`: "NAME=VALUE" of the base's config.
  StageScope(const GlobalScope& global, const std::vector<std::string>& image_environment);
  // On top of an earlier stage: its ARGs stay visible.
  StageScope(const GlobalScope& global, const StageScope& base,
             const std::vector<std::string>& image_environment);

  // `instruction` with its variables expanded; ARG and ENV also take effect. RUN's mounts stay texts, but
  // expanded. An Arg comes back with the values that hold (nothing: declared, but without a value).
  // Errors: InvalidArgument with lines.
  absl::StatusOr<Instruction> Expand(const Instruction& instruction);

  // The environment of a RUN: ENV and ARG together, each name once.
  const Environment& environment() const { return environment_; }
  // The ARGs declared so far (those of base stages too), in order, with their values: what history shows
  // ("|2 A=b C=d /bin/sh ...") and a cache key of RUN holds.
  std::vector<std::pair<std::string, std::string>> DeclaredArguments() const;
  // Names of --build-arg that some ARG asked for; those that no stage asked for deserve a warning.
  const std::set<std::string>& used_build_arguments() const { return used_build_arguments_; }
  // Variables that instructions asked for and that nothing sets, since the last call, by first use.
  std::vector<std::string> TakeUnset();

 private:
  absl::Status ExpandArg(Arg& arg);
  absl::StatusOr<std::string> Word(absl::string_view text);

  const GlobalScope* global_;
  Environment environment_;
  std::vector<std::string> declared_;
  std::map<std::string, std::string> declared_values_;
  std::set<std::string> used_build_arguments_;
  std::vector<std::string> unset_;
};

// The mounts of an expanded RUN. Errors: InvalidArgument.
absl::StatusOr<std::vector<RunMount>> MountsOf(const Run& run);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_SCOPE_H_
