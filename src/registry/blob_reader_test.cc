#include "registry/blob_reader.h"

#include "doctest/doctest.h"
#include "registry/auth.h"

namespace coracle::registry {
namespace {

TEST_SUITE("registry/blob_reader") {
  TEST_CASE("a Content-Range says what it is a part of") {
    const auto range = ParseContentRange("bytes 5-9/10");
    REQUIRE(range.ok());
    CHECK(range->first == 5);
    CHECK(range->last == 9);
    CHECK(range->size == 10);
    CHECK(ParseContentRange("bytes 0-0/*")->size == -1);
  }

  TEST_CASE("one that contradicts itself is refused") {
    for (const char* bad : {"", "bytes", "bytes */10", "bytes 5-4/10", "bytes 5-10/10", "bytes -1-4/10",
                            "items 0-1/2", "bytes 0-1", "bytes 0-99999999999999999999/*", "bytes 0 - 1/2x"}) {
      CHECK(absl::IsDataLoss(ParseContentRange(bad).status()));
    }
  }
}

TEST_SUITE("registry/auth") {
  TEST_CASE("scopes are joined without doubles") {
    CHECK(JoinScopes("", "").empty());
    CHECK(JoinScopes("a:b:pull", "") == "a:b:pull");
    CHECK(JoinScopes("a:b:pull c:d:pull", "c:d:pull e") == "a:b:pull c:d:pull e");
  }
}

}  // namespace
}  // namespace coracle::registry
