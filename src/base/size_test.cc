#include "base/size.h"

#include "doctest/doctest.h"

namespace coracle {
namespace {

TEST_SUITE("base/size") {
  TEST_CASE("sizes are read as docker reads them, all units binary") {
    CHECK(*ParseSize("64m") == 64 << 20);
    CHECK(*ParseSize("64MiB") == 64 << 20);
    CHECK(*ParseSize("64MB") == 64 << 20);
    CHECK(*ParseSize("1.5g") == 1610612736);
    CHECK(*ParseSize("32 kb") == 32 << 10);
    CHECK(*ParseSize("42") == 42);
    CHECK(*ParseSize("42b") == 42);
    CHECK(*ParseSize("1p") == int64_t{1} << 50);
    CHECK(*ParseSize(".5k") == 512);
    CHECK(*ParseSize("9223372036854775807") == INT64_MAX);
  }
  TEST_CASE("what is no size is refused") {
    for (const char* bad : {"", "m", "-1", "-1k", "1x", "1kk", "1mbb", "1.2.3", "1e3", "0x10", "inf", "nan",
                            "1  k", "9999999p", "k1", " 1", "1ki", "."}) {
      CAPTURE(bad);
      CHECK(ParseSize(bad).status().code() == absl::StatusCode::kInvalidArgument);
    }
    CHECK_FALSE(ParseSize(absl::string_view("1\0", 2)).ok());
  }
  TEST_CASE("sizes are written with a few digits and a unit") {
    CHECK(HumanSize(0) == "0B");
    CHECK(HumanSize(999) == "999B");
    CHECK(HumanSize(1000) == "1kB");
    CHECK(HumanSize(1210000) == "1.21MB");
    CHECK(HumanSize(1234567, 3) == "1.23MB");
    CHECK(HumanSize(1234567, 3, " ") == "1.23 MB");
    CHECK(HumanSize(INT64_MAX) == "9.223EB");
    CHECK(BinarySize(64 << 20) == "64MiB");
    CHECK(BinarySize(1536) == "1.5KiB");
  }
}

}  // namespace
}  // namespace coracle
