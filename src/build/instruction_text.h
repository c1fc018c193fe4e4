// One instruction's text taken apart: keyword, flags, words. Quotes and variables are left as they stand.
// Source: BuildKit's line parsers, whose quirks people's Dockerfiles rely on.
#ifndef CORACLE_BUILD_INSTRUCTION_TEXT_H_
#define CORACLE_BUILD_INSTRUCTION_TEXT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "build/dockerfile.h"

namespace coracle::build {

struct InstructionText {
  std::string keyword;             // as written
  std::vector<std::string> flags;  // "--name" or "--name=value", quotes and backslashes resolved
  std::string rest;                // without blanks around
};

// "COPY --chown=a b c". Flags end at the first word that has no "--" in front, or is "--".
InstructionText SplitInstruction(absl::string_view line);

// The strings of a JSON array. Nothing if `rest` is no JSON array: then it is shell form. Errors:
// InvalidArgument if it is one of other things than strings.
absl::StatusOr<std::optional<std::vector<std::string>>> JsonWords(absl::string_view rest);

// Split at blanks, nothing special.
std::vector<std::string> BlankSeparated(absl::string_view rest);

// Split at blanks outside quotes; quotes and escapes stay.
std::vector<std::string> QuotedWords(absl::string_view rest, char escape);

// "<<EOF", "3<<-'EOF'" as one word: name, expand and strip_tabs of it; nothing if it is none.
std::optional<Heredoc> HeredocWord(absl::string_view word);

// The heredocs that `line` begins, in order: only RUN, COPY and ADD (also behind ONBUILD) in shell form can.
std::vector<Heredoc> HeredocsOf(absl::string_view line);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_INSTRUCTION_TEXT_H_
