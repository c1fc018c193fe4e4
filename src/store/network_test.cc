#include "store/network.h"

#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::store {
namespace {

NetworkRecord Named(const std::string& name) {
  NetworkRecord record;
  record.set_id(NewContainerId());
  record.set_name(name);
  return record;
}

absl::Status Make(const Store& store, const NetworkRecord& record) {
  const auto set = LockNetworkSet(store);
  if (!set.ok()) return set.status();
  return CreateNetwork(store, record, os::Durability::kVolatile);
}

}  // namespace

TEST_SUITE("store/network") {
  TEST_CASE("a network is made once, read, listed, and gone after removal") {
    const TestStore store;
    CHECK(*ListNetworks(*store) == std::vector<std::string>{"bridge"});
    const NetworkRecord one = Named("web");
    REQUIRE(Make(*store, one).ok());
    CHECK(absl::IsAlreadyExists(Make(*store, Named("web"))));
    REQUIRE(Make(*store, Named("alpha")).ok());
    CHECK(*ListNetworks(*store) == std::vector<std::string>{"alpha", "bridge", "web"});
    CHECK(ReadNetwork(*store, "web")->id() == one.id());
    REQUIRE(os::MakeDirectories(NetworkRunDir(*store, one.id()), 0700).ok());
    REQUIRE(RemoveNetwork(*store, one).ok());
    CHECK(absl::IsNotFound(ReadNetwork(*store, "web").status()));
    CHECK(RemoveNetwork(*store, one).ok());
    // Locks and run directories leave no files.
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->runroot() + "/networks")->empty());
  }

  TEST_CASE("the default network is there without a file, under all its names") {
    const TestStore store;
    CHECK(!DefaultNetworkIsMade(*store));
    for (const char* name : {"bridge", "podman", "default"}) {
      CAPTURE(name);
      REQUIRE(ReadNetwork(*store, name).ok());
      CHECK(ReadNetwork(*store, name)->name() == "bridge");
      CHECK(ResolveNetwork(*store, name)->subnets(0).subnet() == "10.88.0.0/16");
    }
    NetworkRecord changed = *ReadNetwork(*store, "bridge");
    changed.mutable_subnets(0)->set_subnet("10.90.0.0/16");
    REQUIRE(Make(*store, changed).ok());
    CHECK(DefaultNetworkIsMade(*store));
    CHECK(ReadNetwork(*store, "podman")->subnets(0).subnet() == "10.90.0.0/16");
    CHECK(*ListNetworks(*store) == std::vector<std::string>{"bridge"});
  }

  TEST_CASE("names that are none are refused before they become a path") {
    const TestStore store;
    for (const char* name : {"", ".", "..", "../x", "a/b", "-x", "a b", "a\nb"}) {
      CAPTURE(name);
      CHECK(absl::IsInvalidArgument(Make(*store, Named(name))));
      CHECK(absl::IsNotFound(ReadNetwork(*store, name).status()));
      CHECK(absl::IsNotFound(ResolveNetwork(*store, name).status()));
    }
    CHECK(absl::IsInvalidArgument(CheckNetworkName(std::string(201, 'a'))));
    CHECK(CheckNetworkName(std::string(200, 'a')).ok());
  }

  TEST_CASE("a network is found by its id or the unique beginning of one, and a name comes first") {
    const TestStore store;
    NetworkRecord a = Named("web"), b = Named("db"), c = Named("abc");
    a.set_id("abc1" + std::string(60, '0'));
    b.set_id("abd2" + std::string(60, '0'));
    for (const NetworkRecord* record : {&a, &b, &c}) REQUIRE(Make(*store, *record).ok());
    CHECK(ResolveNetwork(*store, "abc1")->name() == "web");
    CHECK(ResolveNetwork(*store, a.id())->name() == "web");
    CHECK(ResolveNetwork(*store, "abc")->name() == "abc");
    CHECK(absl::IsFailedPrecondition(ResolveNetwork(*store, "ab").status()));
    CHECK(absl::IsNotFound(ResolveNetwork(*store, "ffff").status()));
  }

  TEST_CASE("a sweep removes what networks that are gone left, and nothing else") {
    const TestStore store;
    const NetworkRecord one = Named("web");
    REQUIRE(Make(*store, one).ok());
    const std::string kept = NetworkRunDir(*store, one.id());
    const std::string gone = NetworkRunDir(*store, NewContainerId());
    REQUIRE(os::MakeDirectories(kept, 0700).ok());
    REQUIRE(os::MakeDirectories(gone, 0700).ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, store->runroot() + "/networks/.lock-x", "").ok());
    REQUIRE(SweepNetworks(*store).ok());
    CHECK(*os::ListDirectoryAt(AT_FDCWD, store->runroot() + "/networks") ==
          std::vector<std::string>{one.id()});
  }
}

}  // namespace coracle::store
