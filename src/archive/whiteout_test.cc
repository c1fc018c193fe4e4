#include "archive/whiteout.h"

#include <sys/xattr.h>

#include <string>

#include "archive/pack.h"
#include "archive/tar_reader.h"
#include "archive/test_tar.h"
#include "archive/unpack.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

constexpr UnpackOptions kOverlay = {.whiteouts = Whiteouts::kOverlay, .user_xattr = true};

absl::StatusOr<UnpackResult> UnpackBytes(const std::string& archive, int root_fd,
                                         const UnpackOptions& options) {
  MemorySource source(archive);
  return Unpack(source, root_fd, options);
}

std::string OpaqueOf(const TestDirectory& root, const std::string& name) {
  char value[8];
  const ssize_t size =
      getxattr((root.path() + "/" + name).c_str(), "user.overlay.opaque", value, sizeof(value));
  return size < 0 ? "" : std::string(value, static_cast<size_t>(size));
}

bool IsDevice00(const TestDirectory& root, const std::string& name) {
  const struct stat info = root.Stat(name);
  return S_ISCHR(info.st_mode) && info.st_rdev == 0;
}

bool HasUserXattrs() {
  TestDirectory probe;
  return setxattr(probe.path().c_str(), "user.overlay.opaque", "n", 1, 0) == 0;
}

TEST_SUITE("archive/whiteout") {
  TEST_CASE("a whiteout becomes a device 0/0, an opaque marker an attribute") {
    TestDirectory root;
    const bool xattrs = HasUserXattrs();
    const auto result = UnpackBytes(Member({.path = "d/", .type = '5'}) + Member({.path = "d/.wh.gone"}) +
                                        (xattrs ? Member({.path = "o/.wh..wh..opq"}) : "") +
                                        Member({.path = ".wh..wh.plnk/1", .content = "aufs"}) +
                                        Member({.path = ".wh..wh.aufs", .content = "aufs"}),
                                    root.fd(), kOverlay);
    REQUIRE_MESSAGE(result.ok(), result.status().ToString());
    CHECK(IsDevice00(root, "d/gone"));
    CHECK_FALSE(root.Has("d/.wh.gone"));
    CHECK_FALSE(root.Has(".wh..wh.plnk"));
    CHECK_FALSE(root.Has(".wh..wh.aufs"));
    if (xattrs) CHECK(OpaqueOf(root, "o") == "y");
    CHECK(OpaqueOf(root, "d").empty());
    CHECK(result->whiteouts == (xattrs ? 2 : 1));
  }
  TEST_CASE("a whiteout does not hide what its own layer has, in either order") {
    if (!HasUserXattrs()) return;
    TestDirectory root;
    CHECK(UnpackBytes(Member({.path = "f", .content = "x"}) + Member({.path = ".wh.f"}) +
                          Member({.path = ".wh.g"}) + Member({.path = "g", .content = "y"}) +
                          Member({.path = "d/in", .content = "z"}) + Member({.path = ".wh.d"}) +
                          Member({.path = ".wh.e"}) + Member({.path = "e/", .type = '5'}),
                      root.fd(), kOverlay)
              .ok());
    CHECK(root.Read("f") == "x");
    CHECK(root.Read("g") == "y");
    CHECK(root.Read("d/in") == "z");
    CHECK(OpaqueOf(root, "d") == "y");
    CHECK(OpaqueOf(root, "e") == "y");
  }
  TEST_CASE("whiteouts of nothing are refused") {
    TestDirectory root;
    for (const char* name : {".wh.", "d/.wh.", ".wh..", ".wh..."}) {
      CHECK_MESSAGE(
          absl::IsInvalidArgument(UnpackBytes(Member({.path = name}), root.fd(), kOverlay).status()), name);
    }
  }
  TEST_CASE("in an archive that is no layer they are ordinary names") {
    TestDirectory root;
    CHECK(UnpackBytes(Member({.path = ".wh.f", .content = "x"}) + Member({.path = ".wh..wh..opq"}), root.fd(),
                      {})
              .ok());
    CHECK(root.Read(".wh.f") == "x");
    CHECK(root.Has(".wh..wh..opq"));
  }
  TEST_CASE("the upper directory of an overlay packs into a layer") {
    if (!HasUserXattrs()) return;
    TestDirectory root;
    const std::string layer = Member({.path = "d/", .type = '5'}) + Member({.path = "d/.wh..wh..opq"}) +
                              Member({.path = "d/new", .content = "x"}) + Member({.path = ".wh.gone"});
    REQUIRE(UnpackBytes(layer, root.fd(), kOverlay).ok());
    StringSink sink;
    REQUIRE(Pack(root.fd(), sink, {.whiteouts = Whiteouts::kOverlay, .user_xattr = true}).ok());
    MemorySource source(sink.data());
    TarReader reader(source);
    TarEntry entry;
    std::string names;
    while (reader.Next(entry).value()) absl::StrAppend(&names, entry.path, " ");
    CHECK(names == "d/ d/.wh..wh..opq d/new .wh.gone ");
  }
  TEST_CASE("overlay's attributes are told apart") {
    CHECK(IsOverlayXattr("trusted.overlay.redirect"));
    CHECK(IsOverlayXattr("user.overlay.opaque"));
    CHECK_FALSE(IsOverlayXattr("user.overlayfoo"));
    CHECK_FALSE(IsOverlayXattr("security.capability"));
  }
}

}  // namespace
}  // namespace coracle::archive
