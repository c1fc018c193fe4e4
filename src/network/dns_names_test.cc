#include "network/dns_names.h"

#include <optional>

#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::network {
namespace {

const std::string kNet(64, 'a'), kOther(64, 'b');

// A container that lives: its liveness lock is held.
struct Living {
  Living(const store::Store& store, char digit, const std::string& network, PublishedNames published,
         bool internal = false)
      : id(64, digit) {
    CHECK(os::MakeDirectories(store.ContainerRunDir(id), 0700).ok());
    lock.emplace(*store::FileLock::Try(store.ContainerRunDir(id) + "/lock"));
    published.container_id = id;
    CHECK(PublishNames(store, network, published, {"net" + network.substr(0, 1), internal, {}}).ok());
  }
  std::string id;
  std::optional<store::FileLock> lock;
};

struct Resolver {
  Resolver(const store::Store& store, const std::string& id, DnsNames::Links links = {})
      : names(store, id, std::move(links)) {}
  // As text: the last byte of each address; "-" if the name is not known.
  std::string Ask(const std::string& name) {
    names.Refresh(now += 100);
    std::vector<std::string> addresses;
    if (!names.Lookup(name, &addresses)) return "-";
    std::string text;
    for (const std::string& address : addresses) text += std::to_string(address.back()) + " ";
    return text;
  }
  DnsNames names;
  int64_t now = 0;
};

TEST_SUITE("network/dns_names") {
  TEST_CASE("containers of a network are known by name, id, short id, alias and name.network") {
    store::TestStore store;
    Living me(*store, '1', kNet, {"", "me", {}, {"10.0.0.1/24"}});
    Living web(*store, '2', kNet, {"", "Web", {"api"}, {"10.0.0.2", "fd00::2"}});
    Living stranger(*store, '3', kOther, {"", "stranger", {}, {"10.0.1.3"}});
    Resolver resolver(*store, me.id);
    for (const std::string& name : {std::string("web"), web.id, web.id.substr(0, 12), std::string("api"),
                                    std::string("web.neta"), std::string("api.neta")}) {
      CHECK(resolver.Ask(name) == "2 2 ");
    }
    CHECK(resolver.Ask("me") == "1 ");
    CHECK(resolver.Ask("stranger") == "-");
    CHECK(resolver.Ask("web.netb") == "-");
    CHECK(resolver.Ask("neta") == "-");
  }

  TEST_CASE("what two containers are called is answered in rotation") {
    store::TestStore store;
    Living me(*store, '1', kNet, {"", "me", {"all"}, {"10.0.0.1"}});
    Living web(*store, '2', kNet, {"", "web", {"all"}, {"10.0.0.2"}});
    Resolver resolver(*store, me.id);
    const std::string first = resolver.Ask("all"), second = resolver.Ask("all");
    CHECK(first != second);
    CHECK(resolver.Ask("all") == first);
  }

  TEST_CASE("changes show at once: new names, renames, withdrawals, a killed monitor") {
    store::TestStore store;
    Living me(*store, '1', kNet, {"", "me", {}, {"10.0.0.1"}});
    Resolver resolver(*store, me.id);
    CHECK(resolver.Ask("web") == "-");
    Living web(*store, '2', kNet, {"", "web", {}, {"10.0.0.2"}});
    CHECK(resolver.Ask("web") == "2 ");
    CHECK(PublishNames(*store, kNet, {web.id, "front", {}, {"10.0.0.2"}}, {"net", false, {}}).ok());
    CHECK(resolver.Ask("web") == "-");
    CHECK(resolver.Ask("front") == "2 ");
    web.lock.reset();
    CHECK(resolver.Ask("front") == "-");
    SweepNames(*store);
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, NamesDir(*store, kNet) + "/" + web.id));
    WithdrawAllNames(*store, me.id);
    CHECK(resolver.Ask("me") == "-");
  }

  TEST_CASE("a link is another name for one container, on networks that both are on") {
    store::TestStore store;
    Living me(*store, '1', kNet, {"", "me", {}, {"10.0.0.1"}});
    Living web(*store, '2', kNet, {"", "web", {}, {"10.0.0.2"}});
    Living far(*store, '3', kOther, {"", "far", {}, {"10.0.1.3"}});
    Resolver resolver(*store, me.id, {{"DB", web.id}, {"x", far.id}});
    CHECK(resolver.Ask("db") == "2 ");
    CHECK(resolver.Ask("x") == "-");
  }

  TEST_CASE("an address has its container's names") {
    store::TestStore store;
    Living me(*store, '1', kNet, {"", "me", {}, {"10.0.0.1"}});
    Living web(*store, '2', kNet, {"", "web", {"api"}, {"10.0.0.2"}});
    Resolver resolver(*store, me.id);
    resolver.names.Refresh(1000);
    std::vector<std::string> names;
    CHECK(resolver.names.Reverse(std::string("\x0a\0\0\x02", 4), &names));
    CHECK(names == std::vector<std::string>{"web", web.id.substr(0, 12), "api"});
    CHECK_FALSE(resolver.names.Reverse(std::string("\x0a\0\0\x09", 4), &names));
  }

  TEST_CASE("nothing is asked outside for a container on internal networks only") {
    store::TestStore store;
    Living me(*store, '1', kNet, {"", "me", {}, {"10.0.0.1"}}, /*internal=*/true);
    Resolver resolver(*store, me.id);
    resolver.names.Refresh(1000);
    CHECK_FALSE(resolver.names.may_forward());
    CHECK(PublishNames(*store, kOther, {me.id, "me", {}, {}}, {"net", false, {"9.9.9.9"}}).ok());
    resolver.names.Refresh(2000);
    CHECK(resolver.names.may_forward());
    CHECK(resolver.names.servers() == std::vector<std::string>{"9.9.9.9"});
    Resolver alone(*store, std::string(64, '9'));
    alone.names.Refresh(1000);
    CHECK(alone.names.may_forward());
  }
}

}  // namespace
}  // namespace coracle::network
