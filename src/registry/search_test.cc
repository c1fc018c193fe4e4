#include "registry/search.h"

#include "doctest/doctest.h"

namespace coracle::registry {
namespace {

TEST_SUITE("registry/search") {
  TEST_CASE("an answer of docker's hub is read") {
    const auto hits = ParseSearchAnswer(
        R"({"num_pages":1,"results":[{"name":"debian","description":"Debian is…","star_count":5000,)"
        R"("is_official":true,"is_automated":false,"is_trusted":false},{"name":"a/b","description":null}]})");
    REQUIRE(hits.ok());
    REQUIRE(hits->size() == 2);
    CHECK((*hits)[0].stars == 5000);
    CHECK((*hits)[0].official);
    CHECK((*hits)[1].name == "a/b");
    CHECK((*hits)[1].description.empty());
  }

  TEST_CASE("what is no answer is refused") {
    for (const char* text :
         {"", "<html>", "{}", "[]", R"({"results":[{"description":"x"}]})", R"({"results":{}})"}) {
      CHECK_FALSE(ParseSearchAnswer(text).ok());
    }
  }

  TEST_CASE("in a catalog the part of a name is looked for, the whole name comes first") {
    const auto hits = SearchCatalog({"a/web", "web", "x", "webserver"}, "web");
    REQUIRE(hits.size() == 3);
    CHECK(hits[0].name == "web");
    CHECK(hits[1].name == "a/web");
    CHECK(SearchCatalog({"a", "b"}, "").size() == 2);
  }
}

}  // namespace
}  // namespace coracle::registry
