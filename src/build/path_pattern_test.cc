#include "build/path_pattern.h"

#include "base/status.h"
#include "build/ignore_patterns.h"
#include "doctest/doctest.h"

namespace coracle::build {
namespace {

bool Matches(absl::string_view pattern, absl::string_view path) {
  return PathPattern::Parse(pattern, /*any_depth=*/true)->Matches(path);
}

bool Ignored(absl::string_view file, absl::string_view path) {
  return IgnorePatterns::ParseFile(".dockerignore", file)->Ignores(path);
}

TEST_SUITE("build/path_pattern") {
  TEST_CASE("paths are cleaned as text") {
    CHECK(CleanPath("") == ".");
    CHECK(CleanPath("a//b/./c/..") == "a/b");
    CHECK(CleanPath("/../a/") == "/a");
    CHECK(CleanPath("../a/../../b") == "../../b");
    CHECK(CleanPath("/") == "/");
  }
  TEST_CASE("stars stay in their directory, two of them don't") {
    CHECK(Matches("*.go", "a.go"));
    CHECK(!Matches("*.go", "a/b.go"));
    CHECK(Matches("a?c", "abc"));
    CHECK(!Matches("a?c", "a/c"));
    CHECK(Matches("**/x", "x"));
    CHECK(Matches("**/x", "a/b/x"));
    CHECK(!Matches("**/x", "a/bx"));
    CHECK(Matches("a/**", "a/b/c"));
    CHECK(Matches("a/**/z", "a/z"));
    CHECK(Matches("a/**/z", "a/b/c/z"));
    CHECK(!Matches("a/**/z", "a/bz"));
    CHECK(Matches("**", "a/b"));
    CHECK(Matches("**/*.go", "x.go"));
    CHECK(Matches("*/*/t*", "a/b/txt"));
    CHECK(!PathPattern::Parse("**/x", false)->Matches("a/b/x"));
    CHECK(PathPattern::Parse("**/x", false)->Matches("a/x"));
  }
  TEST_CASE("classes and escapes") {
    CHECK(Matches("[a-c]x", "bx"));
    CHECK(!Matches("[^a-c]x", "bx"));
    CHECK(Matches("[^a-c]x", "dx"));
    CHECK(!Matches("a[^b]c", "a/c"));
    CHECK(Matches("\\*x", "*x"));
    CHECK(!Matches("\\*x", "ax"));
    CHECK(Matches("a.b", "a.b"));
    CHECK(!Matches("a.b", "axb"));
    CHECK(!PathPattern::Parse("[a", true).ok());
    CHECK(!PathPattern::Parse("a\\", true).ok());
    CHECK(!PathPattern::Parse(std::string(5000, '?'), true).ok());
  }
  TEST_CASE("what may match below a directory") {
    const auto below = [](absl::string_view pattern, absl::string_view path) {
      return PathPattern::Parse(pattern, true)->MayMatchBelow(path);
    };
    CHECK(below("a/b/c", "a"));
    CHECK(below("a/b/c", "a/b"));
    CHECK(!below("a/b/c", "b"));
    CHECK(!below("a/b", "a/b"));
    CHECK(below("*/x", "a"));
    CHECK(!below("*.go", "a"));
    CHECK(below("**/x", "a/b"));
  }
}

TEST_SUITE("build/ignore_patterns") {
  TEST_CASE("a directory takes along what is in it") {
    CHECK(Ignored("node_modules", "node_modules/a/b"));
    CHECK(!Ignored("node_modules", "x/node_modules"));
    CHECK(Ignored("**/node_modules", "x/node_modules/y"));
    CHECK(Ignored("/a/", "a/b"));
    CHECK(Ignored("./a", "a"));
    CHECK(!Ignored("a", "ab"));
    CHECK(Ignored("*", "a/b/c"));
  }
  TEST_CASE("the last match decides, and may take back") {
    CHECK(!Ignored("*\n!keep", "keep"));
    CHECK(Ignored("*\n!keep", "other"));
    CHECK(!Ignored("*\n!a/b", "a/b/c"));
    CHECK(Ignored("*\n!a/b", "a/x"));
    CHECK(!Ignored("*.md\n!README*.md", "README.md"));
    CHECK(Ignored("*.md\n!README*.md\nREADME-secret.md", "README-secret.md"));
    CHECK(!Ignored("*.md\nREADME-secret.md\n!README*.md", "README-secret.md"));
    CHECK(Ignored("a\n!a/b\na/b/c", "a/b/c"));
    CHECK(Ignored("! b\nb", "b"));
  }
  TEST_CASE("comments, blanks and a byte order mark don't count") {
    CHECK(!Ignored("#a", "#a"));
    CHECK(Ignored("\xEF\xBB\xBF  a  \r\n", "a"));
    CHECK(Ignored(" #a", "#a"));
    CHECK(IgnorePatterns::ParseFile("x", "\n\n# only\n")->empty());
  }
  TEST_CASE("errors name the line") {
    CHECK(StatusLine(IgnorePatterns::ParseFile(".dockerignore", "a\n[x\n").status()) ==
          ".dockerignore:2: pattern [x: \"[\" without \"]\"");
    CHECK(!IgnorePatterns::ParseFile("x", "!").ok());
  }
  TEST_CASE("an ignored directory is walked only for what may be taken back") {
    const auto patterns = IgnorePatterns::ParseFile("x", "*\n!a/b");
    CHECK(patterns->MayTakeBackBelow("a"));
    CHECK(!patterns->MayTakeBackBelow("c"));
  }
}

}  // namespace
}  // namespace coracle::build
