// Every operation is killed at each of its write steps; what is left must read without complaint, and doing
// it again must work.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <functional>

#include "doctest/doctest.h"
#include "store/lease.h"
#include "store/test_store.h"

namespace coracle::store {
namespace {

// Runs `operation` with the nth fault point deadly; whether it was reached.
bool KilledAt(int n, const std::function<absl::Status()>& operation) {
  const int status = InChild([&] {
    setenv("CORACLE_FAULT", ("*:" + std::to_string(n)).c_str(), 1);
    return operation().ok() ? 0 : 1;
  });
  if (WIFSIGNALED(status)) {
    CHECK(WTERMSIG(status) == SIGKILL);
    return true;
  }
  CHECK(WEXITSTATUS(status) == 0);
  return false;
}

// What must hold after any death: everything listed can be read, names lead to their containers.
void CheckSound(const Store& store) {
  std::vector<std::pair<std::string, absl::Status>> damaged;
  const auto records = ReadAllContainers(store, &damaged);
  REQUIRE(records.ok());
  CHECK(damaged.empty());
  CHECK(ListContainers(store)->size() == records->size());
  for (const ContainerRecord& record : *records) {
    CHECK(*ResolveContainer(store, record.name()) == record.id());
  }
}

size_t Count(const std::string& dir) {
  const auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  return names.ok() ? names->size() : 0;
}

}  // namespace

TEST_SUITE("store/fault") {
  TEST_CASE("creation killed at any step is absent or whole, and the name can be used again") {
    for (const bool auto_remove : {false, true}) {
      int steps = 0;
      for (int n = 1;; ++n) {
        CAPTURE(n);
        const TestStore store;
        ContainerRecord record = RecordNamed("web");
        record.set_auto_remove(auto_remove);
        if (!KilledAt(n, [&] { return CreateContainer(*store, record, os::Durability::kDurable).status(); }))
          break;
        ++steps;
        CheckSound(*store);
        const bool exists = ListContainers(*store)->size() == 1;
        ContainerRecord again = RecordNamed("web");
        const auto created = CreateContainer(*store, again, os::Durability::kDurable);
        CHECK(created.ok() == !exists);
        REQUIRE(Sweep(*store).ok());
        CheckSound(*store);
        CHECK(ListContainers(*store)->size() == 1);
        CHECK(Count(store->root() + "/containers") == 1);
        CHECK(Count(store->runroot() + "/containers") == 1);
        CHECK(Count(store->root() + "/names/containers") == 1);
      }
      CHECK(steps > 20);
    }
  }

  TEST_CASE("removal killed at any step can be done again, or was done") {
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      ContainerRecord record = RecordNamed("web");
      REQUIRE(CreateContainer(*store, record, os::Durability::kVolatile).ok());
      const bool killed = KilledAt(n, [&] {
        const auto lock = LockContainer(*store, record.id());
        return lock.ok() ? RemoveContainer(*store, record.id()) : lock.status();
      });
      if (!killed) break;
      ++steps;
      CheckSound(*store);
      REQUIRE(Sweep(*store).ok());
      CHECK(Count(store->root() + "/containers") == 0);
      CHECK(Count(store->runroot() + "/containers") == 0);
      CHECK(Count(store->root() + "/names/containers") == 0);
    }
    CHECK(steps >= 4);
  }

  TEST_CASE("rename killed at any step leaves one name, and the other is free") {
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      ContainerRecord record = RecordNamed("before");
      REQUIRE(CreateContainer(*store, record, os::Durability::kVolatile).ok());
      const bool killed = KilledAt(n, [&] {
        const auto lock = LockContainer(*store, record.id());
        return lock.ok() ? RenameContainer(*store, record, "after") : lock.status();
      });
      if (!killed) break;
      ++steps;
      CheckSound(*store);
      const std::string name = ReadContainer(*store, record.id())->name();
      CHECK((name == "before" || name == "after"));
      ContainerRecord other = RecordNamed(name == "before" ? "after" : "before");
      if (n % 2 == 0) {
        REQUIRE(Sweep(*store).ok());
        CHECK(Count(store->root() + "/names/containers") == 1);
      }
      CHECK(CreateContainer(*store, other, os::Durability::kVolatile).ok());
      CheckSound(*store);
    }
    CHECK(steps >= 4);
  }

  TEST_CASE("a sweep killed at any step is finished by the next") {
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      REQUIRE(store->EnsureExists().ok());
      for (int i = 0; i < 3; ++i) {
        REQUIRE(os::MakeDirectories(store->ContainerDir(NewContainerId()) + "/upper", 0700).ok());
        REQUIRE(os::MakeDirectories(store->root() + "/tmp/" + std::to_string(i), 0700).ok());
      }
      if (!KilledAt(n, [&] { return Sweep(*store); })) break;
      ++steps;
      REQUIRE(Sweep(*store).ok());
      CHECK(Count(store->root() + "/containers") == 0);
      CHECK(Count(store->runroot() + "/containers") == 0);
      CHECK(Count(store->root() + "/tmp") == 0);
    }
    CHECK(steps > 6);
  }
}

}  // namespace coracle::store
