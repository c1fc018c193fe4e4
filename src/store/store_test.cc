#include "store/store.h"

#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::store {

TEST_SUITE("store/store") {
  TEST_CASE("a missing store is empty and is not made by reading") {
    const TestStore store;
    CHECK(store->CheckVersion().ok());
    CHECK(ListContainers(*store)->empty());
    CHECK(ReadAllContainers(*store)->empty());
    CHECK(absl::IsNotFound(ResolveContainer(*store, "x").status()));
    CHECK(Sweep(*store).ok());
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, store->root()));
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, store->runroot()));
  }

  TEST_CASE("it is made for its owner only, and again when runroot is gone") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    struct stat info;
    REQUIRE(stat(store->root().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0700);
    REQUIRE(os::RemoveTreeAt(AT_FDCWD, store->runroot()).ok());
    REQUIRE(store->EnsureExists().ok());
    CHECK(os::ExistsAt(AT_FDCWD, store->runroot() + "/leases"));
  }

  TEST_CASE("a store of a newer schema is refused by readers and writers") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, store->root() + "/version", "coracle store schema 2\n").ok());
    CHECK(absl::IsFailedPrecondition(store->EnsureExists()));
    CHECK(absl::IsFailedPrecondition(ListContainers(*store).status()));
    const absl::Status status = store->CheckVersion();
    CHECK(status.message().find("schema 2") != absl::string_view::npos);
    CHECK(status.message().find("up to 1") != absl::string_view::npos);
  }

  TEST_CASE("a damaged version file is said to be damaged") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, store->root() + "/version", "nonsense").ok());
    CHECK(absl::IsDataLoss(store->CheckVersion()));
  }
}

}  // namespace coracle::store
