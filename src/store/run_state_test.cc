#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::store {

TEST_SUITE("store/run_state") {
  TEST_CASE("state is of this boot, or unknown") {
    const TestStore store;
    ContainerRecord record = RecordNamed("a");
    REQUIRE(CreateContainer(*store, record, os::Durability::kVolatile).ok());
    CHECK(ReadState(*store, record.id())->status() == UNKNOWN);
    ContainerState state;
    state.set_status(RUNNING);
    state.set_pid(42);
    REQUIRE(WriteState(*store, record.id(), state).ok());
    CHECK(ReadState(*store, record.id())->status() == RUNNING);
    CHECK(ReadState(*store, record.id())->boot_id() == BootId());
    CHECK(BootId().size() == 36);
    state.set_boot_id("another");
    REQUIRE(
        WriteRecord(store->ContainerRunDir(record.id()) + "/state", state, os::Durability::kVolatile).ok());
    CHECK(ReadState(*store, record.id())->status() == UNKNOWN);
    CHECK(ReadState(*store, record.id())->pid() == 0);
  }

  TEST_CASE("the exit of a container that is gone is in its tombstone") {
    const TestStore store;
    ContainerRecord record = RecordNamed("a");
    REQUIRE(CreateContainer(*store, record, os::Durability::kVolatile).ok());
    CHECK(absl::IsNotFound(ReadExit(*store, record.id()).status()));
    ExitRecord exit;
    exit.set_exit_code(7);
    exit.set_container_id(record.id());
    REQUIRE(WriteExit(*store, record.id(), exit).ok());
    CHECK(ReadExit(*store, record.id())->exit_code() == 7);
    exit.set_exit_code(8);
    REQUIRE(WriteTombstone(*store, exit).ok());
    CHECK(ReadExit(*store, record.id())->exit_code() == 7);
    REQUIRE(RemoveContainer(*store, record.id()).ok());
    CHECK(ReadExit(*store, record.id())->exit_code() == 8);
  }

  TEST_CASE("a damaged exit record is an exit of unknown code") {
    const TestStore store;
    ContainerRecord record = RecordNamed("a");
    REQUIRE(CreateContainer(*store, record, os::Durability::kVolatile).ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, store->ContainerDir(record.id()) + "/exit", "garbage").ok());
    CHECK(ReadExit(*store, record.id())->unknown());
  }
}

}  // namespace coracle::store
