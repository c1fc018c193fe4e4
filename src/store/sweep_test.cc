#include <sys/time.h>
#include <unistd.h>

#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::store {

TEST_SUITE("store/sweep") {
  TEST_CASE("it takes garbage and leaves what lives") {
    const TestStore store;
    ContainerRecord record = RecordNamed("kept");
    REQUIRE(CreateContainer(*store, record, os::Durability::kVolatile).ok());
    ContainerRecord creating = RecordNamed("creating");
    const auto lock = CreateContainer(*store, creating, os::Durability::kVolatile);
    REQUIRE(lock.ok());
    REQUIRE(unlink((store->ContainerDir(creating.id()) + "/record").c_str()) == 0);

    const std::string half = NewContainerId();
    REQUIRE(os::MakeDirectories(store->ContainerDir(half) + "/upper/etc", 0700).ok());
    const std::string stale = store->ContainerNamePath("stale");
    REQUIRE(symlink(NewContainerId().c_str(), stale.c_str()) == 0);
    REQUIRE(os::MakeDirectories(store->root() + "/trash/x/y", 0700).ok());
    REQUIRE(os::MakeDirectories(store->root() + "/tmp/x/y", 0700).ok());

    REQUIRE(Sweep(*store).ok());
    CHECK(ReadContainer(*store, record.id()).ok());
    CHECK(*ResolveContainer(*store, "kept") == record.id());
    CHECK(os::ExistsAt(AT_FDCWD, store->ContainerDir(creating.id())));
    CHECK(os::ExistsAt(AT_FDCWD, store->ContainerNamePath("creating")));
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, store->ContainerDir(half)));
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, stale));
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + "/trash")->empty());
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + "/tmp")->empty());
  }

  TEST_CASE("what a dead collector of garbage had hidden goes back, what it was deleting does not") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    const std::string id(64, 'a');
    REQUIRE(os::MakeDirectories(store->root() + "/tmp/dead/layer-" + id + "/diff", 0700).ok());
    REQUIRE(os::MakeDirectories(store->root() + "/tmp/dead/dead-0/diff", 0700).ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, store->root() + "/tmp/dead/blob-" + id, "x").ok());
    REQUIRE(Sweep(*store).ok());
    CHECK(os::ExistsAt(AT_FDCWD, store->LayerDir(id) + "/diff"));
    CHECK(os::ExistsAt(AT_FDCWD, store->BlobPath(id)));
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + "/tmp")->empty());
  }

  TEST_CASE("tombstones go when they are old") {
    const TestStore store;
    ExitRecord exit;
    for (const char* id : {"old", "new"}) {
      exit.set_container_id(id);
      REQUIRE(store->EnsureExists().ok());
      REQUIRE(WriteTombstone(*store, exit).ok());
    }
    const time_t past = time(nullptr) - kTombstoneSeconds - 60;
    const struct timeval times[2] = {{past, 0}, {past, 0}};
    REQUIRE(utimes((store->runroot() + "/exits/old").c_str(), times) == 0);
    REQUIRE(Sweep(*store).ok());
    CHECK(absl::IsNotFound(ReadExit(*store, "old").status()));
    CHECK(ReadExit(*store, "new").ok());
  }
}

}  // namespace coracle::store
