#include "oci/digest.h"

#include "absl/strings/str_cat.h"
#include "doctest/doctest.h"

namespace coracle::oci {
namespace {

TEST_SUITE("oci/digest") {
  TEST_CASE("a digest is sha256 and 64 lower-case digits, or refused") {
    const std::string hex(64, 'a');
    const auto digest = Digest::Parse(absl::StrCat("sha256:", hex));
    REQUIRE(digest.ok());
    CHECK(digest->hex() == hex);
    CHECK(*digest == Digest::FromHex(hex).value());
    CHECK(*digest == Digest::FromBytes(std::string(32, '\xaa')));
    for (const std::string& text :
         {std::string(), hex, absl::StrCat("sha256:", hex, "a"), "sha256:" + hex.substr(1),
          "sha256:" + std::string(64, 'A'), "sha256:../" + hex.substr(3), "SHA256:" + hex}) {
      CAPTURE(text);
      CHECK(Digest::Parse(text).status().code() == absl::StatusCode::kInvalidArgument);
    }
    CHECK(Digest::Parse("sha512:" + hex + hex).status().code() == absl::StatusCode::kUnimplemented);
  }
  TEST_CASE("no digest is empty") {
    CHECK(Digest().empty());
    CHECK(Digest().hex().empty());
    CHECK(Digest::FromBytes("short").empty());
  }
}

}  // namespace
}  // namespace coracle::oci
