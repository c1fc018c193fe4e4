#include "base/toml.h"

#include "absl/strings/match.h"
#include "doctest/doctest.h"

namespace coracle {
namespace {

TEST_SUITE("base/toml") {
  TEST_CASE("tables, arrays of tables, strings, numbers and dates become JSON") {
    const auto value = ParseToml(
        "# a comment [[[[\n"
        "list = [\"a\", 'b']\n"
        "number = 3\nhalf = 0.5\nyes = true\nday = 1979-05-27\n"
        "\"quoted.key\" = \"\"\"two\nlines\"\"\"\n"
        "[table]\nx.y = 1\n"
        "[[rows]]\nname = \"one\"\n[[rows.inner]]\nz = 2\n[[rows]]\nname = \"two\"\n");
    REQUIRE(value.ok());
    CHECK(DumpJson(*value) ==
          R"({"day":"1979-05-27","half":0.5,"list":["a","b"],"number":3,"quoted.key":"two\nlines",)"
          R"("rows":[{"inner":[{"z":2}],"name":"one"},{"name":"two"}],"table":{"x":{"y":1}},"yes":true})");
  }

  TEST_CASE("nothing is an empty table") {
    CHECK(DumpJson(*ParseToml("")) == "{}");
    CHECK(DumpJson(*ParseToml("# only a comment")) == "{}");
    CHECK(DumpJson(*ParseToml("\xef\xbb\xbf")) == "{}");
  }

  TEST_CASE("an error names its line") {
    for (const char* text : {"a = 1\nb = \n", "a = 1\n[t\n", "a = 1\na = 2\n", "a = 1\nb = \"\n",
                             "a = 1\nb = 2 c = 3\n", "[a]\n[a]\n", "x = 1\n= 2\n"}) {
      CAPTURE(text);
      const auto value = ParseToml(text);
      REQUIRE(absl::IsInvalidArgument(value.status()));
      CHECK(value.status().message() == "malformed TOML in line 2");
    }
  }

  TEST_CASE("what is not UTF-8, or has control characters, does not reach the parser") {
    CHECK(ParseToml("a = 1\nb = 'q\xf7y'\n").status().message() == "malformed TOML in line 2: not UTF-8");
    CHECK(ParseToml(absl::string_view("a = '\0'", 7)).status().message() ==
          "malformed TOML in line 1: control character");
    CHECK(DumpJson(*ParseToml("a = '\u20ac \xef\xbf\xbd'")) == "{\"a\":\"\u20ac \xef\xbf\xbd\"}");
  }

  TEST_CASE("what is too deep or too long is refused before it is built") {
    CHECK(absl::IsInvalidArgument(ParseToml("a = " + std::string(100000, '[')).status()));
    CHECK(absl::IsInvalidArgument(ParseToml("a = " + std::string(33, '[') + std::string(33, ']')).status()));
    CHECK(ParseToml("a = " + std::string(31, '[') + std::string(31, ']')).ok());
    std::string key = "a";
    for (int i = 0; i < 10000; ++i) key += ".a";
    CHECK(absl::IsInvalidArgument(ParseToml(key + " = 1").status()));
    CHECK(absl::IsInvalidArgument(ParseToml("[" + key + "]").status()));
    CHECK(absl::IsInvalidArgument(ParseToml(std::string(kMaxTomlBytes + 1, '\n')).status()));
    // Dots that make no depth.
    std::string numbers = "a = [";
    for (int i = 0; i < 100; ++i) numbers += "1.5, ";
    CHECK(ParseToml(numbers + "]").ok());
  }
}

}  // namespace
}  // namespace coracle
