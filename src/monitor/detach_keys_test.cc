#include "monitor/detach_keys.h"

#include "doctest/doctest.h"

namespace coracle::monitor {
namespace {

TEST_SUITE("monitor/detach_keys") {
  TEST_CASE("keys are control characters, letters or any single character") {
    CHECK(ParseDetachKeys("ctrl-p,ctrl-q").value() == "\x10\x11");
    CHECK(ParseDetachKeys("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_").value() ==
          std::string("\0\x1b\x1c\x1d\x1e\x1f", 6));
    CHECK(ParseDetachKeys("a,ctrl-C").value() == "a\x03");
    CHECK(ParseDetachKeys("").value().empty());
    for (const char* bad : {"ctrl-", "ctrl-1", "ctrl-ab", "ab", ",", "a,,b"}) {
      CHECK(absl::IsInvalidArgument(ParseDetachKeys(bad).status()));
    }
  }
  TEST_CASE("a half sequence is held back and given on when it turns out to be none") {
    DetachScanner scanner("\x10\x11");
    std::string out;
    CHECK_FALSE(scanner.Scan("ab\x10", &out));
    CHECK(out == "ab");
    CHECK_FALSE(scanner.Scan("c", &out));
    CHECK(out ==
          "ab\x10"
          "c");
    CHECK(scanner.Scan("\x10\x10\x11zz", &out));
    CHECK(out ==
          "ab\x10"
          "c\x10");
  }
  TEST_CASE("a sequence that overlaps itself is found") {
    DetachScanner scanner("aab");
    std::string out;
    CHECK(scanner.Scan("aaab", &out));
    CHECK(out == "a");
  }
  TEST_CASE("without keys everything passes") {
    DetachScanner scanner("");
    std::string out;
    CHECK_FALSE(scanner.Scan("\x10\x11", &out));
    CHECK(out == "\x10\x11");
  }
}

}  // namespace
}  // namespace coracle::monitor
