#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "base/status.h"
#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::store {
namespace {

std::string WithSchema(std::string file, uint32_t schema) {
  memcpy(file.data() + 4, &schema, sizeof(schema));
  return file;
}

}  // namespace

TEST_SUITE("store/record_file") {
  TEST_CASE("what is written is read back, also beyond one read") {
    const TestStore store;
    const std::string path = store.base() + "/record";
    for (const size_t size : {0u, 1u, 1000u, 16000u, 16368u, 16384u, 100000u, 1000000u}) {
      TagRecord tag;
      tag.set_name(std::string(size, 'x'));
      REQUIRE(WriteRecord(path, tag, os::Durability::kVolatile).ok());
      const auto read = ReadRecord<TagRecord>(path);
      REQUIRE(read.ok());
      CHECK(read->name() == tag.name());
    }
  }

  TEST_CASE("a missing record and an empty file are not found") {
    const TestStore store;
    CHECK(absl::IsNotFound(ReadRecord<TagRecord>(store.base() + "/none").status()));
    REQUIRE(os::WriteFileAt(AT_FDCWD, store.base() + "/empty", "").ok());
    CHECK(absl::IsNotFound(ReadRecord<TagRecord>(store.base() + "/empty").status()));
  }

  TEST_CASE("each changed byte and each cut is damage, and names the file") {
    const TestStore store;
    const std::string path = store.base() + "/record";
    const std::string good = EncodeRecordFrame("\x0a\x05hello");
    REQUIRE(DecodeRecordFrame(good).ok());
    for (size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 0x40);
      CHECK_FALSE(DecodeRecordFrame(bad).ok());
      CHECK_FALSE(DecodeRecordFrame(absl::string_view(good).substr(0, i)).ok());
    }
    CHECK_FALSE(DecodeRecordFrame(good + "x").ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, path, good.substr(0, 10)).ok());
    const auto read = ReadRecord<TagRecord>(path);
    CHECK(absl::IsDataLoss(read.status()));
    CHECK(StatusLine(read.status()).find(path) != std::string::npos);
  }

  TEST_CASE("a sound frame around nonsense is damage too") {
    const TestStore store;
    const std::string path = store.base() + "/record";
    REQUIRE(os::WriteFileAt(AT_FDCWD, path, EncodeRecordFrame("\xff\xff\xff")).ok());
    CHECK(absl::IsDataLoss(ReadRecord<TagRecord>(path).status()));
  }

  TEST_CASE("a newer schema is refused with both numbers") {
    const auto newer = DecodeRecordFrame(WithSchema(EncodeRecordFrame("x"), 7));
    CHECK(absl::IsFailedPrecondition(newer.status()));
    CHECK(newer.status().message().find("schema 7") != absl::string_view::npos);
    CHECK(newer.status().message().find("up to 1") != absl::string_view::npos);
    CHECK(absl::IsDataLoss(DecodeRecordFrame(WithSchema(EncodeRecordFrame("x"), 0)).status()));
  }
}

}  // namespace coracle::store
