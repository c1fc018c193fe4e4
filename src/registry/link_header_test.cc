#include "registry/link_header.h"

#include "doctest/doctest.h"

namespace coracle::registry {
namespace {

TEST_SUITE("registry/link_header") {
  TEST_CASE("the next page is found, quoted or not") {
    CHECK(NextLink("</v2/a/tags/list?last=x&n=2>; rel=\"next\"") == "/v2/a/tags/list?last=x&n=2");
    CHECK(NextLink("<https://r.example/v2/_catalog?n=1>;rel=next") == "https://r.example/v2/_catalog?n=1");
    CHECK(NextLink("</a>; REL=\"last Next\"") == "/a");
  }

  TEST_CASE("other relations are passed by") {
    CHECK(NextLink("</first>; rel=first, </next>; title=\"a, b; rel=\\\"x\\\"\"; rel=next") == "/next");
    CHECK(NextLink("</prev>; rel=prev").empty());
    CHECK(NextLink("</a>; rel=prev; rel=next").empty());
    CHECK(NextLink("</a>").empty());
  }

  TEST_CASE("what is no link gives nothing") {
    for (const char* bad : {"", ",", "next", "</never-closed; rel=next", "/a; rel=next", "<"}) {
      CHECK(NextLink(bad).empty());
    }
  }
}

}  // namespace
}  // namespace coracle::registry
