#include "store/names_generator.h"

#include <set>

#include "doctest/doctest.h"
#include "store/store.h"

namespace coracle::store {

TEST_SUITE("store/names_generator") {
  TEST_CASE("made-up names are valid and differ") {
    std::set<std::string> names;
    for (int i = 0; i < 200; ++i) {
      const std::string name = RandomName(0);
      CHECK(CheckContainerName(name).ok());
      CHECK(name.find('_') != std::string::npos);
      names.insert(name);
    }
    CHECK(names.size() > 150);
  }

  TEST_CASE("a later attempt appends a number") {
    const std::string name = RandomName(2);
    CHECK(name.find_first_of("0123456789") != std::string::npos);
  }
}

}  // namespace coracle::store
