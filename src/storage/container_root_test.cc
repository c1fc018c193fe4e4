#include "storage/container_root.h"

#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/status.h"
#include "doctest/doctest.h"
#include "storage/copy_tree.h"
#include "storage/disk_usage.h"
#include "storage/driver.h"
#include "storage/layer_store.h"
#include "store/test_store.h"

namespace coracle::storage {
namespace {

using store::TestStore;

void Put(const std::string& path, const std::string& text) {
  REQUIRE(os::MakeDirectories(path.substr(0, path.rfind('/')), 0755).ok());
  REQUIRE(os::WriteFileAt(AT_FDCWD, path, text).ok());
}
std::string Get(const std::string& path) { return os::ReadFileAt(AT_FDCWD, path).value_or("(none)"); }
mode_t ModeOf(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

// A container with two layers, the ids 1... (top) and 0...
store::ContainerRecord TwoLayers(const store::Store& store) {
  store::ContainerRecord record = store::RecordNamed("c");
  record.add_layer_ids(std::string(64, '1'));
  record.add_layer_ids(std::string(64, '0'));
  const std::string top = LayerDiffDir(store, record.layer_ids(0));
  const std::string bottom = LayerDiffDir(store, record.layer_ids(1));
  Put(bottom + "/etc/a", "bottom");
  Put(bottom + "/etc/b", "bottom");
  Put(top + "/etc/b", "top");
  REQUIRE(store::CreateContainer(store, record, os::Durability::kVolatile).ok());
  return record;
}

}  // namespace

TEST_SUITE("storage/container_root") {
  TEST_CASE("overlay: lower directories top first, an upper whose root looks like the top layer's") {
    const TestStore store;
    store::ContainerRecord record = TwoLayers(*store);
    REQUIRE(chmod(LayerDiffDir(*store, record.layer_ids(0)).c_str(), 01751) == 0);
    for (int start = 0; start < 2; ++start) {
      const auto root = PrepareRoot(*store, record, "overlay");
      REQUIRE(root.ok());
      REQUIRE(root->overlay.has_value());
      CHECK(root->overlay->lower == std::vector<std::string>{LayerDiffDir(*store, record.layer_ids(0)),
                                                             LayerDiffDir(*store, record.layer_ids(1))});
      CHECK(ModeOf(root->overlay->upper) == 01751);
      CHECK(os::ExistsAt(AT_FDCWD, root->overlay->work));
    }
    CHECK(ReleaseRoot(*store, record.id()).ok());
  }

  TEST_CASE("a layer that is gone, a missing rootfs and an unknown driver are errors that name it") {
    const TestStore store;
    store::ContainerRecord record = TwoLayers(*store);
    CHECK(absl::IsInvalidArgument(PrepareRoot(*store, record, "zfs").status()));
    REQUIRE(os::RemoveTreeAt(AT_FDCWD, store->LayerDir(record.layer_ids(0))).ok());
    const absl::Status status = PrepareRoot(*store, record, "overlay").status();
    CHECK(absl::IsNotFound(status));
    CHECK(ExitCodeOf(status) == 125);
    CHECK(status.message().find(record.layer_ids(0)) != absl::string_view::npos);
    record.set_rootfs("/nonexistent/root");
    CHECK(absl::IsNotFound(PrepareRoot(*store, record, "").status()));
  }

  TEST_CASE("a rootfs is used as it is, or below an overlay") {
    const TestStore store;
    store::ContainerRecord record = TwoLayers(*store);
    record.set_rootfs(store.base() + "/tree");
    Put(record.rootfs() + "/etc/a", "a");
    auto root = PrepareRoot(*store, record, "overlay");
    REQUIRE(root.ok());
    CHECK_FALSE(root->overlay.has_value());
    CHECK(root->path == record.rootfs());
    record.mutable_config()->set_rootfs_overlay(true);
    root = PrepareRoot(*store, record, "overlay");
    REQUIRE(root.ok());
    REQUIRE(root->overlay.has_value());
    CHECK(root->overlay->lower == std::vector<std::string>{record.rootfs()});
  }

  TEST_CASE("vfs: layers are copied over each other once, and what was written stays") {
    const TestStore store;
    const store::ContainerRecord record = TwoLayers(*store);
    auto root = PrepareRoot(*store, record, "vfs");
    REQUIRE(root.ok());
    CHECK_FALSE(root->overlay.has_value());
    CHECK(Get(root->path + "/etc/a") == "bottom");
    CHECK(Get(root->path + "/etc/b") == "top");
    Put(root->path + "/etc/b", "mine");
    root = PrepareRoot(*store, record, "vfs");
    REQUIRE(root.ok());
    CHECK(Get(root->path + "/etc/b") == "mine");
    CHECK(Get(LayerDiffDir(*store, record.layer_ids(0)) + "/etc/b") == "top");
    CHECK(*ContainerBytes(*store, record.id()) == 10);
  }

  TEST_CASE("fuse-overlayfs: mounted, written through, unmounted") {
    const TestStore store;
    const store::ContainerRecord record = TwoLayers(*store);
    const auto root = PrepareRoot(*store, record, "fuse-overlayfs");
    if (!root.ok()) {
      // Without the program or /dev/fuse it must say so.
      CHECK_FALSE(root.status().message().empty());
      MESSAGE("not tried: ", StatusLine(root.status()));
      return;
    }
    CHECK(Get(root->path + "/etc/a") == "bottom");
    CHECK(Get(root->path + "/etc/b") == "top");
    Put(root->path + "/etc/c", "mine");
    CHECK(Get(store->ContainerDir(record.id()) + "/upper/etc/c") == "mine");
    REQUIRE(ReleaseRoot(*store, record.id()).ok());
    CHECK(os::ListDirectoryAt(AT_FDCWD, root->path)->empty());
    CHECK(store::RemoveContainer(*store, record.id()).ok());
  }

  TEST_CASE("the driver that works is found once and kept") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    const auto first = ChooseDriver(*store, "");
    REQUIRE(first.ok());
    CHECK(os::ExistsAt(AT_FDCWD, store->runroot() + "/storage-driver"));
    const auto second = ChooseDriver(*store, "");
    REQUIRE(second.ok());
    CHECK(second->driver == first->driver);
    CHECK(second->why == first->why);
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + "/tmp")->empty());
  }
}

