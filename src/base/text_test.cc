#include "base/text.h"

#include "doctest/doctest.h"

namespace coracle {
namespace {

TEST_SUITE("base/text") {
  TEST_CASE("control characters and invalid bytes are escaped, UTF-8 stays") {
    CHECK(Printable("a\x1b[31mb\x7f\n") == "a\\x1b[31mb\\x7f\\x0a");
    CHECK(Printable("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
    CHECK(Printable("\xc2\x9b"
                    "31m") == "\\xc2\\x9b31m");
    CHECK(Printable("\xff\xed\xa0\x80") == "\\xff\\xed\\xa0\\x80");
  }
}

}  // namespace
}  // namespace coracle
