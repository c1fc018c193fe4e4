#include "cli/man_page.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "cli/completion_script.h"
#include "doctest/doctest.h"

namespace coracle::cli {
namespace {

const Command& Row(absl::string_view name) {
  const Command* command = &kRootCommand;
  for (const absl::string_view word : absl::StrSplit(name, ' ')) {
    const Node* node = FindChild(*command, word);
    REQUIRE(node != nullptr);
    command = node->command;
  }
  return *command;
}

TEST_SUITE("cli/man_page") {
  TEST_CASE("a page has its sections, in order, and every spelling of the command") {
    const std::string page = ManPage(Row("run"));
    size_t at = 0;
    for (const char* section : {".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH OPTIONS\n",
                                ".SS Resources\n", ".SH EXAMPLES\n", ".SH EXIT STATUS\n", ".SH SEE ALSO\n"}) {
      CAPTURE(section);
      const size_t found = page.find(section, at);
      REQUIRE(found != std::string::npos);
      at = found;
    }
    CHECK(absl::StrContains(page, "coracle\\-run \\- Run a command in a new container\n"));
    CHECK(absl::StrContains(page, "\\fBcoracle container run\\fR"));
    CHECK(absl::StrContains(page, "Also \\fB\\-\\-net\\fR.\n"));
    CHECK(absl::StrContains(page, "\\fB127\\fR"));
  }
  TEST_CASE("no line of text is taken for a macro, no dash for a hyphen") {
    for (const char* name : {"run", "ps", "container", "oci exec", "image prune"}) {
      for (const absl::string_view line : absl::StrSplit(ManPage(Row(name)), '\n')) {
        CAPTURE(std::string(line));
        CHECK_FALSE(absl::StartsWith(line, "'"));
        const bool is_macro = line == ".nf" || line == ".fi" ||
                              (line.size() >= 3 && absl::ascii_isupper(static_cast<unsigned char>(line[1])));
        if (absl::StartsWith(line, ".")) CHECK(is_macro);
        if (!absl::StartsWith(line, ".")) CHECK_FALSE(absl::StrContains(line, " --"));
      }
    }
  }
  TEST_CASE("pages are named after the row") {
    CHECK(ManPageName(Row("container ls")) == "coracle-ps");
    CHECK(ManPageName(Row("container prune")) == "coracle-container-prune");
  }
}

TEST_SUITE("cli/completion_script") {
  TEST_CASE("there is a script for each shell, and for no other") {
    for (const char* shell : {"bash", "zsh", "fish"}) {
      CAPTURE(shell);
      const auto script = CompletionScript(shell);
      REQUIRE(script.ok());
      CHECK(absl::StrContains(*script, "container exists"));
      CHECK_FALSE(absl::StrContains(*script, "__man"));
    }
    CHECK(CompletionScript("csh").status().code() == absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace coracle::cli
