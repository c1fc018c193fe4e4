#include "build/mode_change.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace coracle::build {
namespace {

absl::Status Bad(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("invalid chmod parameter: '", text, "'"));
}

mode_t WhoOf(char letter) {
  switch (letter) {
    case 'u':
      return 04700;
    case 'g':
      return 02070;
    case 'o':
      return 01007;
    case 'a':
      return 07777;
    default:
      return 0;
  }
}

}  // namespace

absl::StatusOr<ModeChange> ModeChange::Parse(absl::string_view text) {
  ModeChange change;
  if (text.empty()) return change;
  if (text.find_first_not_of("01234567") == absl::string_view::npos) {
    mode_t mode = 0;
    for (const char digit : text) mode = mode * 8 + static_cast<mode_t>(digit - '0');
    if (text.size() > 5 || mode > 07777) return Bad(text);
    change.octal_ = mode;
    return change;
  }
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    size_t at = 0;
    mode_t who = 0;
    while (at < part.size() && WhoOf(part[at]) != 0) who |= WhoOf(part[at++]);
    if (who == 0) who = 07777;
    if (at == part.size()) return Bad(text);
    while (at < part.size()) {
      Clause clause;
      clause.who = who;
      clause.operation = part[at++];
      if (clause.operation != '+' && clause.operation != '-' && clause.operation != '=') return Bad(text);
      for (; at < part.size() && part[at] != '+' && part[at] != '-' && part[at] != '='; ++at) {
        if (part[at] == 'r')
          clause.read = true;
        else if (part[at] == 'w')
          clause.write = true;
        else if (part[at] == 'x')
          clause.execute = true;
        else if (part[at] == 'X')
          clause.execute_if_any = true;
        else if (part[at] == 's')
          clause.set_id = true;
        else if (part[at] == 't')
          clause.sticky = true;
        else
          return Bad(text);
      }
      change.clauses_.push_back(clause);
    }
  }
  return change;
}

mode_t ModeChange::Apply(mode_t mode, bool is_directory) const {
  mode &= 07777;
  if (octal_.has_value()) return *octal_;
  for (const Clause& clause : clauses_) {
    mode_t bits = 0;
    if (clause.read) bits |= 0444;
    if (clause.write) bits |= 0222;
    if (clause.execute || (clause.execute_if_any && (is_directory || (mode & 0111) != 0))) bits |= 0111;
    if (clause.set_id) bits |= 06000;
    if (clause.sticky) bits |= 01000;
    bits &= clause.who;
    if (clause.operation == '+') mode |= bits;
    if (clause.operation == '-') mode &= ~bits;
    if (clause.operation == '=') mode = (mode & ~(clause.who & 0777)) | bits;
  }
  return mode;
}

}  // namespace coracle::build
