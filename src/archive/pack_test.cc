#include "archive/pack.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "archive/tar_reader.h"
#include "archive/test_tar.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

std::string PackAll(int root_fd, const PackOptions& options = {}) {
  StringSink sink;
  const auto result = Pack(root_fd, sink, options);
  REQUIRE_MESSAGE(result.ok(), result.status().ToString());
  return sink.data();
}

std::vector<std::string> NamesIn(const std::string& archive) {
  MemorySource source(archive);
  TarReader reader(source);
  std::vector<std::string> names;
  TarEntry entry;
  while (reader.Next(entry).value()) names.push_back(entry.path);
  return names;
}

void Fill(const TestDirectory& dir) {
  REQUIRE(os::MakeDirectoryAt(dir.fd(), "z", 0755).ok());
  REQUIRE(os::WriteFileAt(dir.fd(), "z/file", "content", 0640).ok());
  REQUIRE(os::WriteFileAt(dir.fd(), "B", "x").ok());
  REQUIRE(symlinkat("/etc/passwd", dir.fd(), "a-link") == 0);
  REQUIRE(linkat(dir.fd(), "z/file", dir.fd(), "a-hard", 0) == 0);
  REQUIRE(mkfifoat(dir.fd(), "fifo", 0600) == 0);
}

TEST_SUITE("archive/pack") {
  TEST_CASE("names are sorted, hard links follow the first name, links are not followed") {
    TestDirectory dir;
    Fill(dir);
    const std::string archive = PackAll(dir.fd());
    CHECK(NamesIn(archive) == std::vector<std::string>{"B", "a-hard", "a-link", "fifo", "z/", "z/file"});
    CHECK(NamesIn(PackAll(dir.fd(), {.root_entry = true})).front() == "./");
    CHECK(archive == PackAll(dir.fd()));
  }
  TEST_CASE("a packed tree unpacks to one that packs to the same bytes") {
    TestDirectory dir, copy;
    Fill(dir);
    const timespec times[2] = {{5, 0}, {1234567890, 123456789}};
    REQUIRE(utimensat(dir.fd(), "z/file", times, 0) == 0);
    const bool has_xattrs = setxattr((dir.path() + "/B").c_str(), "user.note", "\0\n=", 3, 0) == 0;
    const PackOptions options = {.root_entry = true, .subsecond_times = true};
    const std::string archive = PackAll(dir.fd(), options);
    MemorySource source(archive);
    REQUIRE(Unpack(source, copy.fd(), {}).ok());
    CHECK(PackAll(copy.fd(), options) == archive);
    CHECK(copy.Stat("z/file").st_mtim.tv_nsec == 123456789);
    CHECK(copy.Stat("z/file").st_ino == copy.Stat("a-hard").st_ino);
    char value[8];
    if (has_xattrs) CHECK(getxattr((copy.path() + "/B").c_str(), "user.note", value, 8) == 3);
  }
  TEST_CASE("sockets are left out and counted") {
    TestDirectory dir;
    const os::UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir.path().c_str());
    REQUIRE(bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    StringSink sink;
    const auto result = Pack(dir.fd(), sink, {});
    REQUIRE(result.ok());
    CHECK(result->skipped_sockets == 1);
    CHECK(result->entries == 0);
  }
  TEST_CASE("a tree deeper than the levels that stay open comes out whole") {
    TestDirectory dir, copy;
    std::string path;
    for (int i = 0; i < 200; ++i) {
      absl::StrAppend(&path, i == 0 ? "" : "/", "d");
      REQUIRE(os::MakeDirectoryAt(dir.fd(), path, 0755).ok());
      REQUIRE(os::WriteFileAt(dir.fd(), path + "/after", "x").ok());
      REQUIRE(os::WriteFileAt(dir.fd(), path + "/zzz", "x").ok());
    }
    const std::string archive = PackAll(dir.fd());
    CHECK(NamesIn(archive).size() == 600);
    MemorySource source(archive);
    CHECK(Unpack(source, copy.fd(), {}).ok());
    CHECK(copy.Read(path + "/zzz") == "x");
  }
  TEST_CASE("an empty directory is an end marker") {
    TestDirectory dir;
    CHECK(PackAll(dir.fd()) == EndMarker());
  }
}

}  // namespace
}  // namespace coracle::archive
