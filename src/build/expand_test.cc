#include "build/expand.h"

#include <map>

#include "doctest/doctest.h"

namespace coracle::build {
namespace {

std::string Expand(absl::string_view text, ExpandOptions options = {}) {
  const std::map<std::string, std::string> set = {
      {"A", "a"},         {"EMPTY", ""},           {"PATHS", "/usr/bin:/bin"}, {"FILE", "lib.tar.gz"},
      {"TWO", "x y"},     {"STRING", "foobarbaz"}, {"SLASHES", "a/b/c"},       {"UTF", "äöü"},
      {"QUOTED", "\"q\""}};
  const auto lookup = [&](absl::string_view name) -> std::optional<std::string> {
    const auto found = set.find(std::string(name));
    if (found == set.end()) return std::nullopt;
    return found->second;
  };
  const absl::StatusOr<std::string> out = ExpandWord(text, lookup, options);
  return out.ok() ? *out : "ERROR " + std::string(out.status().message());
}

std::vector<std::string> Words(absl::string_view text) {
  const auto lookup = [](absl::string_view name) -> std::optional<std::string> {
    if (name == "TWO") return "x y";
    return std::nullopt;
  };
  return ExpandWords(text, lookup).value();
}

TEST_SUITE("build/expand") {
  TEST_CASE("a variable stands for its value, an unset one for nothing") {
    CHECK(Expand("$A") == "a");
    CHECK(Expand("${A}b$A") == "aba");
    CHECK(Expand("x${NONE}y$NONE") == "xy");
    CHECK(Expand("$A_$A-$A.") == "a-a.");
    CHECK(Expand("$") == "$");
    CHECK(Expand("$ $% a$") == "$ $% a$");
    CHECK(Expand("$1A$") == "A$");
  }
  TEST_CASE("quotes group, single ones keep, escapes free") {
    CHECK(Expand("'$A'") == "$A");
    CHECK(Expand("\"$A\"") == "a");
    CHECK(Expand("\\$A \\\\ \\x") == "$A \\ x");
    CHECK(Expand("\"\\$A \\\\ \\x \\\"\"") == "$A \\ \\x \"");
    CHECK(Expand("'a\\'") == "a\\");
    CHECK(Expand("$QUOTED") == "\"q\"");
    CHECK(Expand("a\\") == "a");
    ExpandOptions windows;
    windows.escape = '`';
    CHECK(Expand("C:\\`$A", windows) == "C:\\$A");
  }
  TEST_CASE("missing ends are errors") {
    CHECK(Expand("'a") == "ERROR missing closing single quote (')");
    CHECK(Expand("\"a") == "ERROR missing closing double quote (\")");
    CHECK(Expand("${A") == "ERROR missing '}'");
    CHECK(Expand("${A:-x") == "ERROR missing '}'");
    CHECK(Expand("${") == "ERROR missing '}'");
    CHECK(Expand("${}") == "ERROR bad substitution");
    CHECK(Expand("${:x}") == "ERROR bad substitution");
    CHECK(Expand("${A!x}") == "ERROR unsupported modifier (!) in substitution");
    CHECK(Expand("${A:=x}") == "ERROR unsupported modifier (:=) in substitution");
    CHECK(Expand("${A/x}") == "ERROR missing '/' in ${}");
  }
  TEST_CASE("defaults, alternatives and demands, with and without the colon") {
    CHECK(Expand("${NONE:-d}${EMPTY:-d}${A:-d}") == "dda");
    CHECK(Expand("${NONE-d}${EMPTY-d}${A-d}") == "da");
    CHECK(Expand("${NONE:+d}${EMPTY:+d}${A:+d}") == "d");
    CHECK(Expand("${NONE+d}${EMPTY+d}${A+d}") == "dd");
    CHECK(Expand("${NONE:-${EMPTY:-$A}}") == "a");
    CHECK(Expand("${NONE:-'a}b'}") == "a}b");
    CHECK(Expand("${A:?x}${EMPTY?x}") == "a");
    CHECK(Expand("${NONE:?tell me}") == "ERROR NONE: tell me");
    CHECK(Expand("${NONE?}") == "ERROR NONE: is not allowed to be unset");
    CHECK(Expand("${EMPTY:?}") == "ERROR EMPTY: is not allowed to be empty");
  }
  TEST_CASE("prefixes and suffixes, shortest and longest") {
    CHECK(Expand("${STRING#f*b}") == "arbaz");
    CHECK(Expand("${STRING##f*b}") == "az");
    CHECK(Expand("${STRING%b*}") == "foobar");
    CHECK(Expand("${STRING%%b*}") == "foo");
    CHECK(Expand("${STRING#x}") == "foobarbaz");
    CHECK(Expand("${STRING#???}") == "barbaz");
    CHECK(Expand("${FILE%%.*}") == "lib");
    CHECK(Expand("${FILE#*.}") == "tar.gz");
    CHECK(Expand("${UTF#?}") == "öü");
    CHECK(Expand("${PATHS##*/}") == "bin");
    CHECK(Expand("${NONE#x}") == "");
    CHECK(Expand("${STRING#\\q}") == "ERROR invalid escape '\\q' in a pattern");
  }
  TEST_CASE("replacing the first, or all") {
    CHECK(Expand("${STRING/ba/X}") == "fooXrbaz");
    CHECK(Expand("${STRING//ba/X}") == "fooXrXz");
    CHECK(Expand("${STRING//b?/-}") == "foo-r-z");
    CHECK(Expand("${SLASHES//\\//-}") == "a-b-c");
    CHECK(Expand("${STRING/b*/}") == "foo");
    CHECK(Expand("${STRING/x/y}") == "foobarbaz");
    CHECK(Expand("${STRING//o/$A}") == "faabarbaz");
  }
  TEST_CASE("words split at blanks, not at quoted ones") {
    CHECK(Words("a  b") == std::vector<std::string>{"a", "b"});
    CHECK(Words("$TWO z") == std::vector<std::string>{"x", "y", "z"});
    CHECK(Words("\"$TWO\" 'a b'") == std::vector<std::string>{"x y", "a b"});
    CHECK(Words("a\\ b \"\"") == std::vector<std::string>{"a b"});
  }
  TEST_CASE("names that nothing sets are told, those with a default not") {
    std::vector<std::string> unset;
    std::vector<std::string> used;
    ExpandOptions options;
    options.unset = &unset;
    options.used = &used;
    CHECK(Expand("$X ${Y:-d} $X '$Z' $A", options) == " d  $Z a");
    CHECK(unset == std::vector<std::string>{"X"});
    CHECK(used == std::vector<std::string>{"A"});
  }
  TEST_CASE("in a heredoc quotes are letters") {
    ExpandOptions options;
    options.ignore_quotes = true;
    CHECK(Expand("it's \"$A\" \\$A", options) == "it's \"a\" $A");
  }
  TEST_CASE("what would grow or nest without end is refused") {
    std::string deep;
    for (int i = 0; i < 1000; ++i) deep += "${A:+";
    CHECK(Expand(deep).substr(0, 5) == "ERROR");
    std::string stars = "${STRING#" + std::string(5000, '*') + "x}";
    CHECK(Expand(stars) == "foobarbaz");
  }
}

}  // namespace
}  // namespace coracle::build
