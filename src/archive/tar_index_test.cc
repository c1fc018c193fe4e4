#include "archive/tar_index.h"

#include "archive/compress.h"
#include "archive/test_tar.h"
#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

std::string TestTar(const std::vector<TestEntry>& entries) {
  std::string tar;
  for (const TestEntry& entry : entries) tar += Member(entry);
  return tar + EndMarker();
}

absl::StatusOr<TarIndex> IndexOf(const std::string& tar) {
  const TestDirectory dir;
  const std::string path = dir.path() + "/x.tar";
  REQUIRE(os::WriteFileAt(AT_FDCWD, path, tar).ok());
  auto fd = os::OpenAt(AT_FDCWD, path, O_RDONLY);
  REQUIRE(fd.ok());
  return TarIndex::Open(*std::move(fd), dir.path());
}

std::string Gzip(const std::string& data) {
  StringSink sink;
  auto gzip = MakeCompressor(Compression::kGzip, sink);
  REQUIRE(gzip.ok());
  REQUIRE((*gzip)->Write(data).ok());
  REQUIRE((*gzip)->Finish().ok());
  return sink.data();
}

}  // namespace

TEST_SUITE("archive/tar_index") {
  TEST_CASE("members are found by their plain names and read from anywhere, compressed or not") {
    const std::string tar =
        TestTar({{"./a/", '5'}, {"./a/one", '0', "first"}, {"two", '0', std::string(1000, 'x')}});
    for (const std::string& form : {tar, Gzip(tar)}) {
      const auto index = IndexOf(form);
      REQUIRE(index.ok());
      CHECK(index->spooled() == (form != tar));
      CHECK(*index->ReadMember("a/one", 100) == "first");
      CHECK(*index->SizeOf("two") == 1000);
      auto rest = index->OpenMember("two", 990);
      REQUIRE(rest.ok());
      StringSink sink;
      CHECK(*Copy(**rest, sink) == 10);
      CHECK(index->ReadMember("two", 999).status().code() == absl::StatusCode::kResourceExhausted);
      CHECK(absl::IsNotFound(index->ReadMember("three", 10).status()));
      CHECK(!index->Has("a"));
      CHECK(index->HasBelow("a/"));
    }
  }

  TEST_CASE("links inside are followed, those that lead out or around are not") {
    const auto index = IndexOf(TestTar({{"a/layer.tar", '0', "data"},
                                        {"b/layer.tar", '2', "", "../a/layer.tar"},
                                        {"c", '1', "", "a/layer.tar"},
                                        {"x", '2', "", "y"},
                                        {"y", '2', "", "x"}}));
    REQUIRE(index.ok());
    CHECK(*index->ReadMember("b/layer.tar", 10) == "data");
    CHECK(*index->ReadMember("c", 10) == "data");
    CHECK(index->ReadMember("x", 10).status().code() == absl::StatusCode::kInvalidArgument);
    CHECK(!IndexOf(TestTar({{"a", '2', "", "../../etc/passwd"}})).ok());
    CHECK(!IndexOf(TestTar({{"a", '2', "", "/etc/passwd"}})).ok());
  }

  TEST_CASE("names and members that no image archive has are refused") {
    for (const TestEntry& entry :
         {TestEntry{"../up", '0', "x"}, TestEntry{"/abs", '0', "x"}, TestEntry{"a/../../b", '0', "x"},
          TestEntry{"bell\a", '0', "x"}, TestEntry{"fifo", '6'}, TestEntry{"device", '3'}}) {
      const auto index = IndexOf(TestTar({entry}));
      REQUIRE(!index.ok());
      CHECK(index.status().message().find('\a') == std::string::npos);
    }
    CHECK(!IndexOf(TestTar({{"manifest.json", '0', "a"}, {"./manifest.json", '0', "b"}})).ok());
    CHECK(IndexOf(TestTar({{"blobs/sha256/a", '0', "a"}, {"blobs/sha256/a", '0', "a"}})).ok());
  }

  TEST_CASE("a cut archive is said to be one") {
    const std::string tar = TestTar({{"a", '0', std::string(5000, 'x')}});
    CHECK(absl::IsDataLoss(IndexOf(tar.substr(0, 3000)).status()));
    CHECK(!IndexOf("this is no archive at all").ok());
    CHECK(IndexOf("")->Names().empty());  // an empty file is an empty archive
  }
}

}  // namespace coracle::archive
