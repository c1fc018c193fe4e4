#include "build/dockerfile_lines.h"

#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "build/instruction_text.h"

namespace coracle::build {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsComment(absl::string_view line) {
  return absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "#");
}

std::string CommentText(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  line.remove_prefix(1);
  return std::string(absl::StripAsciiWhitespace(line));
}

// "key = value" of a directive; nothing if `comment` is another comment.
std::optional<std::pair<std::string, std::string>> DirectiveOf(absl::string_view comment) {
  const std::vector<absl::string_view> parts = absl::StrSplit(comment, absl::MaxSplits('=', 1));
  if (parts.size() != 2) return std::nullopt;
  const std::string key = absl::AsciiStrToLower(absl::StripAsciiWhitespace(parts[0]));
  const absl::string_view value = absl::StripAsciiWhitespace(parts[1]);
  if (value.empty() || (key != "syntax" && key != "escape" && key != "check")) return std::nullopt;
  return std::make_pair(key, std::string(value));
}

class Joiner {
 public:
  explicit Joiner(absl::string_view text) : rest_(text) { absl::ConsumePrefix(&rest_, kByteOrderMark); }

  absl::StatusOr<DockerfileLines> Join();

 private:
  // The next physical line with its newline; false at the end.
  bool NextRaw(absl::string_view* line) {
    if (rest_.empty()) return false;
    const size_t end = rest_.find('\n');
    const size_t length = end == absl::string_view::npos ? rest_.size() : end + 1;
    *line = rest_.substr(0, length);
    rest_.remove_prefix(length);
    ++number_;
    return true;
  }
  static absl::string_view WithoutNewline(absl::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    return line;
  }

  absl::Status TakeDirective(absl::string_view line);
  // Cuts a continuation mark off; whether there was one. Two escapes at the end are none.
  bool CutContinuation(absl::string_view* line) const;
  void JoinContinuations(absl::string_view first, InstructionLine* out);
  absl::Status ReadHeredocs(InstructionLine* out);
  absl::Status Error(absl::string_view what, int first) const {
    return AtLines(absl::InvalidArgumentError(what), Lines{first, number_});
  }

  absl::string_view rest_;
  int number_ = 0;
  bool directives_done_ = false;
  std::set<std::string> seen_;
  DockerfileLines result_;
};

absl::Status Joiner::TakeDirective(absl::string_view line) {
  if (directives_done_) return absl::OkStatus();
  if (number_ == 1 && absl::StartsWith(line, "#!")) return absl::OkStatus();
  const auto directive = IsComment(line) ? DirectiveOf(CommentText(line)) : std::nullopt;
  if (!directive.has_value()) {
    directives_done_ = true;
    return absl::OkStatus();
  }
  const auto& [key, value] = *directive;
  if (!seen_.insert(key).second) return Error(absl::StrCat("directive ", key, " is given twice"), number_);
  if (key == "syntax") {
    result_.directives.syntax = value;
  } else if (key == "check") {
    result_.directives.check = value;
    result_.directives.check_lines = Lines{number_, number_};
  } else if (value == "\\" || value == "`") {
    result_.escape = value[0];
  } else {
    return Error(absl::StrCat("directive escape takes \\ or `, not \"", value, "\""), number_);
  }
  return absl::OkStatus();
}

bool Joiner::CutContinuation(absl::string_view* line) const {
  absl::string_view cut = *line;
  while (!cut.empty() && (cut.back() == ' ' || cut.back() == '\t')) cut.remove_suffix(1);
  if (cut.empty() || cut.back() != result_.escape) return false;
  cut.remove_suffix(1);
  if (!cut.empty() && cut.back() == result_.escape) return false;
  *line = cut;
  return true;
}

void Joiner::JoinContinuations(absl::string_view first, InstructionLine* out) {
  bool more = CutContinuation(&first);
  out->text = std::string(first);
  absl::string_view raw;
  while (more && NextRaw(&raw)) {
    absl::string_view line = WithoutNewline(raw);
    if (IsComment(line)) continue;
    if (absl::StripAsciiWhitespace(line).empty()) {
      out->empty_continuation = true;
      continue;
    }
    more = CutContinuation(&line);
    absl::StrAppend(&out->text, line);
  }
}

absl::Status Joiner::ReadHeredocs(InstructionLine* out) {
  out->heredocs = HeredocsOf(out->text);
  for (Heredoc& heredoc : out->heredocs) {
    bool ended = false;
    absl::string_view raw;
    while (!ended && NextRaw(&raw)) {
      absl::string_view line = raw;
      while (heredoc.strip_tabs && absl::ConsumePrefix(&line, "\t")) continue;
      ended = WithoutNewline(line) == heredoc.name;
      if (ended) break;
      absl::StrAppend(&heredoc.content, line);
      if (heredoc.strip_tabs) absl::StrAppend(&heredoc.with_tabs, raw);
    }
    if (!ended) {
      return WithHint(Error(absl::StrCat("heredoc <<", heredoc.name, " has no end"), out->lines.first),
                      absl::StrCat("a line that is just ", heredoc.name, " ends it"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DockerfileLines> Joiner::Join() {
  std::vector<std::string> comments;
  absl::string_view raw;
  while (NextRaw(&raw)) {
    const absl::string_view line = absl::StripLeadingAsciiWhitespace(WithoutNewline(raw));
    const bool was_directive = !directives_done_;
    RETURN_IF_ERROR(TakeDirective(line));
    if (IsComment(line)) {
      if (!was_directive || directives_done_) comments.push_back(CommentText(line));
      continue;
    }
    if (line.empty()) {
      comments.clear();
      continue;
    }
    InstructionLine instruction;
    instruction.lines.first = number_;
    JoinContinuations(line, &instruction);
    instruction.comments = std::exchange(comments, {});
    // Nothing but a continuation mark and blank lines.
    if (absl::StripAsciiWhitespace(instruction.text).empty()) continue;
    RETURN_IF_ERROR(ReadHeredocs(&instruction));
    instruction.lines.last = number_;
    if (result_.instructions.size() == kMaxInstructions)
      return Error(absl::StrCat("more than ", kMaxInstructions, " instructions"), number_);
    result_.instructions.push_back(std::move(instruction));
  }
  return std::move(result_);
}

}  // namespace

absl::StatusOr<DockerfileLines> JoinLines(absl::string_view text) { return Joiner(text).Join(); }

}  // namespace coracle::build
