#include "base/json.h"

#include <cstdint>
#include <string>

#include "doctest/doctest.h"

namespace coracle {
namespace {

TEST_SUITE("base/json") {
  TEST_CASE("64-bit integers and key order survive a round trip") {
    const std::string text = R"({"b":9223372036854775807,"a":[18446744073709551615]})";
    const auto value = ParseJson(text);
    REQUIRE(value.ok());
    CHECK(DumpJson(*value) == text);
  }
  TEST_CASE("objects have a limit of members, lists and documents have not") {
    const auto object = [](int members) {
      std::string text = "{\"x:\":0";
      for (int i = 1; i < members; ++i) text += ",\"" + std::to_string(i) + "\":0";
      return text + "}";
    };
    CHECK(ParseJson(object(kMaxJsonMembers)).ok());
    CHECK(ParseJson("[" + object(kMaxJsonMembers) + "," + object(kMaxJsonMembers) + "]").ok());
    CHECK(ParseJson(object(kMaxJsonMembers + 1)).status().code() == absl::StatusCode::kInvalidArgument);
  }
  TEST_CASE("malformed, trailing and too deep input is refused") {
    CHECK_FALSE(ParseJson("{").ok());
    CHECK_FALSE(ParseJson("{} x").ok());
    CHECK_FALSE(ParseJson(std::string(100000, '[')).ok());
    CHECK_FALSE(ParseJson("\"\xff\"").ok());
  }
}

}  // namespace
}  // namespace coracle
