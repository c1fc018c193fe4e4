#include "store/events.h"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::store {
namespace {

std::vector<std::string> NamesIn(EventReader& reader) {
  std::vector<std::string> names;
  reader.Read([&](const EventRecord& event) { names.push_back(event.name()); });
  return names;
}

void Tell(const Store& store, const std::string& name) {
  AppendEvent(store, ObjectEvent("volume", "create", "", name));
}

std::string LogPath(const Store& store) { return absl::StrCat(store.runroot(), "/events/log"); }

}  // namespace

TEST_SUITE("store/events") {
  TEST_CASE("what was told is read once, in order, with all that it says") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    EventReader reader(*store, /*follow=*/false);
    CHECK(NamesIn(reader).empty());
    ContainerRecord record = RecordNamed("web");
    StringPair* label = record.mutable_config()->add_labels();
    label->set_key("a");
    label->set_value("b\nc");
    AppendEvents(*store, {ContainerEvent(record, "create"), ContainerEvent(record, "start")});
    std::vector<EventRecord> events;
    reader.Read([&](const EventRecord& event) { events.push_back(event); });
    REQUIRE(events.size() == 2);
    CHECK(events[0].type() == "container");
    CHECK(events[0].status() == "create");
    CHECK(events[1].status() == "start");
    CHECK(events[0].id() == record.id());
    CHECK(events[0].image() == "localhost/test:latest");
    CHECK(events[0].attributes(0).value() == "b\nc");
    CHECK(events[0].unix_nanos() > 1'600'000'000'000'000'000);
    CHECK(NamesIn(reader).empty());
  }

  TEST_CASE("a follower is woken, also by the first event of all") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    EventReader reader(*store, /*follow=*/true);
    REQUIRE(reader.watch() >= 0);
    CHECK(NamesIn(reader).empty());
    Tell(*store, "v1");
    pollfd ready = {reader.watch(), POLLIN, 0};
    CHECK(poll(&ready, 1, 5000) == 1);
    CHECK(NamesIn(reader) == std::vector<std::string>{"v1"});
    CHECK(poll(&ready, 1, 0) == 0);
  }

  TEST_CASE("the log stays bounded, and a follower misses nothing of it") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    EventReader reader(*store, /*follow=*/true);
    const std::string filler(1000, 'x');
    size_t seen = 0;
    std::string last;
    for (int i = 0; i < 4000; ++i) {
      Tell(*store, absl::StrCat(filler, i));
      if (i % 100 != 99) continue;
      for (const std::string& name : NamesIn(reader)) {
        ++seen;
        last = name;
      }
    }
    CHECK(seen == 4000);
    CHECK(last == absl::StrCat(filler, 3999));
    struct stat info;
    for (const char* suffix : {"", ".1"}) {
      REQUIRE(stat(absl::StrCat(LogPath(*store), suffix).c_str(), &info) == 0);
      CHECK(info.st_size < kEventLogBytes + 4096);
    }
    EventReader late(*store, /*follow=*/false);
    const std::vector<std::string> rest = NamesIn(late);
    CHECK(rest.size() > 900);
    CHECK(rest.back() == last);
    CHECK(std::is_sorted(rest.begin(), rest.end()));  // all of four digits
  }

  TEST_CASE("an event that was cut off hides no other") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    Tell(*store, "before");
    auto log = os::ReadFileAt(AT_FDCWD, LogPath(*store));
    REQUIRE(log.ok());
    const std::string whole = *log;
    for (size_t cut = 1; cut < whole.size(); ++cut) {
      REQUIRE(os::WriteFileAt(AT_FDCWD, LogPath(*store), absl::StrCat(whole, whole.substr(0, cut))).ok());
      Tell(*store, "after");
      EventReader reader(*store, /*follow=*/false);
      CHECK(NamesIn(reader) == std::vector<std::string>{"before", "after"});
    }
  }

  TEST_CASE("labels without end are left out of the event") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    EventRecord event = ObjectEvent("container", "create", "id", "big");
    AddAttribute(event, "label", std::string(1 << 20, 'x'));
    AppendEvent(*store, event);
    EventReader reader(*store, /*follow=*/false);
    CHECK(NamesIn(reader) == std::vector<std::string>{"big"});
  }

  TEST_CASE("eight processes at once lose nothing and mix nothing") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    std::vector<pid_t> children;
    for (int child = 0; child < 8; ++child) {
      const pid_t pid = fork();
      if (pid == 0) {
        for (int i = 0; i < 100; ++i) Tell(*store, absl::StrCat(child, "-", i));
        _exit(0);
      }
      children.push_back(pid);
    }
    for (const pid_t pid : children) waitpid(pid, nullptr, 0);
    EventReader reader(*store, /*follow=*/false);
    std::vector<std::string> names = NamesIn(reader);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    CHECK(names.size() == 800);
  }

  TEST_CASE("without a place for it nothing is told and nothing fails") {
    const Store store("/nonexistent/root", "/nonexistent/run");
    Tell(store, "v");
    EventReader reader(store, /*follow=*/false);
    CHECK(NamesIn(reader).empty());
  }
}

}  // namespace coracle::store
