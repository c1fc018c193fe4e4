// What layers of real images have, all the way: unpacked, packed again, unpacked once more.
#include <sys/xattr.h>
#include <unistd.h>

#include <string>

#include "archive/pack.h"
#include "archive/test_tar.h"
#include "archive/unpack.h"
#include "archive/whiteout.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

bool UserXattr() { return geteuid() != 0; }

void UnpackLayerInto(const std::string& archive, int root_fd) {
  MemorySource source(archive);
  UnpackOptions options;
  options.whiteouts = Whiteouts::kOverlay;
  options.user_xattr = UserXattr();
  const auto result = Unpack(source, root_fd, options);
  REQUIRE_MESSAGE(result.ok(), result.status().ToString());
}

std::string PackLayerOf(int root_fd) {
  StringSink sink;
  PackOptions options;
  options.root_entry = true;
  options.subsecond_times = true;
  options.whiteouts = Whiteouts::kOverlay;
  options.user_xattr = UserXattr();
  const auto result = Pack(root_fd, sink, options);
  REQUIRE_MESSAGE(result.ok(), result.status().ToString());
  return sink.data();
}

// Packing what an archive of ours unpacks to gives that archive again.
void CheckRoundTrip(const TestDirectory& dir) {
  const std::string archive = PackLayerOf(dir.fd());
  TestDirectory copy;
  UnpackLayerInto(archive, copy.fd());
  CHECK(PackLayerOf(copy.fd()) == archive);
}

}  // namespace

TEST_SUITE("archive/layer_cases") {
  TEST_CASE("owners beyond 2^21, which octal digits can't say") {
    TestDirectory dir;
    const std::string large = PaxRecord("uid", "2097152") + PaxRecord("gid", "4294967293");
    const std::string archive = Pax(large) + Member({.path = "f", .content = "x"}) + Pax(large) +
                                Member({.path = "d/", .type = '5'}) + EndMarker();
    MemorySource bytes(archive);
    const auto result = Unpack(bytes, dir.fd(), {});
    if (geteuid() != 0) {
      // Not ours to give away: an error, and not somebody else's file.
      CHECK(absl::IsPermissionDenied(result.status()));
      return;
    }
    REQUIRE(result.ok());
    for (const char* name : {"f", "d"}) {
      CHECK(dir.Stat(name).st_uid == 2097152);
      CHECK(dir.Stat(name).st_gid == 4294967293);
    }
    CheckRoundTrip(dir);
  }

  TEST_CASE("a directory's entry after its content") {
    TestDirectory dir;
    UnpackLayerInto(Member({.path = "a/b/f", .content = "x"}) +
                        Member({.path = "a/b/", .type = '5', .mode = 0555, .mtime = 7}) +
                        Member({.path = "a/g", .content = "y"}) +
                        Member({.path = "a/", .type = '5', .mode = 01770, .mtime = 9}) + EndMarker(),
                    dir.fd());
    CHECK(dir.Read("a/b/f") == "x");
    CHECK((dir.Stat("a/b").st_mode & 07777) == 0555);
    CHECK(dir.Stat("a/b").st_mtim.tv_sec == 7);
    CHECK((dir.Stat("a").st_mode & 07777) == 01770);
    CHECK(dir.Stat("a").st_mtim.tv_sec == 9);
    CheckRoundTrip(dir);
  }

  TEST_CASE("duplicates: the last wins, whatever kind it is") {
    TestDirectory dir;
    UnpackLayerInto(
        Member({.path = "x", .content = "old"}) + Member({.path = "x", .content = "new"}) +
            Member({.path = "d/", .type = '5', .mode = 0700}) + Member({.path = "d/in", .content = "1"}) +
            Member({.path = "d/", .type = '5', .mode = 0711, .mtime = 3}) +
            Member({.path = "e/in", .content = "1"}) + Member({.path = "e", .content = "now a file"}) +
            Member({.path = "l", .content = "a file"}) + Member({.path = "l", .type = '2', .link = "x"}) +
            EndMarker(),
        dir.fd());
    CHECK(dir.Read("x") == "new");
    CHECK(dir.Read("d/in") == "1");
    CHECK((dir.Stat("d").st_mode & 07777) == 0711);
    CHECK(dir.Read("e") == "now a file");
    CHECK(dir.Link("l") == "x");
    CheckRoundTrip(dir);
  }

  TEST_CASE("a sparse file keeps its holes on the disk, and its content in an archive") {
    TestDirectory dir;
    const std::string map = PaxRecord("GNU.sparse.major", "0") + PaxRecord("GNU.sparse.minor", "1") +
                            PaxRecord("GNU.sparse.name", "f") + PaxRecord("GNU.sparse.size", "8388608") +
                            PaxRecord("GNU.sparse.numblocks", "1") + PaxRecord("GNU.sparse.map", "4194304,3");
    UnpackLayerInto(Pax(map) + Member({.path = "GNUSparseFile.1/f", .content = "abc"}) + EndMarker(),
                    dir.fd());
    CHECK(dir.Stat("f").st_size == 8 << 20);
    CHECK(dir.Stat("f").st_blocks < 256);
    CHECK(dir.Read("f").substr(4 << 20, 3) == "abc");
    CheckRoundTrip(dir);
  }

  TEST_CASE("whiteouts and opaque directories, both ways") {
    TestDirectory dir;
    UnpackLayerInto(Member({.path = "d/", .type = '5'}) + Member({.path = "d/.wh..wh..opq"}) +
                        Member({.path = "d/kept", .content = "x"}) + Member({.path = ".wh.gone"}) +
                        Member({.path = "e/.wh.f"}) + EndMarker(),
                    dir.fd());
    const OverlayMarks marks(UserXattr());
    CHECK(marks.IsWhiteout(dir.fd(), "gone"));
    CHECK(marks.IsOpaque(os::OpenAt(dir.fd(), "d", O_RDONLY | O_DIRECTORY)->get()));
    CheckRoundTrip(dir);
    TestDirectory copy;
    UnpackLayerInto(PackLayerOf(dir.fd()), copy.fd());
    CHECK(marks.IsWhiteout(copy.fd(), "gone"));
    CHECK(marks.IsWhiteout(os::OpenAt(copy.fd(), "e", O_RDONLY | O_DIRECTORY)->get(), "f"));
    CHECK(marks.IsOpaque(os::OpenAt(copy.fd(), "d", O_RDONLY | O_DIRECTORY)->get()));
    CHECK(copy.Read("d/kept") == "x");
  }
}

}  // namespace coracle::archive
