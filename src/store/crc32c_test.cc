#include "store/crc32c.h"

#include <string>

#include "doctest/doctest.h"

namespace coracle::store {

TEST_SUITE("store/crc32c") {
  TEST_CASE("the check values of RFC 3720") {
    CHECK(Crc32c("123456789") == 0xe3069283u);
    CHECK(Crc32c(std::string(32, '\0')) == 0x8a9136aau);
    CHECK(Crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
    CHECK(Crc32c("") == 0u);
  }

  TEST_CASE("both ways agree at every length") {
    std::string data;
    for (int i = 0; i < 100; ++i) {
      CHECK(Crc32c(data) == Crc32cPortable(data));
      data.push_back(static_cast<char>(i * 37));
    }
  }
}

}  // namespace coracle::store
