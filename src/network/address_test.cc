#include "network/address.h"

#include "doctest/doctest.h"

namespace coracle::network {
namespace {

IpAddress Ip(absl::string_view text) {
  const auto parsed = IpAddress::Parse(text);
  REQUIRE(parsed.ok());
  return *parsed;
}
Cidr Net(absl::string_view text) {
  const auto parsed = Cidr::Parse(text);
  REQUIRE(parsed.ok());
  return *parsed;
}

}  // namespace

TEST_SUITE("network/address") {
  TEST_CASE("addresses are read and written in their canonical form") {
    CHECK(Ip("10.89.0.2").ToString() == "10.89.0.2");
    CHECK(!Ip("10.89.0.2").is_v6());
    CHECK(Ip("FD00:0:0::0001").ToString() == "fd00::1");
    CHECK(Ip("::1").Bytes() == std::string(15, '\0') + '\1');
    CHECK(Ip("255.255.255.255").Plus(1) == Ip("0.0.0.0"));
    CHECK(Ip("10.0.0.255").Plus(1) == Ip("10.0.1.0"));
    CHECK(Ip("fd00::ffff").Plus(1) == Ip("fd00::1:0"));
    for (const char* bad :
         {"", "10.89.0", "10.89.0.256", "10.89.0.2 ", "fe80::1%eth0", "x", "1.2.3.4/24", "::g"}) {
      CAPTURE(bad);
      CHECK(absl::IsInvalidArgument(IpAddress::Parse(bad).status()));
    }
    CHECK(!IpAddress::Parse(absl::string_view("1.2.3.4\0", 8)).ok());
  }

  TEST_CASE("a subnet drops the bits of the host") {
    CHECK(Net("10.89.0.77/24").ToString() == "10.89.0.0/24");
    CHECK(Net("1.2.3.4/0").ToString() == "0.0.0.0/0");
    CHECK(Net("1.2.3.4/32").ToString() == "1.2.3.4/32");
    CHECK(Net("fd00::1/64").ToString() == "fd00::/64");
    CHECK(Net("fd00::1/0").ToString() == "::/0");
    CHECK(Net("10.89.0.0/24").last() == Ip("10.89.0.255"));
    CHECK(Net("::/0").last() == Ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    for (const char* bad : {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129", "/24",
                            "10.0.0.0/+4", "10.0.0.0/24/8"}) {
      CAPTURE(bad);
      CHECK(absl::IsInvalidArgument(Cidr::Parse(bad).status()));
    }
  }

  TEST_CASE("overlap is containment one way or the other, never across families") {
    CHECK(Net("10.0.0.0/8").Overlaps(Net("10.89.0.0/24")));
    CHECK(Net("10.89.0.0/24").Overlaps(Net("10.0.0.0/8")));
    CHECK(!Net("10.89.0.0/24").Overlaps(Net("10.89.1.0/24")));
    CHECK(!Net("0.0.0.0/0").Overlaps(Net("fd00::/8")));
    CHECK(Net("10.0.0.0/8").Contains(Net("10.1.0.0/16")));
    CHECK(!Net("10.1.0.0/16").Contains(Net("10.0.0.0/8")));
  }

  TEST_CASE("hosts have neither the first nor the last address of an IPv4 subnet") {
    CHECK(Net("10.0.0.0/24").first_host() == Ip("10.0.0.1"));
    CHECK(Net("10.0.0.0/24").last_host() == Ip("10.0.0.254"));
    CHECK(Net("10.0.0.0/31").first_host() == Ip("10.0.0.0"));
    CHECK(Net("10.0.0.0/31").last_host() == Ip("10.0.0.1"));
    CHECK(Net("10.0.0.9/32").first_host() == Ip("10.0.0.9"));
    CHECK(Net("fd00::/64").first_host() == Ip("fd00::1"));
    CHECK(Net("fd00::/64").last_host() == Ip("fd00::ffff:ffff:ffff:ffff"));
    CHECK(Net("10.89.255.0/24").Next() == Net("10.90.0.0/24"));
  }

  TEST_CASE("a range is a part of its subnet, given as subnet or by its ends") {
    const Cidr subnet = Net("10.0.0.0/24");
    CHECK(ParseRange("10.0.0.128/25", subnet)->first == Ip("10.0.0.128"));
    CHECK(ParseRange("10.0.0.128/25", subnet)->last == Ip("10.0.0.254"));
    CHECK(ParseRange("10.0.0.0/25", subnet)->first == Ip("10.0.0.1"));
    CHECK(ParseRange("10.0.0.5-10.0.0.9", subnet)->last == Ip("10.0.0.9"));
    for (const char* bad : {"10.0.1.0/25", "10.0.0.0/23", "10.0.0.9-10.0.0.5", "10.0.0.0/32", "10.0.0.255/32",
                            "10.0.0.1-10.0.1.1", "x", "fd00::/64"}) {
      CAPTURE(bad);
      CHECK(absl::IsInvalidArgument(ParseRange(bad, subnet).status()));
    }
  }

  TEST_CASE("a MAC address is six bytes and of one interface") {
    CHECK(*ParseMac("02-42-0A-58-00-02") == "02:42:0a:58:00:02");
    CHECK(*ParseMac("92:d0:c6:0a:29:33") == "92:d0:c6:0a:29:33");
    for (const char* bad : {"", "02:42:0a:58:00", "02:42:0a:58:00:02:03", "2:42:a:58:0:2",
                            "gg:42:0a:58:00:02", "01:00:5e:00:00:01", "00:00:00:00:00:00"}) {
      CAPTURE(bad);
      CHECK(absl::IsInvalidArgument(ParseMac(bad).status()));
    }
  }
}

}  // namespace coracle::network
