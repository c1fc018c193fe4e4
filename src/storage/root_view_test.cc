#include "storage/root_view.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "archive/whiteout.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/file.h"
#include "os/overlay_list.h"
#include "os/overlay_mount.h"
#include "storage/container_root.h"
#include "storage/layer_store.h"
#include "storage/lower_dirs.h"
#include "storage/merge_layers.h"
#include "store/test_store.h"

namespace coracle::storage {
namespace {

using store::TestStore;

void Put(const std::string& path, const std::string& text) {
  REQUIRE(os::MakeDirectories(path.substr(0, path.rfind('/')), 0755).ok());
  REQUIRE(os::WriteFileAt(AT_FDCWD, path, text).ok());
}

std::string Get(int root, const std::string& path) { return os::ReadFileAt(root, path).value_or("(none)"); }

std::string LayerId(int n) {
  std::string id(64, '0');
  const std::string digits = std::to_string(n);
  return id.replace(64 - digits.size(), digits.size(), digits);
}

// A container with `count` layers; layer n has the files n and top, and removes what layer n-1 calls "gone".
store::ContainerRecord Layered(const store::Store& store, int count) {
  store::ContainerRecord record = store::RecordNamed("c");
  for (int n = count - 1; n >= 0; --n) {
    record.add_layer_ids(LayerId(n));
    const std::string dir = LayerDiffDir(store, LayerId(n));
    Put(dir + "/d/" + std::to_string(n), std::to_string(n));
    Put(dir + "/top", std::to_string(n));
    if (n == 0) {
      Put(dir + "/gone", "x");
      Put(dir + "/e/gone", "x");
    }
    if (n == 1) {
      REQUIRE(os::MakeDirectories(dir + "/e", 0755).ok());
      REQUIRE(mknod((dir + "/gone").c_str(), S_IFCHR, makedev(0, 0)) == 0);
      REQUIRE(mknod((dir + "/e/gone").c_str(), S_IFCHR, makedev(0, 0)) == 0);
    }
  }
  REQUIRE(store::CreateContainer(store, record, os::Durability::kVolatile).ok());
  return record;
}

void CheckLayered(int root, int count) {
  CHECK(Get(root, "top") == std::to_string(count - 1));
  for (const int n : {0, count / 2, count - 1})
    CHECK(Get(root, "d/" + std::to_string(n)) == std::to_string(n));
  CHECK(os::ListDirectoryAt(root, "d")->size() == static_cast<size_t>(count));
  CHECK_FALSE(os::ExistsAt(root, "gone"));
  CHECK_FALSE(os::ExistsAt(root, "e/gone"));
  CHECK(os::ExistsAt(root, "e"));
}

bool Works(const absl::Status& status) {
  if (status.ok()) return true;
  CHECK_FALSE(status.message().empty());
  MESSAGE("not tried: ", StatusLine(status));
  return false;
}

}  // namespace

TEST_SUITE("storage/root_view") {
  TEST_CASE("every driver shows an image, and a container with what it wrote; nothing is left") {
    for (const char* driver : {"overlay", "fuse-overlayfs", "vfs"}) {
      CAPTURE(driver);
      const TestStore store;
      const store::ContainerRecord record = Layered(*store, 3);
      {
        const auto image =
            ViewImageRoot(*store, {record.layer_ids().begin(), record.layer_ids().end()}, driver);
        if (!Works(image.status())) continue;
        CheckLayered(image->fd.get(), 3);
      }
      {
        auto view = ViewContainerRoot(*store, record, driver, ViewAccess::kWritable);
        REQUIRE(view.ok());
        CHECK(os::WriteFileAt(view->fd.get(), "top", "mine").ok());
      }
      {
        const auto view = ViewContainerRoot(*store, record, driver, ViewAccess::kReadOnly);
        REQUIRE(view.ok());
        CHECK(Get(view->fd.get(), "top") == "mine");
        CHECK(Get(view->fd.get(), "d/1") == "1");
      }
      CHECK(Get(AT_FDCWD, LayerDiffDir(*store, LayerId(2)) + "/top") == "2");
      CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + "/tmp")->empty());
      CHECK(store::RemoveContainer(*store, record.id()).ok());
    }
  }

  TEST_CASE("more layers than overlay takes are merged, and a container writes over them") {
    const TestStore store;
    const int count = static_cast<int>(os::kMaxOverlayLayers) + 20;
    const store::ContainerRecord record = Layered(*store, count);
    const auto image =
        ViewImageRoot(*store, {record.layer_ids().begin(), record.layer_ids().end()}, "overlay");
    if (!Works(image.status())) return;
    CheckLayered(image->fd.get(), count);
    for (int i = 0; i < 2; ++i) {
      const auto root = PrepareRoot(*store, record, "overlay");
      REQUIRE(root.ok());
      CHECK(root->overlay->lower.size() == os::kMaxOverlayLayers);
      const auto mount = os::MakeOverlay(*root->overlay);
      REQUIRE(mount.ok());
      CheckLayered(mount->get(), count);
    }
  }

  TEST_CASE("a kernel that takes one list of layers gets many into it") {
    const TestStore store;
    const store::ContainerRecord record = Layered(*store, 400);
    auto root = PrepareRoot(*store, record, "overlay");
    REQUIRE(root.ok());
    char before[4096], after[4096];
    REQUIRE(getcwd(before, sizeof(before)) != nullptr);
    const auto mount = os::MakeOverlayByList(*root->overlay);
    REQUIRE(getcwd(after, sizeof(after)) != nullptr);
    CHECK(std::string(before) == after);
    if (!Works(mount.status())) return;
    CheckLayered(mount->get(), 400);
  }

  TEST_CASE("merging keeps owner-visible metadata, links files and hides what is opaque") {
    const TestStore store;
    const std::string low = store.base() + "/low";
    const std::string top = store.base() + "/top";
    Put(low + "/a/hidden", "old");
    Put(low + "/b/kept", "kept");
    Put(low + "/file/x", "a directory below");
    Put(top + "/a/new", "new");
    Put(top + "/file", "a file above");
    REQUIRE(os::MakeDirectories(top + "/b", 0755).ok());
    REQUIRE(chmod((top + "/b").c_str(), 0711) == 0);
    REQUIRE(archive::OverlayMarks(true)
                .MarkOpaque(os::OpenAt(AT_FDCWD, top + "/a", O_RDONLY | O_DIRECTORY)->get())
                .ok());
    const std::string merged = store.base() + "/merged";
    REQUIRE(MergeLayers({top, low}, merged, /*user_xattr=*/true).ok());
    CHECK(*os::ListDirectoryAt(AT_FDCWD, merged + "/a") == std::vector<std::string>{"new"});
    CHECK(Get(AT_FDCWD, merged + "/b/kept") == "kept");
    CHECK(Get(AT_FDCWD, merged + "/file") == "a file above");
    struct stat one, two;
    REQUIRE(stat((merged + "/b/kept").c_str(), &one) == 0);
    REQUIRE(stat((low + "/b/kept").c_str(), &two) == 0);
    CHECK(one.st_ino == two.st_ino);
    REQUIRE(stat((merged + "/b").c_str(), &one) == 0);
    CHECK((one.st_mode & 07777) == 0711);
  }
}

}  // namespace coracle::storage
