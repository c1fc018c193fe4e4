#include "os/user_namespace.h"

#include "doctest/doctest.h"

namespace coracle::os {

TEST_SUITE("os/user_namespace") {
  TEST_CASE("subordinate ranges are found by name and by number") {
    const auto ranges = ParseSubordinateIds("alice:100000:65536\n1000:300000:10\nbob:1:2\n", "alice", 1000);
    REQUIRE(ranges.size() == 2);
    CHECK(ranges[0].start == 100000);
    CHECK(ranges[0].count == 65536);
    CHECK(ranges[1].start == 300000);
  }

  TEST_CASE("malformed, empty and overflowing ranges are skipped") {
    CHECK(ParseSubordinateIds("a:1\na:x:1\na:1:0\na:4294967295:5\na:1:2:3\n:1:2\n", "a", 7).empty());
    CHECK(ParseSubordinateIds(":100:200\n", "", 7).empty());
  }

  TEST_CASE("the name of a user comes from passwd") {
    CHECK(UserNameIn("root:x:0:0::/root:/bin/sh\nann:x:1000:1000:A:/h:/bin/sh\n", 1000) == "ann");
    CHECK(UserNameIn("broken\nann:x\n", 1000).empty());
  }

  TEST_CASE("the map starts with one's own id and goes on with the ranges") {
    const auto map = RootlessMap(1000, {{.start = 100000, .count = 10}, {.start = 200000, .count = 5}});
    REQUIRE(map.size() == 3);
    CHECK(map[0].inside == 0);
    CHECK(map[0].outside == 1000);
    CHECK(map[1].inside == 1);
    CHECK(map[2].inside == 11);
    CHECK(map[2].outside == 200000);
  }

  TEST_CASE("a range that holds one's own id is left out: the kernel refuses an id mapped twice") {
    CHECK(RootlessMap(1000, {{.start = 500, .count = 1000}}).size() == 1);
  }
}

}  // namespace coracle::os
