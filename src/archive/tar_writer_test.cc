#include "archive/tar_writer.h"

#include <string>

#include "archive/tar_reader.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

// Writes one entry and reads it again.
TarEntry RoundTrip(const TarEntry& entry, size_t* bytes = nullptr) {
  StringSink sink;
  TarWriter writer(sink);
  REQUIRE(writer.WriteEntry(entry).ok());
  REQUIRE(writer.Finish().ok());
  CHECK(sink.data().size() % 512 == 0);
  if (bytes != nullptr) *bytes = sink.data().size();
  MemorySource source(sink.data());
  TarReader reader(source);
  TarEntry read;
  const auto more = reader.Next(read);
  REQUIRE_MESSAGE(more.ok(), more.status().ToString());
  REQUIRE(*more);
  TarEntry none;
  CHECK_FALSE(reader.Next(none).value());
  CHECK(reader.has_end_marker());
  return read;
}

TEST_SUITE("archive/tar_writer") {
  TEST_CASE("a plain entry is one header") {
    size_t bytes = 0;
    const TarEntry read =
        RoundTrip({.path = "a/b", .mode = 04755, .uid = 1, .gid = 2, .mtime = {12345, 0}}, &bytes);
    CHECK(bytes == 3 * 512);
    CHECK(read.path == "a/b");
    CHECK(read.mode == 04755);
    CHECK(read.uid == 1);
    CHECK(read.gid == 2);
    CHECK(read.mtime.tv_sec == 12345);
  }
  TEST_CASE("long paths go into the prefix where they can, else into a pax record") {
    size_t bytes = 0;
    const std::string fits = std::string(150, 'd') + "/" + std::string(100, 'n');
    CHECK(RoundTrip({.path = fits}, &bytes).path == fits);
    CHECK(bytes == 3 * 512);
    for (const std::string& path :
         {std::string(101, 'n'), std::string(156, 'd') + "/" + std::string(100, 'n'),
          "d/" + std::string(101, 'n'), std::string(4000, 'n')}) {
      CHECK(RoundTrip({.path = path}).path == path);
    }
    const std::string directory(100, 'd');
    CHECK(RoundTrip({.path = directory, .type = EntryType::kDirectory}).path == directory + "/");
  }
  TEST_CASE("records of every length count themselves") {
    for (size_t length = 1; length < 1200; ++length) {
      const TarEntry entry = {.path = "f", .xattrs = {{"user.x", std::string(length, 'v')}}};
      CHECK(RoundTrip(entry).xattrs == entry.xattrs);
    }
  }
  TEST_CASE("what the header cannot say is in pax records") {
    const TarEntry entry = {
        .path = "l",
        .type = EntryType::kSymlink,
        .link_target = std::string(500, 't'),
        .uid = 3000000000u,
        .gid = 0x200000,
        .mtime = {-2, 750000000},
        .atime = timespec{99999999999, 1},
        .xattrs = {{"security.capability", std::string("\1\0=\n", 4)}, {"user.a=b%", "x"}}};
    const TarEntry read = RoundTrip(entry);
    CHECK(read.link_target == entry.link_target);
    CHECK(read.uid == entry.uid);
    CHECK(read.gid == entry.gid);
    CHECK(read.mtime.tv_sec == -2);
    CHECK(read.mtime.tv_nsec == 750000000);
    CHECK(read.atime->tv_sec == 99999999999);
    CHECK(read.atime->tv_nsec == 1);
    CHECK(read.xattrs == entry.xattrs);
  }
  TEST_CASE("content must be as long as announced") {
    StringSink sink;
    TarWriter writer(sink);
    CHECK(writer.WriteEntry({.path = "f", .size = 3}).ok());
    CHECK(absl::IsFailedPrecondition(writer.WriteContent("1234")));
    CHECK(writer.WriteContent("12").ok());
    CHECK(absl::IsFailedPrecondition(writer.Finish()));
    CHECK(writer.WriteContent("3").ok());
    CHECK(writer.Finish().ok());
    CHECK(absl::IsInvalidArgument(writer.WriteEntry({.path = ""})));
    CHECK(absl::IsInvalidArgument(writer.WriteEntry({.path = std::string("a\0b", 3)})));
  }
  TEST_CASE("large and small contents keep their order") {
    StringSink sink;
    TarWriter writer(sink);
    const std::string large(kStreamBufferBytes, 'l');
    CHECK(writer.WriteEntry({.path = "a", .size = 1}).ok());
    CHECK(writer.WriteContent("a").ok());
    CHECK(writer.WriteEntry({.path = "b", .size = static_cast<int64_t>(large.size())}).ok());
    CHECK(writer.WriteContent(large).ok());
    CHECK(writer.WriteEntry({.path = "c", .size = 1}).ok());
    CHECK(writer.WriteContent("c").ok());
    CHECK(writer.Finish().ok());
    CHECK(sink.data()[512] == 'a');
    CHECK(sink.data().substr(3 * 512, large.size()) == large);
    CHECK(sink.data()[4 * 512 + large.size()] == 'c');
    CHECK(sink.data().size() == 5 * 512 + large.size() + 1024);
  }
}

}  // namespace
}  // namespace coracle::archive
