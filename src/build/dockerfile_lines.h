// A Dockerfile's physical lines joined to instructions: directives, comments, continuations, heredocs.
#ifndef CORACLE_BUILD_DOCKERFILE_LINES_H_
#define CORACLE_BUILD_DOCKERFILE_LINES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "build/dockerfile.h"

namespace coracle::build {

struct InstructionLine {
  std::string text;  // continuations joined, without blanks in front
  Lines lines;       // heredocs included
  std::vector<std::string> comments;
  std::vector<Heredoc> heredocs;
  bool empty_continuation = false;
};

struct DockerfileLines {
  char escape = '\\';
  Directives directives;
  std::vector<InstructionLine> instructions;
};

// Errors: InvalidArgument with lines: a directive given twice or with a bad value, a heredoc without its end,
// too many instructions.
absl::StatusOr<DockerfileLines> JoinLines(absl::string_view text);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_DOCKERFILE_LINES_H_
