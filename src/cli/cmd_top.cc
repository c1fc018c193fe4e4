// top and port.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"

namespace coracle::cli {
namespace {

// "-o pid,user" of ps is understood, and its common forms without columns mean the default ones.
absl::StatusOr<std::vector<std::string>> Columns(const std::vector<std::string>& words) {
  std::vector<std::string> columns;
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view word = words[i];
    if (word == "-o" && i + 1 < words.size()) {
      word = words[++i];
    } else if (word == "-ef" || word == "aux" || word == "-e" || word == "-f" || word == "-aux" ||
               word == "-eo") {
      continue;
    } else if (absl::StartsWith(word, "-")) {
      return WithExitCode(
          absl::UnimplementedError(absl::StrCat("ps option '", word, "' is not supported: name columns")),
          125);
    }
    for (const absl::string_view name : absl::StrSplit(word, ',', absl::SkipEmpty()))
      columns.emplace_back(name);
  }
  for (std::string& column : columns) {
    if (column == "cmd" || column == "command") column = "args";
    if (column == "%cpu") column = "pcpu";
    if (column == "uid") column = "user";
  }
  return columns;
}

absl::Status ShowTop(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const engine::ContainerView view, SelectOne(invocation, engine));
  std::vector<std::string> words = invocation.args();
  if (!invocation.parsed().GetBool("latest")) words.erase(words.begin());
  ASSIGN_OR_RETURN(const std::vector<std::string> columns, Columns(words));
  ASSIGN_OR_RETURN(const engine::TopTable top, engine::Top(engine, view, columns));
  std::string text = absl::StrCat(absl::StrJoin(top.header, "\t"), "\n");
  for (const std::vector<std::string>& row : top.rows) {
    absl::StrAppend(&text,
                    absl::StrJoin(row, "\t",
                                  [](std::string* out, const std::string& cell) {
                                    absl::StrAppend(out, Printable(cell));
                                  }),
                    "\n");
  }
  invocation.out().Write(AlignColumns(text));
  return absl::OkStatus();
}

}  // namespace

int CmdTop(Invocation& invocation) { return invocation.Fail(ShowTop(invocation)); }

// No network of this version publishes a port, so there is none to show.

}  // namespace coracle::cli
