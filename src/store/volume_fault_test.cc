// Volumes, killed at each write step.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <functional>

#include "doctest/doctest.h"
#include "store/test_store.h"
#include "store/volume.h"

namespace coracle::store {
namespace {

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

size_t Count(const std::string& dir) {
  const auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  return names.ok() ? names->size() : 0;
}

VolumeRecord Record(bool owned) {
  VolumeRecord record;
  record.set_name("data");
  if (owned) record.set_owner_container_id(NewContainerId());
  return record;
}

absl::Status Make(const Store& store, const VolumeRecord& record) {
  const auto lock = VolumeLock::Acquire(store, record.name());
  if (!lock.ok()) return lock.status();
  return CreateVolume(store, record, std::nullopt, os::Durability::kDurable);
}

}  // namespace

TEST_SUITE("store/volume_fault") {
  TEST_CASE("creation killed at any step is absent or whole, and the name can be used again") {
    for (const bool owned : {false, true}) {
      int steps = 0;
      for (int n = 1;; ++n) {
        CAPTURE(n);
        const TestStore store;
        REQUIRE(store->EnsureExists().ok());
        const VolumeRecord record = Record(owned);
        if (!KilledAt(n, [&] { return Make(*store, record); })) break;
        ++steps;
        const auto listed = ReadAllVolumes(*store);
        REQUIRE(listed.ok());
        if (n % 2 == 0) {
          REQUIRE(Sweep(*store).ok());
          CHECK(Count(store->root() + "/trash") == 0);
          CHECK(Count(store->runroot() + "/volumes") == 0);
          if (owned || listed->empty()) {
            CHECK(Count(store->root() + "/volumes") == 0);
            CHECK(Count(store->root() + "/names/owned-volumes") == 0);
          }
        }
        const bool exists = ListVolumes(*store)->size() == 1;
        CHECK(Make(*store, record).ok() == !exists);
        CHECK(ListVolumes(*store)->size() == 1);
        CHECK(os::ExistsAt(AT_FDCWD, VolumeDataDir(*store, "data")));
      }
      CHECK(steps > 5);
    }
  }

  TEST_CASE("removal killed at any step can be done again, or was done") {
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      REQUIRE(Make(*store, Record(true)).ok());
      const bool killed = KilledAt(n, [&] {
        const auto lock = VolumeLock::Acquire(*store, "data");
        return lock.ok() ? RemoveVolume(*store, "data") : lock.status();
      });
      if (!killed) break;
      ++steps;
      REQUIRE(ReadAllVolumes(*store).ok());
      REQUIRE(Sweep(*store).ok());
      CHECK(Count(store->root() + "/volumes") == 0);
      CHECK(Count(store->root() + "/trash") == 0);
      CHECK(Count(store->root() + "/names/owned-volumes") == 0);
      CHECK(Count(store->runroot() + "/volumes") == 0);
    }
    CHECK(steps >= 3);
  }
}

}  // namespace coracle::store