TEST_SUITE("storage/copy_tree") {
  TEST_CASE("modes, times, links and holes are copied") {
    const TestStore store;
    const std::string from = store.base() + "/from";
    const std::string to = store.base() + "/to";
    Put(from + "/d/file", "text");
    REQUIRE(chmod((from + "/d/file").c_str(), 04711) == 0);
    REQUIRE(link((from + "/d/file").c_str(), (from + "/second").c_str()) == 0);
    REQUIRE(symlink("/etc/passwd", (from + "/link").c_str()) == 0);
    REQUIRE(mkfifo((from + "/fifo").c_str(), 0600) == 0);
    Put(from + "/sparse", "");
    REQUIRE(truncate((from + "/sparse").c_str(), 10 << 20) == 0);
    const struct timespec times[2] = {{1000, 5}, {2000, 7}};
    REQUIRE(utimensat(AT_FDCWD, (from + "/d").c_str(), times, 0) == 0);
    REQUIRE(CopyLayer(from, to, false).ok());
    struct stat one;
    struct stat two;
    REQUIRE(stat((to + "/d/file").c_str(), &one) == 0);
    REQUIRE(stat((to + "/second").c_str(), &two) == 0);
    CHECK(one.st_ino == two.st_ino);
    CHECK((one.st_mode & 07777) == 04711);
    CHECK(Get(to + "/d/file") == "text");
    CHECK(*os::ReadLinkAt(AT_FDCWD, to + "/link") == "/etc/passwd");
    REQUIRE(stat((to + "/fifo").c_str(), &one) == 0);
    CHECK(S_ISFIFO(one.st_mode));
    REQUIRE(stat((to + "/sparse").c_str(), &one) == 0);
    CHECK(one.st_size == 10 << 20);
    CHECK(one.st_blocks < 1000);
    REQUIRE(stat((to + "/d").c_str(), &one) == 0);
    CHECK(one.st_mtim.tv_sec == 2000);
    CHECK(one.st_mtim.tv_nsec == 7);
  }

  TEST_CASE("a file replaces a directory, a directory a link, and links are not followed") {
    const TestStore store;
    const std::string from = store.base() + "/from";
    const std::string to = store.base() + "/to";
    Put(store.base() + "/outside/x", "untouched");
    Put(to + "/a/b/c", "old");
    REQUIRE(symlink((store.base() + "/outside").c_str(), (to + "/d").c_str()) == 0);
    Put(from + "/a", "now a file");
    Put(from + "/d/x", "inside");
    REQUIRE(CopyLayer(from, to, false).ok());
    CHECK(Get(to + "/a") == "now a file");
    CHECK(Get(to + "/d/x") == "inside");
    CHECK(Get(store.base() + "/outside/x") == "untouched");
  }

  TEST_CASE("a whiteout removes what lies below") {
    const TestStore store;
    const std::string from = store.base() + "/from";
    const std::string to = store.base() + "/to";
    Put(to + "/etc/gone/x", "old");
    Put(to + "/etc/kept", "old");
    REQUIRE(os::MakeDirectories(from + "/etc", 0755).ok());
    REQUIRE(mknod((from + "/etc/gone").c_str(), S_IFCHR, makedev(0, 0)) == 0);
    REQUIRE(CopyLayer(from, to, false).ok());
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, to + "/etc/gone"));
    CHECK(Get(to + "/etc/kept") == "old");
  }
}

}  // namespace coracle::storage
