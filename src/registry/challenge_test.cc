#include "registry/challenge.h"

#include "doctest/doctest.h"

namespace coracle::registry {
namespace {

TEST_SUITE("registry/challenge") {
  TEST_CASE("a bearer challenge gives realm, service and scope") {
    const auto all = ParseChallenges(
        "Bearer "
        "realm=\"https://auth.example/token\",service=\"registry.example\",scope=\"repository:a/"
        "b:pull,push\"");
    REQUIRE(all.size() == 1);
    CHECK(all[0].scheme == "bearer");
    CHECK(all[0].Get("realm") == "https://auth.example/token");
    CHECK(all[0].Get("service") == "registry.example");
    CHECK(all[0].Get("scope") == "repository:a/b:pull,push");
    CHECK(all[0].Get("error").empty());
  }

  TEST_CASE("scheme and parameter names have no case") {
    const auto all = ParseChallenges("BASIC Realm=\"x\"");
    REQUIRE(all.size() == 1);
    CHECK(all[0].scheme == "basic");
    CHECK(all[0].Get("realm") == "x");
  }

  TEST_CASE("several challenges share one header") {
    const auto all =
        ParseChallenges("Negotiate, Basic realm=\"a, b\" , charset=UTF-8, Bearer realm = x ,, service=y");
    REQUIRE(all.size() == 3);
    CHECK(all[0].scheme == "negotiate");
    CHECK(all[0].parameters.empty());
    CHECK(all[1].Get("realm") == "a, b");
    CHECK(all[1].Get("charset") == "UTF-8");
    CHECK(all[2].scheme == "bearer");
    CHECK(all[2].Get("realm") == "x");
    CHECK(all[2].Get("service") == "y");
  }

  TEST_CASE("backslashes take the next character as it is") {
    const auto all = ParseChallenges(R"(Basic realm="say \"hi\" \\")");
    REQUIRE(all.size() == 1);
    CHECK(all[0].Get("realm") == R"(say "hi" \)");
  }

  TEST_CASE("unquoted URLs are read to the next comma") {
    const auto all = ParseChallenges("Bearer realm=https://a/b?c=d,service=s");
    REQUIRE(all.size() == 1);
    CHECK(all[0].Get("realm") == "https://a/b?c=d");
    CHECK(all[0].Get("service") == "s");
  }

  TEST_CASE("what is malformed is not taken, what came before it is") {
    CHECK(ParseChallenges("").empty());
    CHECK(ParseChallenges(" , ,").empty());
    CHECK(ParseChallenges("=x").empty());
    CHECK(ParseChallenges("Bearer realm=\"never closed").empty());
    CHECK(ParseChallenges("Bearer realm=\"ends in a backslash\\").empty());
    const auto all = ParseChallenges("Basic realm=\"a\", Bearer realm=");
    REQUIRE(all.size() == 1);
    CHECK(all[0].scheme == "basic");
  }
}

}  // namespace
}  // namespace coracle::registry
