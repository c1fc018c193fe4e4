// One run of the checks over a Dockerfile. For lint.cc alone.
#ifndef CORACLE_BUILD_LINTER_H_
#define CORACLE_BUILD_LINTER_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/text.h"
#include "build/lint.h"
#include "build/lint_options.h"
#include "build/lint_rules.h"

namespace coracle::build {

inline bool IsLower(absl::string_view text) { return absl::AsciiStrToLower(text) == text; }
inline bool IsUpper(absl::string_view text) { return absl::AsciiStrToUpper(text) == text; }

inline std::string Quoted(absl::string_view text) { return absl::StrCat("\"", Printable(text), "\""); }

class Linter {
 public:
  Linter(const Dockerfile& file, const LintInputs& inputs, LintOptions options)
      : file_(file), inputs_(inputs), options_(std::move(options)) {}

  // Errors: InvalidArgument with lines, for what keeps the file from being built.
  absl::Status Run();
  // By line.
  std::vector<Finding> Take();

 private:
  // What one stage leaves for those built on it.
  struct State {
    std::optional<StageScope> scope;
    bool environment_known = false;
    bool workdir_set = false;
    bool shell_set = false;
  };

  void Report(const Rule& rule, Lines lines, std::string message);
  // Unless a comment above the instruction says that it is meant so.
  void Report(const Rule& rule, const Instruction& instruction, std::string message);

  // Of the file and its stages (lint_stages.cc).
  void CheckCasing();
  void CheckStageNames();
  void CheckDefaultBases();
  absl::Status CheckFrom(const Stage& stage);
  void CheckDescription(const Instruction& instruction);
  // Of what stands in a stage (lint_instructions.cc).
  absl::Status CheckStage(int index);
  void CheckInstruction(const Instruction& instruction, State* state);
  void CheckUsedOnce(const Stage& stage);
  void CheckPorts(const Instruction& instruction);
  void CheckSources(const Instruction& instruction);
  void CheckUnset(const Instruction& instruction, State* state);
  State Begin(int index);

  const Dockerfile& file_;
  const LintInputs& inputs_;
  const LintOptions options_;
  std::vector<Finding> findings_;
  std::map<std::string, int> stage_names_;  // the last of each name so far
  std::vector<State> states_;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_LINTER_H_
