#include "oci/reference.h"

#include "absl/strings/str_cat.h"
#include "doctest/doctest.h"

namespace coracle::oci {
namespace {

std::string Full(absl::string_view text) {
  const auto reference = ImageReference::Parse(text);
  return reference.ok() ? reference->str() : absl::StrCat("error: ", reference.status().message());
}
const std::string& SomeDigest() {
  static const std::string& digest = *new std::string("sha256:" + std::string(64, 'b'));
  return digest;
}

TEST_SUITE("oci/reference") {
  TEST_CASE("short names are completed as docker does") {
    CHECK(Full("debian") == "docker.io/library/debian");
    CHECK(Full("debian:12") == "docker.io/library/debian:12");
    CHECK(Full("a/b") == "docker.io/a/b");
    CHECK(Full("docker.io/debian") == "docker.io/library/debian");
    CHECK(Full("index.docker.io/debian") == "docker.io/library/debian");
    CHECK(Full("localhost/a") == "localhost/a");
    CHECK(Full("localhost:5000/a/b:c") == "localhost:5000/a/b:c");
    CHECK(Full("quay.io/a/b/c@" + SomeDigest()) == "quay.io/a/b/c@" + SomeDigest());
    CHECK(Full("a:b@" + SomeDigest()) == "docker.io/library/a:b@" + SomeDigest());
    CHECK(Full("Upper/a") == "Upper/a");
    CHECK(Full("[2001:db8::1]:80/a") == "[2001:db8::1]:80/a");
    CHECK(Full("a__b/c---d.e_f") == "docker.io/a__b/c---d.e_f");
    CHECK(ImageReference::ParseLocal("a/b:c")->str() == "localhost/a/b:c");
    CHECK(ImageReference::ParseLocal("quay.io/a")->str() == "quay.io/a");
  }
  TEST_CASE("what does not follow the grammar is refused in docker's words") {
    CHECK(Full("Debian") ==
          "error: invalid reference format: repository name (library/Debian) must be lowercase");
    CHECK(Full("a/B") == "error: invalid reference format: repository name (a/B) must be lowercase");
    for (const char* text :
         {"",       "/",       "a/",     "/a",     "a//b",  "-a",     "a-",     "a..b",
          "a___b",  "a._b",    ":tag",   "a:",     "a:-x",  "a b",    "a\nb",   "../a",
          "a/../b", "x.y:z/a", "x.y:/a", "-x.y/a", "a:b:c", "[::1/a", "[]:5/a", "x..y/a"}) {
      CAPTURE(std::string(text));
      CHECK(Full(text) == "error: invalid reference format");
    }
    CHECK(Full("a:" + std::string(128, 't')) == "docker.io/library/a:" + std::string(128, 't'));
    CHECK(Full("a:" + std::string(129, 't')) == "error: invalid reference format");
    CHECK(Full("a@sha256:1") == "error: invalid reference format: invalid digest \"sha256:1\"");
    CHECK(Full("a/" + std::string(256, 'a')) ==
          "error: repository name must not be more than 255 characters");
    CHECK(Full(std::string(64, 'a')).find("cannot specify 64-byte hexadecimal strings") != std::string::npos);
  }
  TEST_CASE("the familiar form reads back to the same") {
    for (const std::string& text :
         {std::string("debian"), std::string("a/b:c"), std::string("docker.io/foo.bar/baz"),
          std::string("localhost/a"), std::string("library/a/b"), std::string("quay.io/x/y:z"),
          "docker.io/library/" + std::string(64, 'a'), "a:b@" + SomeDigest()}) {
      CAPTURE(text);
      const auto reference = ImageReference::Parse(text);
      REQUIRE(reference.ok());
      CHECK(ImageReference::Parse(reference->familiar()).value() == *reference);
      CHECK(ImageReference::Parse(reference->str()).value() == *reference);
    }
    CHECK(ImageReference::Parse("docker.io/library/debian:12")->familiar() == "debian:12");
    CHECK(ImageReference::Parse("docker.io/a/b")->familiar() == "a/b");
    CHECK(ImageReference::Parse("localhost/a")->familiar() == "localhost/a");
  }
  TEST_CASE("host and port are parts of the domain") {
    CHECK(ImageReference::Parse("x.y:5000/a")->host() == "x.y");
    CHECK(ImageReference::Parse("x.y:5000/a")->port() == "5000");
    CHECK(ImageReference::Parse("[::1]:5000/a")->host() == "[::1]");
    CHECK(ImageReference::Parse("[::1]/a")->host() == "[::1]");
    CHECK(ImageReference::Parse("[::1]/a")->port().empty());
    CHECK(ImageReference::Parse("a")->port().empty());
  }
  TEST_CASE("tags and digests are set and defaulted") {
    const ImageReference bare = ImageReference::Parse("a").value();
    CHECK(bare.WithTagOrDefault().familiar() == "a:latest");
    CHECK(bare.WithTag("x")->WithTagOrDefault().tag() == "x");
    CHECK_FALSE(bare.WithTag("x/y").ok());
    const ImageReference pinned = bare.WithDigest(Digest::Parse(SomeDigest()).value());
    CHECK(pinned.WithTagOrDefault().tag().empty());
    CHECK(pinned.WithoutTagAndDigest() == bare);
  }
  TEST_CASE("a short name is looked for here before it is docker.io's") {
    const auto candidates = LocalCandidates("a:b").value();
    REQUIRE(candidates.size() == 2);
    CHECK(candidates[0].str() == "localhost/a:b");
    CHECK(candidates[1].str() == "docker.io/library/a:b");
    CHECK(LocalCandidates("x.y/a").value().size() == 1);
    CHECK_FALSE(LocalCandidates("A").ok());
  }
  TEST_CASE("ids and their beginnings are recognised") {
    CHECK(AsIdPrefix("abc123") == "abc123");
    CHECK(AsIdPrefix(SomeDigest()) == std::string(64, 'b'));
    CHECK_FALSE(AsIdPrefix("").has_value());
    CHECK_FALSE(AsIdPrefix("sha256:").has_value());
    CHECK_FALSE(AsIdPrefix("debian").has_value());
    CHECK_FALSE(AsIdPrefix(std::string(65, 'a')).has_value());
  }
}

}  // namespace
}  // namespace coracle::oci
