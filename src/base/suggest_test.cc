#include "base/suggest.h"

#include <string>

#include "doctest/doctest.h"

namespace coracle {
namespace {

TEST_SUITE("base/suggest") {
  TEST_CASE("edits are counted, a swap of neighbours is one") {
    CHECK(EditDistance("", "abc") == 3);
    CHECK(EditDistance("run", "run") == 0);
    CHECK(EditDistance("rnu", "run") == 1);
    CHECK(EditDistance("kitten", "sitting") == 3);
    CHECK(EditDistance("rmi", "rm") == 1);
    CHECK(EditDistance(std::string(65, 'a'), "a") > 1000);
  }
  TEST_CASE("the nearest word is offered, a far one is not") {
    constexpr absl::string_view kWords[] = {"run", "ps", "images", "inspect", "restart"};
    CHECK(Nearest("rnu", kWords) == "run");
    CHECK(Nearest("imagse", kWords) == "images");
    CHECK(Nearest("inspct", kWords) == "inspect");
    CHECK(Nearest("insp", kWords) == "inspect");
    CHECK(Nearest("frobnicate", kWords).empty());
    CHECK(Nearest("x", {}).empty());
  }
}

}  // namespace
}  // namespace coracle
