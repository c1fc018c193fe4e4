#include "network/lease.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <set>

#include "doctest/doctest.h"
#include "store/network.h"
#include "store/test_store.h"

namespace coracle::network {
namespace {

using store::NetworkRecord;
using store::TestStore;

NetworkRecord Net(const std::string& subnet, const std::string& gateway) {
  NetworkRecord record;
  record.set_id(store::NewContainerId());
  record.set_name("net");
  store::Subnet* one = record.add_subnets();
  one->set_subnet(subnet);
  one->set_gateway(gateway);
  return record;
}

// A container whose liveness lock is held as long as this lives.
class Alive {
 public:
  explicit Alive(const TestStore& store, std::string id = store::NewContainerId()) : id_(std::move(id)) {
    const std::string dir = store->ContainerRunDir(id_);
    REQUIRE(os::MakeDirectories(dir, 0700).ok());
    auto lock = store::FileLock::Try(dir + "/lock");
    REQUIRE(lock.ok());
    lock_ = std::make_unique<store::FileLock>(*std::move(lock));
  }
  const std::string& id() const { return id_; }
  void Die() { lock_.reset(); }

 private:
  std::string id_;
  std::unique_ptr<store::FileLock> lock_;
};

std::string One(const TestStore& store, const NetworkRecord& network, const Alive& container,
                const std::string& ip = "") {
  const auto leased = LeaseAddresses(*store, network, container.id(), ip, "");
  return leased.ok() && leased->size() == 1 ? (*leased)[0].WithPrefix()
                                            : std::string(leased.status().message());
}

}  // namespace

TEST_SUITE("network/lease") {
  TEST_CASE("addresses come in turn, leave out the gateway, and rest before they come again") {
    const TestStore store;
    const NetworkRecord network = Net("10.9.0.0/29", "10.9.0.1");
    const Alive a(store), b(store);
    CHECK(One(store, network, a) == "10.9.0.2/29");
    CHECK(One(store, network, b) == "10.9.0.3/29");
    REQUIRE(ReleaseAddresses(*store, network.id(), b.id(), {"10.9.0.3/29"}).ok());
    CHECK(One(store, network, b) == "10.9.0.4/29");
    REQUIRE(ReleaseAddresses(*store, network.id(), b.id(), {"10.9.0.4"}).ok());
    CHECK(One(store, network, b) == "10.9.0.5/29");
    REQUIRE(ReleaseAddresses(*store, network.id(), b.id(), {"10.9.0.5"}).ok());
    CHECK(One(store, network, b) == "10.9.0.6/29");
    REQUIRE(ReleaseAddresses(*store, network.id(), b.id(), {"10.9.0.6"}).ok());
    // Around, past the gateway and the one that is still taken.
    CHECK(One(store, network, b) == "10.9.0.3/29");
  }

  TEST_CASE("an exhausted subnet says so, and an address of a dead container is free again") {
    const TestStore store;
    const NetworkRecord network = Net("10.9.0.0/30", "10.9.0.1");
    Alive a(store);
    const Alive b(store);
    CHECK(One(store, network, a) == "10.9.0.2/30");
    CHECK(One(store, network, b) == "network net: no free address in 10.9.0.0/30");
    CHECK(ListLeases(*store, network.id()).size() == 1);
    a.Die();
    CHECK(ListLeases(*store, network.id()).empty());
    CHECK(One(store, network, b) == "10.9.0.2/30");
  }

  TEST_CASE("a wanted address is given, again to the same, and to nobody else") {
    const TestStore store;
    const NetworkRecord network = Net("10.9.0.0/24", "10.9.0.1");
    const Alive a(store), b(store);
    CHECK(One(store, network, a, "10.9.0.50") == "10.9.0.50/24");
    CHECK(One(store, network, a, "10.9.0.50") == "10.9.0.50/24");
    CHECK(One(store, network, b, "10.9.0.50") ==
          "IP address 10.9.0.50 is already used by container " + a.id().substr(0, 12) + " on network net");
    CHECK(One(store, network, b, "10.9.0.1") == "IP address 10.9.0.1 is the gateway of network net");
    CHECK(One(store, network, b, "10.9.1.1") == "IP address 10.9.1.1 is in no subnet of network net");
    CHECK(One(store, network, b, "10.9.0.255") ==
          "IP address 10.9.0.255 is not one that a host of 10.9.0.0/24 can have");
    CHECK(One(store, network, b, "fd00::1") == "\"fd00::1\" is not an IPv4 address");
  }

  TEST_CASE("a range bounds what is handed out, and each subnet gives an address or none does") {
    const TestStore store;
    NetworkRecord network = Net("10.9.0.0/24", "10.9.0.1");
    network.mutable_subnets(0)->set_range_first("10.9.0.100");
    network.mutable_subnets(0)->set_range_last("10.9.0.101");
    store::Subnet* six = network.add_subnets();
    six->set_subnet("fd00:9::/127");
    six->set_gateway("fd00:9::");
    const Alive a(store), b(store);
    const auto leased = LeaseAddresses(*store, network, a.id(), "", "");
    REQUIRE(leased.ok());
    REQUIRE(leased->size() == 2);
    CHECK((*leased)[0].WithPrefix() == "10.9.0.100/24");
    CHECK((*leased)[1].WithPrefix() == "fd00:9::1/127");
    CHECK((*leased)[1].gateway == "fd00:9::");
    CHECK(!LeaseAddresses(*store, network, b.id(), "", "").ok());
    CHECK(ListLeases(*store, network.id()).size() == 2);
  }

  TEST_CASE("no release takes what another container has") {
    const TestStore store;
    const NetworkRecord network = Net("10.9.0.0/24", "10.9.0.1");
    const Alive a(store), b(store);
    CHECK(One(store, network, a) == "10.9.0.2/24");
    REQUIRE(ReleaseAddresses(*store, network.id(), b.id(), {"10.9.0.2/24"}).ok());
    CHECK(ListLeases(*store, network.id()).size() == 1);
  }

  // Each child is a container that takes addresses and keeps them; half of them die by SIGKILL.
  TEST_CASE("eight processes at once never get the same address") {
    const TestStore store;
    const NetworkRecord network = Net("10.9.0.0/24", "10.9.0.1");
    constexpr int kProcesses = 8, kEach = 25;
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    std::vector<pid_t> children;
    for (int p = 0; p < kProcesses; ++p) {
      const pid_t pid = fork();
      REQUIRE(pid >= 0);
      if (pid == 0) {
        std::vector<std::unique_ptr<Alive>> mine;
        std::string text;
        for (int i = 0; i < kEach; ++i) {
          mine.push_back(std::make_unique<Alive>(store));
          text += One(store, network, *mine.back()) + "\n";
        }
        if (write(ready[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(1);
        pause();
        _exit(0);
      }
      children.push_back(pid);
    }
    std::string all;
    int lines = 0;
    while (lines < kProcesses * kEach) {
      char buffer[4096];
      const ssize_t got = read(ready[0], buffer, sizeof(buffer));
      REQUIRE(got > 0);
      for (ssize_t i = 0; i < got; ++i) lines += buffer[i] == '\n' ? 1 : 0;
      all.append(buffer, static_cast<size_t>(got));
    }
    std::set<std::string> different;
    for (size_t at = 0; at < all.size();) {
      const size_t end = all.find('\n', at);
      different.insert(all.substr(at, end - at));
      at = end + 1;
    }
    CHECK(different.size() == kProcesses * kEach);
    CHECK(ListLeases(*store, network.id()).size() == kProcesses * kEach);
    for (const pid_t pid : children) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    CHECK(ListLeases(*store, network.id()).empty());
    close(ready[0]);
    close(ready[1]);
  }
}

}  // namespace coracle::network
