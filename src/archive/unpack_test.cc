#include "archive/unpack.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>

#include "archive/test_tar.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

absl::StatusOr<UnpackResult> UnpackBytes(const std::string& archive, int root_fd,
                                         const UnpackOptions& options = {}) {
  MemorySource source(archive);
  return Unpack(source, root_fd, options);
}

TEST_SUITE("archive/unpack") {
  TEST_CASE("files, directories and links appear with content, mode and times") {
    TestDirectory root;
    const auto result =
        UnpackBytes(Member({.path = "./", .type = '5', .mode = 0750, .mtime = 77}) +
                        Member({.path = "d/", .type = '5', .mode = 0555, .mtime = 5}) +
                        Member({.path = "d/f", .content = "hello", .mode = 04711, .mtime = 1234567}) +
                        Member({.path = "d/link", .type = '2', .link = "f"}) +
                        Member({.path = "hard", .type = '1', .link = "./d/f"}) +
                        Member({.path = "p", .type = '6', .mode = 0600}) + EndMarker(),
                    root.fd());
    REQUIRE(result.ok());
    CHECK(result->entries == 6);
    CHECK(result->files == 1);
    CHECK(result->bytes == 5);
    CHECK(result->has_end_marker);
    CHECK(root.Read("d/f") == "hello");
    CHECK((root.Stat("d/f").st_mode & 07777) == 04711);
    CHECK(root.Stat("d/f").st_mtim.tv_sec == 1234567);
    CHECK((root.Stat("d").st_mode & 07777) == 0555);
    CHECK(root.Stat("d").st_mtim.tv_sec == 5);
    CHECK((root.Stat(".").st_mode & 07777) == 0750);
    CHECK(root.Stat(".").st_mtim.tv_sec == 77);
    CHECK(root.Link("d/link") == "f");
    CHECK(root.Stat("hard").st_ino == root.Stat("d/f").st_ino);
    CHECK(S_ISFIFO(root.Stat("p").st_mode));
  }
  TEST_CASE("an entry that climbs out of the root is refused") {
    TestDirectory root;
    for (const char* path : {"../evil", "a/../../evil", "..", "/../evil"}) {
      CHECK(absl::IsInvalidArgument(UnpackBytes(Member({.path = path, .content = "x"}), root.fd()).status()));
    }
    CHECK(absl::IsInvalidArgument(
        UnpackBytes(Member({.path = "h", .type = '1', .link = "../../etc/passwd"}), root.fd()).status()));
    CHECK(os::ListDirectoryAt(root.fd(), ".").value().empty());
  }
  TEST_CASE("absolute names are relative to the root") {
    TestDirectory root;
    CHECK(UnpackBytes(Member({.path = "/coracle-absolute", .content = "x"}), root.fd()).ok());
    CHECK(root.Read("coracle-absolute") == "x");
  }
  TEST_CASE("a symlinked parent leads to the same place inside the root") {
    TestDirectory root, outside;
    CHECK(UnpackBytes(Member({.path = "usr/lib/", .type = '5'}) +
                          Member({.path = "lib", .type = '2', .link = "usr/lib"}) +
                          Member({.path = "lib/foo", .content = "x"}) +
                          Member({.path = "abs", .type = '2', .link = "/usr"}) +
                          Member({.path = "abs/bar", .content = "y"}) +
                          Member({.path = "up", .type = '2', .link = "../../../../usr"}) +
                          Member({.path = "up/baz", .content = "z"}),
                      root.fd())
              .ok());
    CHECK(root.Read("usr/lib/foo") == "x");
    CHECK(root.Read("usr/bar") == "y");
    CHECK(root.Read("usr/baz") == "z");
  }
  TEST_CASE("links to existing places outside lead nowhere outside") {
    TestDirectory root, outside;
    for (const std::string& link :
         {outside.path(), absl::StrCat("../", outside.path().substr(5)),
          absl::StrCat("/proc/self/fd/", outside.fd()), std::string("/proc/self/cwd")}) {
      (void)UnpackBytes(
          Member({.path = "l", .type = '2', .link = link}) + Member({.path = "l/x", .content = "x"}),
          root.fd());
      CHECK(os::ListDirectoryAt(outside.fd(), ".").value().empty());
    }
  }
  TEST_CASE("a directory replaced by a link is not written through the cached parent") {
    TestDirectory root;
    CHECK(UnpackBytes(Member({.path = "d/a", .content = "1"}) + Member({.path = "other/", .type = '5'}) +
                          Member({.path = "d/b", .content = "2"}) +
                          Member({.path = "d", .type = '2', .link = "other"}) +
                          Member({.path = "d/c", .content = "3"}),
                      root.fd())
              .ok());
    CHECK(root.Link("d") == "other");
    CHECK(root.Read("other/c") == "3");
    CHECK_FALSE(root.Has("other/a"));
  }
  TEST_CASE("of several entries the last wins, and nothing is written through what it replaces") {
    TestDirectory root, outside;
    REQUIRE(os::WriteFileAt(outside.fd(), "victim", "safe").ok());
    CHECK(UnpackBytes(Member({.path = "f", .type = '2', .link = outside.path() + "/victim"}) +
                          Member({.path = "f", .content = "evil"}) + Member({.path = "a", .content = "1"}) +
                          Member({.path = "b", .type = '1', .link = "a"}) +
                          Member({.path = "b", .content = "22"}) + Member({.path = "t/x", .content = "x"}) +
                          Member({.path = "t", .content = "file"}) +
                          Member({.path = "b", .type = '1', .link = "b"}),
                      root.fd())
              .ok());
    CHECK(outside.Read("victim") == "safe");
    CHECK(root.Read("f") == "evil");
    CHECK(root.Read("a") == "1");
    CHECK(root.Read("b") == "22");
    CHECK(root.Read("t") == "file");
  }
  TEST_CASE("names with newlines and escapes are names; a NUL byte is refused") {
    TestDirectory root;
    CHECK(UnpackBytes(Member({.path = "a\n\x1b[0m", .content = "x"}), root.fd()).ok());
    CHECK(root.Read("a\n\x1b[0m") == "x");
    const std::string evil = Pax(PaxRecord("path", absl::string_view("a\0b", 3))) + Member({.path = "n"});
    CHECK(absl::IsInvalidArgument(UnpackBytes(evil, root.fd()).status()));
  }
  TEST_CASE("a truncated archive is an error") {
    TestDirectory root;
    const std::string archive = Member({.path = "f", .content = std::string(5000, 'x')});
    for (const size_t cut : {100u, 600u, 4000u}) {
      CHECK_FALSE(UnpackBytes(archive.substr(0, cut), root.fd()).ok());
    }
    const auto result = UnpackBytes(archive, root.fd());
    REQUIRE(result.ok());
    CHECK_FALSE(result->has_end_marker);
  }
  TEST_CASE("limits of bytes and entries hold") {
    TestDirectory root;
    const std::string archive =
        Member({.path = "f", .content = std::string(5000, 'x')}) + Member({.path = "g"});
    CHECK(absl::IsResourceExhausted(UnpackBytes(archive, root.fd(), {.max_bytes = 4999}).status()));
    CHECK(absl::IsResourceExhausted(UnpackBytes(archive, root.fd(), {.max_entries = 1}).status()));
    CHECK(UnpackBytes(archive, root.fd(), {.max_bytes = 5000, .max_entries = 2}).ok());
  }
  TEST_CASE("modes and owners of a layer's files do not depend on umask, set-group-id or order") {
    const std::string archive = Member({.path = "implied/a/b/open", .content = "x", .mode = 0777}) +
                                Member({.path = "d/", .type = '5', .mode = 02770}) +
                                Member({.path = "d/f", .content = "y", .mode = 0666}) +
                                Member({.path = "d/s", .content = "y", .mode = 06755}) +
                                Member({.path = "none", .content = "z", .mode = 0}) + EndMarker();
    for (const mode_t mask : {0022, 0, 0077}) {
      for (const mode_t root_mode : {0755, 02755}) {
        CAPTURE(mask);
        TestDirectory root;
        REQUIRE(fchmod(root.fd(), root_mode) == 0);
        const mode_t before = umask(mask);
        const auto result =
            UnpackBytes(archive, root.fd(), {.whiteouts = Whiteouts::kOverlay, .squash_ids = true});
        umask(before);
        REQUIRE(result.ok());
        CHECK((root.Stat("implied/a").st_mode & 0777) == 0755);
        CHECK((root.Stat("implied/a/b/open").st_mode & 07777) == 0777);
        CHECK((root.Stat("d").st_mode & 07777) == 02770);
        CHECK((root.Stat("d/f").st_mode & 07777) == 0666);
        CHECK((root.Stat("d/s").st_mode & 07777) == 06755);
        CHECK((root.Stat("none").st_mode & 07777) == 0);
      }
    }
  }
  TEST_CASE("paths deeper than what is kept open, and such that share the beginning of a name") {
    std::string deep;
    for (int i = 0; i < 45; ++i)
      deep += std::string(1, static_cast<char>(97 + i % 7)) + "/";  // 100 bytes at most
    TestDirectory root;
    const auto result = UnpackBytes(
        Member({.path = "real/x", .content = "0"}) + Member({.path = "link", .type = '2', .link = "/real"}) +
            Member({.path = deep + "f", .content = "1"}) + Member({.path = deep + "e/g", .content = "2"}) +
            Member({.path = deep + "h", .content = "3"}) + Member({.path = "a/bx/f", .content = "4"}) +
            Member({.path = "link/y/z", .content = "5"}) + Member({.path = "a/b/k", .content = "6"}) +
            EndMarker(),
        root.fd(), {.whiteouts = Whiteouts::kOverlay, .squash_ids = true});
    REQUIRE_MESSAGE(result.ok(), result.status().ToString());
    CHECK(root.Read(deep + "f") == "1");
    CHECK(root.Read(deep + "e/g") == "2");
    CHECK(root.Read(deep + "h") == "3");
    CHECK(root.Read("a/bx/f") == "4");
    CHECK(root.Read("real/y/z") == "5");
    CHECK(root.Read("a/b/k") == "6");
  }
  TEST_CASE("extended attributes arrive, overlay's own never") {
    TestDirectory root;
    const auto result = UnpackBytes(Pax(PaxRecord("SCHILY.xattr.user.a", absl::string_view("1\0\n2", 4)) +
                                        PaxRecord("SCHILY.xattr.user.overlay.redirect", "/etc")) +
                                        Member({.path = "f", .content = "x"}),
                                    root.fd());
    REQUIRE(result.ok());
    char value[16];
    const std::string path = root.path() + "/f";
    if (getxattr(path.c_str(), "user.a", value, sizeof(value)) == 4) {
      CHECK(absl::string_view(value, 4) == absl::string_view("1\0\n2", 4));
      CHECK(result->skipped_xattrs == 1);
    } else {
      CHECK(result->skipped_xattrs == 2);  // a file system without user attributes
    }
    CHECK(getxattr(path.c_str(), "user.overlay.redirect", value, sizeof(value)) < 0);
  }
}

}  // namespace
}  // namespace coracle::archive
