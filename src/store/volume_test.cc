#include "store/volume.h"

#include <sys/stat.h>

#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::store {
namespace {

VolumeRecord Named(const std::string& name) {
  VolumeRecord record;
  record.set_name(name);
  return record;
}

absl::Status Make(const Store& store, const VolumeRecord& record) {
  const auto lock = VolumeLock::Acquire(store, record.name());
  if (!lock.ok()) return lock.status();
  return CreateVolume(store, record, std::nullopt, os::Durability::kVolatile);
}

}  // namespace

TEST_SUITE("store/volume") {
  TEST_CASE("a volume is made once, read, listed, and gone after removal") {
    const TestStore store;
    CHECK(ListVolumes(*store)->empty());
    REQUIRE(Make(*store, Named("data")).ok());
    CHECK(absl::IsAlreadyExists(Make(*store, Named("data"))));
    REQUIRE(Make(*store, Named("alpha")).ok());
    CHECK(*ListVolumes(*store) == std::vector<std::string>{"alpha", "data"});
    CHECK(ReadVolume(*store, "data")->name() == "data");
    struct stat info;
    REQUIRE(stat(VolumeDataDir(*store, "data").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0755);
    REQUIRE(RemoveVolume(*store, "data").ok());
    CHECK(absl::IsNotFound(ReadVolume(*store, "data").status()));
    CHECK(*ListVolumes(*store) == std::vector<std::string>{"alpha"});
    CHECK(RemoveVolume(*store, "data").ok());
    // Locks leave no files.
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->runroot() + "/volumes")->empty());
  }

  TEST_CASE("names that are none are refused before they become a path") {
    const TestStore store;
    for (const char* name : {"", ".", "..", "../x", "a/b", "-x", "a b", "a\nb"}) {
      CAPTURE(name);
      CHECK(absl::IsInvalidArgument(Make(*store, Named(name))));
      CHECK(absl::IsNotFound(ReadVolume(*store, name).status()));
      CHECK(absl::IsNotFound(ResolveVolume(*store, name).status()));
      CHECK(absl::IsInvalidArgument(RemoveVolume(*store, name)));
    }
  }

  TEST_CASE("a name may be shortened if that is unambiguous") {
    const TestStore store;
    REQUIRE(Make(*store, Named("data")).ok());
    REQUIRE(Make(*store, Named("data2")).ok());
    REQUIRE(Make(*store, Named("other")).ok());
    CHECK(*ResolveVolume(*store, "data") == "data");
    CHECK(*ResolveVolume(*store, "oth") == "other");
    CHECK(absl::IsFailedPrecondition(ResolveVolume(*store, "dat").status()));
    CHECK(absl::IsNotFound(ResolveVolume(*store, "x").status()));
  }

  TEST_CASE("twenty creators of one name: one makes it") {
    const TestStore store;
    std::vector<pid_t> children;
    for (int i = 0; i < 20; ++i) {
      const pid_t pid = fork();
      if (pid == 0) _exit(Make(*store, Named("one")).ok() ? 0 : 1);
      children.push_back(pid);
    }
    int made = 0;
    for (const pid_t pid : children) {
      int status = 0;
      waitpid(pid, &status, 0);
      made += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
    }
    CHECK(made == 1);
    CHECK(ListVolumes(*store)->size() == 1);
  }

  TEST_CASE("users are the containers whose record mounts it") {
    const TestStore store;
    ContainerRecord user = RecordNamed("user");
    Mount* mount = user.mutable_config()->add_mounts();
    mount->set_type("volume");
    mount->set_source("data");
    ContainerRecord other = RecordNamed("other");
    mount = other.mutable_config()->add_mounts();
    mount->set_type("bind");
    mount->set_source("data");
    REQUIRE(CreateContainer(*store, user, os::Durability::kVolatile).ok());
    REQUIRE(CreateContainer(*store, other, os::Durability::kVolatile).ok());
    CHECK(*UsersOfVolume(*store, "data") == std::vector<std::string>{user.id()});
  }

  TEST_CASE("a sweep removes the volume of a --rm container that is gone, and only that") {
    const TestStore store;
    ContainerRecord alive = RecordNamed("alive");
    alive.set_auto_remove(true);
    REQUIRE(CreateContainer(*store, alive, os::Durability::kVolatile).ok());
    VolumeRecord kept = Named("kept");
    kept.set_owner_container_id(alive.id());
    VolumeRecord orphan = Named("orphan");
    orphan.set_owner_container_id(NewContainerId());
    REQUIRE(Make(*store, kept).ok());
    REQUIRE(Make(*store, orphan).ok());
    REQUIRE(Make(*store, Named("plain")).ok());
    {
      // Its creator is at it.
      const auto lock = VolumeLock::Acquire(*store, "orphan");
      REQUIRE(Sweep(*store).ok());
      CHECK(ListVolumes(*store)->size() == 3);
    }
    REQUIRE(Sweep(*store).ok());
    CHECK(*ListVolumes(*store) == std::vector<std::string>{"kept", "plain"});
  }
}

}  // namespace coracle::store
