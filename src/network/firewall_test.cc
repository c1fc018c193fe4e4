// On the real kernel, each case in a network namespace of its own.
#include "network/firewall.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/netlink.h"

namespace coracle::network {
namespace {

// What `run` gives, called in a child process with a new network namespace; nothing where this process may
// not have one, or the kernel has no nf_tables.
std::optional<std::string> InOwnNetwork(const std::function<std::string()>& run) {
  int ends[2];
  if (pipe(ends) != 0) return std::nullopt;
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    if (unshare(getuid() == 0 ? CLONE_NEWNET : CLONE_NEWNET | CLONE_NEWUSER) != 0) _exit(1);
    const std::string text = run();
    const bool written = write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof(buffer))) > 0;) text.append(buffer, got);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || absl::StrContains(text, "CONFIG_NF_TABLES")) {
    MESSAGE("no network namespace with nf_tables here");
    return std::nullopt;
  }
  return text;
}

IpAddress Address(absl::string_view text) { return IpAddress::Parse(text).value(); }

FirewallNetwork Network(const std::string& bridge) {
  return {bridge, {Cidr::Parse("10.89.0.0/24").value(), Cidr::Parse("fd00::/64").value()}};
}

Publication To(absl::string_view target, uint16_t port, uint16_t count = 1) {
  return {"", IPPROTO_TCP, port, Address(target), 80, count};
}

// What nft(8) would show, in short: the first error, or "ok".
std::string Text(const absl::Status& status) { return status.ok() ? "ok" : std::string(status.message()); }

// The elements of map ports4; -1: it can't be read.
int CountPorts() {
  auto socket = os::NetlinkSocket::Open(NETLINK_NETFILTER);
  if (!socket.ok()) return -1;
  os::NetlinkBatch request;
  nfgenmsg header = {};
  header.nfgen_family = NFPROTO_INET;
  request.Begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM, NLM_F_DUMP, header, "list ports");
  request.PutString(NFTA_SET_ELEM_LIST_TABLE, "coracle");
  request.PutString(NFTA_SET_ELEM_LIST_SET, "ports4");
  int count = 0;
  const absl::Status status = socket->Ask(request, [&](uint16_t, absl::string_view payload) {
    const os::NetlinkAttributes list =
        os::NetlinkAttributes::Of<nfgenmsg>(payload).Nested(NFTA_SET_ELEM_LIST_ELEMENTS);
    list.ForEach([&](uint16_t, absl::string_view) { ++count; });
  });
  return status.ok() ? count : -1;
}

TEST_SUITE("network/firewall") {
  TEST_CASE(
      "a network is known from when it is added until it is removed, and "
      "twice is fine") {
    const auto result = InOwnNetwork([]() -> std::string {
      auto firewall = Firewall::Open();
      if (!firewall.ok()) return Text(firewall.status());
      std::string seen;
      const auto known = [&] { seen += firewall->HasNetwork("br0").value() ? "known " : "unknown "; };
      for (int i = 0; i < 2; ++i) {
        const absl::Status added = firewall->AddNetwork(Network("br0"));
        if (!added.ok()) return Text(added);
        known();
      }
      for (int i = 0; i < 2; ++i) {
        const absl::Status removed = firewall->RemoveNetwork(Network("br0"));
        if (!removed.ok()) return Text(removed);
        known();
      }
      return seen;
    });
    if (result.has_value()) CHECK(*result == "known known unknown unknown ");
  }

  TEST_CASE(
      "a port of a dead container is taken over, and its late end leaves "
      "the new owner's alone") {
    const auto result = InOwnNetwork([]() -> std::string {
      auto firewall = Firewall::Open();
      if (!firewall.ok()) return Text(firewall.status());
      const absl::Status added = firewall->AddNetwork(Network("br0"));
      if (!added.ok()) return Text(added);
      std::string seen;
      const auto note = [&seen](const absl::Status& status) {
        seen += absl::StrCat(Text(status), ":", CountPorts(), " ");
      };
      note(firewall->Publish({To("10.89.0.2", 8000, 20)}));
      note(firewall->Publish({To("10.89.0.3", 8010)}));
      note(firewall->Unpublish({To("10.89.0.2", 8000, 20)}));
      note(firewall->Unpublish({To("10.89.0.3", 8010)}));
      note(firewall->Unpublish({To("10.89.0.3", 8010)}));
      return seen;
    });
    if (result.has_value()) CHECK(*result == "ok:20 ok:20 ok:1 ok:0 ok:0 ");
  }

  TEST_CASE("addresses of one family do not lead to targets of the other") {
    const auto result = InOwnNetwork([]() -> std::string {
      auto firewall = Firewall::Open();
      if (!firewall.ok()) return Text(firewall.status());
      const absl::Status added = firewall->AddNetwork(Network("br0"));
      if (!added.ok()) return Text(added);
      Publication at = To("10.89.0.2", 8000);
      at.host_address = "::1";
      return Text(firewall->Publish({at})) + " " + Text(firewall->Unpublish({at}));
    });
    if (result.has_value()) CHECK(*result == "ok ok");
  }

  TEST_CASE("ports without a table are an error, unpublishing them is not") {
    const auto result = InOwnNetwork([]() -> std::string {
      auto firewall = Firewall::Open();
      if (!firewall.ok()) return Text(firewall.status());
      return Text(firewall->Unpublish({To("10.89.0.2", 8000)})) +
             (firewall->Publish({To("10.89.0.2", 8000)}).ok() ? " published" : " refused");
    });
    if (result.has_value()) CHECK(*result == "ok refused");
  }
}

}  // namespace
}  // namespace coracle::network
