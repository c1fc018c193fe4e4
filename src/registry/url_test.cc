#include "registry/url.h"

#include "doctest/doctest.h"

namespace coracle::registry {
namespace {

TEST_SUITE("registry/url") {
  TEST_CASE("references are seen from the base") {
    const std::string base = "https://r.example:5000/v2/a/tags/list?n=1";
    CHECK(ResolveUrl(base, "/v2/x?y=z").value() == "https://r.example:5000/v2/x?y=z");
    CHECK(ResolveUrl(base, "list?last=q").value() == "https://r.example:5000/v2/a/tags/list?last=q");
    CHECK(ResolveUrl(base, "//cdn.example/b").value() == "https://cdn.example/b");
    CHECK(ResolveUrl(base, "http://other.example/b").value() == "http://other.example/b");
  }

  TEST_CASE("only http and https, without a user, are URLs") {
    const std::string base = "https://r.example/";
    for (const char* bad :
         {"file:///etc/passwd", "ftp://x/", "https://user:pw@x/", "https://x/\n", "https://:1/"}) {
      CHECK_FALSE(ResolveUrl(base, bad).ok());
    }
  }

  TEST_CASE("an origin is scheme, host and port") {
    CHECK(OriginOf("https://R.example/a/b") == "https://r.example:443");
    CHECK(OriginOf("http://r.example") == "http://r.example:80");
    CHECK(OriginOf("http://[::1]:5000/v2/") == "http://[::1]:5000");
    CHECK(OriginOf("nonsense:/").empty());
    CHECK(HostOf("http://[::1]:5000/v2/") == "[::1]");
    CHECK(HostOf("http://a.b:1/") == "a.b");
  }

  TEST_CASE("query values are escaped") {
    CHECK(QueryEscape("repository:a/b:pull,push") == "repository%3Aa%2Fb%3Apull%2Cpush");
    CHECK(WithQuery("https://a/t", "x", "1 2") == "https://a/t?x=1%202");
    CHECK(WithQuery("https://a/t?x=1", "y", "\n") == "https://a/t?x=1&y=%0A");
  }
}

}  // namespace
}  // namespace coracle::registry
