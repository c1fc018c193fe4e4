#include "oci/platform.h"

#include "doctest/doctest.h"

namespace coracle::oci {
namespace {

std::string Name(absl::string_view text) {
  const auto platform = ParsePlatform(text);
  return platform.ok() ? PlatformName(*platform) : "error";
}
std::optional<int> Distance(absl::string_view wanted, absl::string_view image) {
  return PlatformDistance(ParsePlatform(wanted).value(), ParsePlatform(image).value());
}

TEST_SUITE("oci/platform") {
  TEST_CASE("platforms are read under all their names") {
    CHECK(Name("linux/arm64/v8") == "linux/arm64");
    CHECK(Name("linux/x86_64") == "linux/amd64");
    CHECK(Name("linux/amd64/v1") == "linux/amd64");
    CHECK(Name("linux/amd64/v3") == "linux/amd64/v3");
    CHECK(Name("linux/arm") == "linux/arm/v7");
    CHECK(Name("linux/arm/6") == "linux/arm/v6");
    CHECK(Name("Linux/ARMHF") == "linux/arm/v7");
    CHECK(Name("s390x") == "linux/s390x");
    CHECK(Name("linux") == PlatformName(HostPlatform()));
    CHECK(Name("windows/amd64") == "windows/amd64");
  }
  TEST_CASE("what is no platform is refused") {
    for (const char* text : {"", "/", "linux/", "a/b/c/d", "nonsense", "linux/a b", "linux/\x1b[1m"}) {
      CAPTURE(std::string(text));
      CHECK(Name(text) == "error");
    }
  }
  TEST_CASE("an older variant runs on a newer one, nothing else does") {
    CHECK(Distance("linux/arm/v7", "linux/arm/v7") == 0);
    CHECK(Distance("linux/arm/v7", "linux/arm/v5") == 2);
    CHECK_FALSE(Distance("linux/arm/v6", "linux/arm/v7").has_value());
    CHECK(Distance("linux/amd64/v3", "linux/amd64") == 2);
    CHECK_FALSE(Distance("linux/amd64", "linux/amd64/v3").has_value());
    CHECK_FALSE(Distance("linux/amd64", "linux/arm64").has_value());
    CHECK_FALSE(Distance("linux/amd64", "windows/amd64").has_value());
    CHECK(Distance("linux/arm64", "linux/arm64/v8") == 0);
  }
}

}  // namespace
}  // namespace coracle::oci
