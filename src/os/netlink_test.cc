#include "os/netlink.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::os {
namespace {

std::string Attribute(uint16_t length, uint16_t type, absl::string_view content) {
  std::string bytes(reinterpret_cast<const char*>(&length), 2);
  bytes.append(reinterpret_cast<const char*>(&type), 2);
  return bytes.append(content.data(), content.size());
}

TEST_SUITE("os/netlink") {
  TEST_CASE("attributes are padded to four bytes and nested ones are counted in their parent") {
    NetlinkBatch batch;
    batch.Begin(RTM_NEWLINK, NLM_F_CREATE, ifinfomsg{}, "test");
    const size_t begin = batch.size();
    {
      const NetlinkNest nest(batch, IFLA_LINKINFO);
      batch.PutString(IFLA_INFO_KIND, "veth");  // 5 bytes with its NUL
      batch.PutU8(IFLA_INFO_DATA, 7);
    }
    CHECK(begin == sizeof(nlmsghdr) + sizeof(ifinfomsg));
    CHECK(batch.size() - begin == 4 + (4 + 8) + (4 + 4));
  }

  TEST_CASE("an attribute that claims more bytes than there are is not read") {
    const std::string bytes = Attribute(8, 1, "abcd") + Attribute(100, 2, "efgh");
    const NetlinkAttributes attributes(bytes);
    CHECK(attributes.Find(1) == "abcd");
    CHECK_FALSE(attributes.Has(2));
    CHECK_FALSE(NetlinkAttributes(Attribute(3, 1, "abcd")).Has(1));
    CHECK_FALSE(NetlinkAttributes("abc").Has(1));
    CHECK(attributes.U32(3, 42) == 42);
  }

  TEST_CASE("a dump gives every link, the loopback among them") {
    absl::StatusOr<NetlinkSocket> socket = NetlinkSocket::Open(NETLINK_ROUTE);
    REQUIRE(socket.ok());
    NetlinkBatch request;
    request.Begin(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}, "list links");
    bool loopback = false;
    const absl::Status status = socket->Ask(request, [&](uint16_t type, absl::string_view payload) {
      CHECK(type == RTM_NEWLINK);
      loopback |= NetlinkAttributes::Of<ifinfomsg>(payload).String(IFLA_IFNAME) == "lo";
    });
    CHECK(status.ok());
    CHECK(loopback);
  }

  TEST_CASE("an error names the message of a batch that it is about, unless it is to be ignored") {
    absl::StatusOr<NetlinkSocket> socket = NetlinkSocket::Open(NETLINK_ROUTE);
    REQUIRE(socket.ok());
    const auto ask = [](NetlinkBatch& batch, absl::string_view name) {
      batch.Begin(RTM_GETLINK, 0, ifinfomsg{}, absl::StrCat("look at ", name));
      batch.PutString(IFLA_IFNAME, name);
    };
    NetlinkBatch batch;
    ask(batch, "lo");
    ask(batch, "no-such-link");
    ask(batch, "lo");
    const absl::Status status = socket->Send(batch);
    CHECK(ErrnoOf(status) == ENODEV);
    CHECK(absl::StartsWith(status.message(), "look at no-such-link"));
    NetlinkBatch again;
    ask(again, "no-such-link");
    CHECK(socket->Send(again, {ENODEV}).ok());
  }
}

}  // namespace
}  // namespace coracle::os
