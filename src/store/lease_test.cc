#include "store/lease.h"

#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::store {

TEST_SUITE("store/lease") {
  TEST_CASE("claims are seen while the owner lives, and its work stays") {
    const TestStore store;
    std::string work;
    {
      auto lease = Lease::Take(*store, "test");
      REQUIRE(lease.ok());
      work = lease->work_dir();
      REQUIRE(lease->ClaimLayer("aa").ok());
      REQUIRE(lease->ClaimBlob("bb").ok());
      REQUIRE(Sweep(*store).ok());
      CHECK(os::ExistsAt(AT_FDCWD, work));
      const auto claims = ReadLiveLeases(*store);
      REQUIRE(claims.ok());
      CHECK(claims->layers == std::vector<std::string>{"aa"});
      CHECK(claims->blobs == std::vector<std::string>{"bb"});
    }
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, work));
    CHECK(ReadLiveLeases(*store)->layers.empty());
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->runroot() + "/leases")->empty());
  }

  TEST_CASE("what a killed owner left is swept") {
    const TestStore store;
    InChild([&] {
      auto lease = Lease::Take(*store, "test");
      if (lease.ok()) (void)lease->ClaimLayer("aa");
      kill(getpid(), SIGKILL);
      return 0;
    });
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + "/tmp")->size() == 1);
    CHECK(ReadLiveLeases(*store)->layers.empty());
    REQUIRE(Sweep(*store).ok());
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + "/tmp")->empty());
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->runroot() + "/leases")->empty());
  }
}

}  // namespace coracle::store
