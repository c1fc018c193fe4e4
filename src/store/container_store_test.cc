#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/status.h"
#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::store {
namespace {

std::vector<std::string> Names(const Store& store) {
  auto names = os::ListDirectoryAt(AT_FDCWD, store.root() + "/names/containers");
  return names.ok() ? *names : std::vector<std::string>();
}

// Whether nothing of any container is left on disk.
bool Empty(const Store& store) {
  return Names(store).empty() && os::ListDirectoryAt(AT_FDCWD, store.root() + "/containers")->empty() &&
         os::ListDirectoryAt(AT_FDCWD, store.runroot() + "/containers")->empty();
}

}  // namespace

TEST_SUITE("store/container_store") {
  TEST_CASE("a container is created, found by name, id and prefix, and removed without a trace") {
    for (const bool auto_remove : {false, true}) {
      CAPTURE(auto_remove);
      const TestStore store;
      ContainerRecord record = RecordNamed("web");
      record.set_auto_remove(auto_remove);
      {
        const auto lock = CreateContainer(*store, record, os::Durability::kDurable);
        REQUIRE(lock.ok());
        CHECK(FileLock::IsHeld(store->ContainerRunDir(record.id()) + "/op"));
      }
      CHECK(os::ExistsAt(AT_FDCWD, store->ContainerDir(record.id()) + "/record") == !auto_remove);
      CHECK(os::ExistsAt(AT_FDCWD, store->ContainerRunDir(record.id()) + "/record") == auto_remove);
      CHECK(ReadContainer(*store, record.id())->image_name() == "localhost/test:latest");
      CHECK(*ResolveContainer(*store, "web") == record.id());
      CHECK(*ResolveContainer(*store, record.id()) == record.id());
      CHECK(*ResolveContainer(*store, record.id().substr(0, 12)) == record.id());
      CHECK(*ListContainers(*store) == std::vector<std::string>{record.id()});
      CHECK(ReadAllContainers(*store)->size() == 1);
      REQUIRE(os::MakeDirectories(store->ContainerDir(record.id()) + "/work/work", 0).ok());
      {
        const auto lock = LockContainer(*store, record.id());
        REQUIRE(lock.ok());
        REQUIRE(RemoveContainer(*store, record.id()).ok());
      }
      CHECK(Empty(*store));
      CHECK(absl::IsNotFound(ResolveContainer(*store, "web").status()));
      CHECK(absl::IsNotFound(LockContainer(*store, record.id()).status()));
      CHECK(Empty(*store));
    }
  }

  TEST_CASE("a removal can leave the deleting for later") {
    const TestStore store;
    ContainerRecord record = RecordNamed("web");
    REQUIRE(CreateContainer(*store, record, os::Durability::kVolatile).ok());
    REQUIRE(os::MakeDirectories(store->ContainerDir(record.id()) + "/work/work", 0).ok());
    REQUIRE(RemoveContainer(*store, record.id(), Deletion::kLater).ok());
    CHECK(ListContainers(*store)->empty());
    CHECK(absl::IsNotFound(ResolveContainer(*store, "web").status()));
    CHECK(os::ExistsAt(AT_FDCWD, store->ContainerRunDir(record.id())));
    REQUIRE(RemoveContainer(*store, record.id()).ok());
    CHECK(Empty(*store));
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + "/trash")->size() == 1);
    REQUIRE(EmptyTrash(*store).ok());
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + "/trash")->empty());
  }

  TEST_CASE("a taken name is an error that names its owner and leaves nothing") {
    const TestStore store;
    ContainerRecord first = RecordNamed("web");
    ContainerRecord second = RecordNamed("web");
    REQUIRE(CreateContainer(*store, first, os::Durability::kVolatile).ok());
    const auto refused = CreateContainer(*store, second, os::Durability::kVolatile);
    CHECK(absl::IsAlreadyExists(refused.status()));
    CHECK(ExitCodeOf(refused.status()) == 125);
    CHECK(refused.status().message().find(first.id()) != absl::string_view::npos);
    CHECK(*ListContainers(*store) == std::vector<std::string>{first.id()});
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, store->ContainerRunDir(second.id())));
    CHECK(*ResolveContainer(*store, "web") == first.id());
  }

  TEST_CASE("names that could leave the store are refused") {
    const TestStore store;
    for (const std::string name : {"../x", "a/b", ".", "-x", "a b", "", "\x1b[2J"}) {
      CAPTURE(name);
      ContainerRecord record = RecordNamed(name.empty() ? "/" : name);
      CHECK(absl::IsInvalidArgument(CreateContainer(*store, record, os::Durability::kVolatile).status()));
      CHECK(absl::IsNotFound(ResolveContainer(*store, name).status()));
    }
  }

  TEST_CASE("names are made up for those who give none") {
    const TestStore store;
    for (int i = 0; i < 20; ++i) {
      ContainerRecord record = RecordNamed("");
      REQUIRE(CreateContainer(*store, record, os::Durability::kVolatile).ok());
      CHECK(*ResolveContainer(*store, record.name()) == record.id());
    }
    CHECK(ListContainers(*store)->size() == 20);
  }

  TEST_CASE("of eight creators with one name exactly one wins") {
    for (int round = 0; round < 20; ++round) {
      const TestStore store;
      // Half of the rounds start with a stale claim, which all of them try to take over.
      if (round % 2 == 0) {
        REQUIRE(store->EnsureExists().ok());
        REQUIRE(symlink(NewContainerId().c_str(), store->ContainerNamePath("one").c_str()) == 0);
      }
      int go[2];
      REQUIRE(pipe(go) == 0);
      std::vector<pid_t> children;
      for (int i = 0; i < 8; ++i) {
        const pid_t pid = fork();
        if (pid == 0) {
          close(go[1]);
          char c;
          (void)!read(go[0], &c, 1);
          ContainerRecord record = RecordNamed("one");
          const auto lock = CreateContainer(*store, record, os::Durability::kVolatile);
          _exit(lock.ok() ? 0 : absl::IsAlreadyExists(lock.status()) ? 1 : 2);
        }
        children.push_back(pid);
      }
      close(go[0]);
      close(go[1]);
      int count[3] = {};
      for (const pid_t pid : children) {
        int status = -1;
        waitpid(pid, &status, 0);
        REQUIRE(WIFEXITED(status));
        ++count[WEXITSTATUS(status)];
      }
      CHECK(count[0] == 1);
      CHECK(count[1] == 7);
      CHECK(ListContainers(*store)->size() == 1);
      CHECK(os::ListDirectoryAt(AT_FDCWD, store->runroot() + "/containers")->size() == 1);
    }
  }

  TEST_CASE("creators, removers and sweepers at once lose nothing") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      const pid_t pid = fork();
      if (pid == 0) {
        for (int n = 0; n < 100; ++n) {
          if (i == 0) {
            const absl::Status status = Sweep(*store);
            if (status.ok()) continue;
            (void)os::WriteAll(STDERR_FILENO, absl::StrCat("sweep: ", StatusLine(status), "\n"));
            _exit(3);
          }
          ContainerRecord record = RecordNamed("c" + std::to_string(i));
          record.set_auto_remove(n % 2 == 0);
          const auto lock = CreateContainer(*store, record, os::Durability::kVolatile);
          if (!lock.ok()) _exit(1);
          if (!RemoveContainer(*store, record.id()).ok()) _exit(2);
        }
        _exit(0);
      }
      children.push_back(pid);
    }
    for (const pid_t pid : children) {
      int status = -1;
      waitpid(pid, &status, 0);
      CHECK(status == 0);
    }
    REQUIRE(Sweep(*store).ok());
    CHECK(Empty(*store));
  }

  TEST_CASE("a rename moves the claim, and a taken name stays taken") {
    const TestStore store;
    // Names that are no beginning of a random id.
    ContainerRecord a = RecordNamed("x");
    ContainerRecord b = RecordNamed("y");
    const auto lock_a = CreateContainer(*store, a, os::Durability::kVolatile);
    const auto lock_b = CreateContainer(*store, b, os::Durability::kVolatile);
    REQUIRE((lock_a.ok() && lock_b.ok()));
    CHECK(absl::IsAlreadyExists(RenameContainer(*store, a, "y")));
    CHECK(a.name() == "x");
    CHECK(absl::IsAlreadyExists(RenameContainer(*store, a, "x")));
    REQUIRE(RenameContainer(*store, a, "z").ok());
    CHECK(*ResolveContainer(*store, "z") == a.id());
    CHECK(absl::IsNotFound(ResolveContainer(*store, "x").status()));
    CHECK(Names(*store).size() == 2);
  }

  TEST_CASE("an id prefix of two containers is ambiguous") {
    const TestStore store;
    for (int i = 0; i < 17; ++i) {
      ContainerRecord record = RecordNamed("");
      REQUIRE(CreateContainer(*store, record, os::Durability::kVolatile).ok());
    }
    // 17 ids, 16 first digits.
    int ambiguous = 0;
    for (const char c : std::string("0123456789abcdef")) {
      ambiguous += absl::IsFailedPrecondition(ResolveContainer(*store, std::string(1, c)).status()) ? 1 : 0;
    }
    CHECK(ambiguous >= 1);
  }

  TEST_CASE("a damaged record is reported, found by name and removable") {
    const TestStore store;
    ContainerRecord record = RecordNamed("broken");
    ContainerRecord good = RecordNamed("good");
    REQUIRE(CreateContainer(*store, record, os::Durability::kVolatile).ok());
    REQUIRE(CreateContainer(*store, good, os::Durability::kVolatile).ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, store->ContainerDir(record.id()) + "/record", "garbage").ok());
    std::vector<std::pair<std::string, absl::Status>> damaged;
    CHECK(ReadAllContainers(*store, &damaged)->size() == 1);
    REQUIRE(damaged.size() == 1);
    CHECK(damaged[0].first == record.id());
    CHECK(*ResolveContainer(*store, "broken") == record.id());
    const auto lock = LockContainer(*store, record.id());
    REQUIRE(lock.ok());
    CHECK(RemoveContainer(*store, record.id()).ok());
    REQUIRE(Sweep(*store).ok());
    CHECK(Names(*store) == std::vector<std::string>{"good"});
  }

  TEST_CASE("after a reboot a container can be locked and removed") {
    const TestStore store;
    ContainerRecord record = RecordNamed("old");
    ContainerRecord gone = RecordNamed("gone");
    gone.set_auto_remove(true);
    REQUIRE(CreateContainer(*store, record, os::Durability::kDurable).ok());
    REQUIRE(CreateContainer(*store, gone, os::Durability::kVolatile).ok());
    REQUIRE(os::RemoveTreeAt(AT_FDCWD, store->runroot()).ok());
    CHECK(*ListContainers(*store) == std::vector<std::string>{record.id()});
    CHECK(absl::IsNotFound(ResolveContainer(*store, "gone").status()));
    REQUIRE(Sweep(*store).ok());
    CHECK(Names(*store) == std::vector<std::string>{"old"});
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, store->ContainerDir(gone.id())));
    {
      const auto lock = LockContainer(*store, record.id());
      REQUIRE(lock.ok());
      REQUIRE(RemoveContainer(*store, record.id()).ok());
    }
    CHECK(Empty(*store));
  }
}

}  // namespace coracle::store
