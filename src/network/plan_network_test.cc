#include "network/plan_network.h"

#include "doctest/doctest.h"
#include "network/network_options.h"
#include "store/network.h"
#include "store/test_store.h"

namespace coracle::network {
namespace {

using store::NetworkRecord;

HostNetworks Host() {
  HostNetworks host;
  // 192.168.1.0/24 on eth0 and a default route.
  host.used = ParseRoutes4(
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
      "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
      "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n");
  host.interfaces = {"lo", "eth0"};
  host.default_interface = "eth0";
  return host;
}

NetworkRecord Existing(const std::string& name, const std::string& subnet) {
  NetworkRecord record;
  record.set_name(name);
  record.set_driver("bridge");
  record.set_interface("co-" + name);
  record.add_subnets()->set_subnet(subnet);
  return record;
}

std::string ErrorOf(const NetworkRequest& request, const std::vector<NetworkRecord>& others = {}) {
  const auto planned = PlanNetwork(request, others, Host());
  return planned.ok() ? "" : std::string(planned.status().message());
}

NetworkRequest Named(const std::string& name) {
  NetworkRequest request;
  request.name = name;
  return request;
}
NetworkRequest WithSubnet(const std::string& subnet) {
  NetworkRequest request = Named("web");
  request.subnets = {subnet};
  return request;
}
NetworkRequest WithOption(const std::string& key, const std::string& value) {
  NetworkRequest request = Named("web");
  request.options = {{key, value}};
  return request;
}

}  // namespace

TEST_SUITE("network/plan_network") {
  TEST_CASE("without more, a network is a bridge with the first free subnet and its first address") {
    const auto planned = PlanNetwork(Named("web"), {}, Host());
    REQUIRE(planned.ok());
    CHECK(planned->driver() == "bridge");
    REQUIRE(planned->subnets_size() == 1);
    CHECK(planned->subnets(0).subnet() == "10.89.0.0/24");
    CHECK(planned->subnets(0).gateway() == "10.89.0.1");
    CHECK(planned->dns_enabled());
    CHECK(planned->interface().size() == 15);
    CHECK(planned->interface() == "co-" + planned->id().substr(0, 12));
    CHECK(!planned->ipv6());
  }

  TEST_CASE("a free subnet is free of every other network and of the host") {
    HostNetworks host = Host();
    host.used.push_back({*Cidr::Parse("10.89.1.0/25"), "x"});
    const auto planned =
        PlanNetwork(Named("web"), {Existing("a", "10.89.0.0/24"), Existing("b", "10.89.2.0/23")}, host);
    REQUIRE(planned.ok());
    CHECK(planned->subnets(0).subnet() == "10.89.4.0/24");
    host.used = {{*Cidr::Parse("10.0.0.0/8"), "x"}};
    const auto none = PlanNetwork(Named("web"), {}, host);
    CHECK(absl::IsResourceExhausted(none.status()));
  }

  TEST_CASE("--ipv6 adds a unique local subnet, and an IPv6 subnet alone stays alone") {
    NetworkRequest request = Named("web");
    request.ipv6 = true;
    const auto both = PlanNetwork(request, {}, Host());
    REQUIRE(both.ok());
    REQUIRE(both->subnets_size() == 2);
    CHECK(both->subnets(1).subnet().substr(0, 2) == "fd");
    CHECK(both->subnets(1).subnet().substr(both->subnets(1).subnet().size() - 5) == "::/64");
    CHECK(both->ipv6());
    const auto six = PlanNetwork(WithSubnet("fd00:1::/64"), {}, Host());
    REQUIRE(six.ok());
    CHECK(six->subnets_size() == 1);
    CHECK(six->subnets(0).gateway() == "fd00:1::1");
    request.ipv4 = false;
    CHECK(PlanNetwork(request, {}, Host())->subnets_size() == 1);
  }

  TEST_CASE("subnets that are taken, and gateways and ranges that are outside, are refused by name") {
    CHECK(ErrorOf(WithSubnet("192.168.0.0/16")) ==
          "subnet 192.168.0.0/16 overlaps 192.168.1.0/24, which is used by a route of the host (eth0)");
    CHECK(ErrorOf(WithSubnet("10.89.0.0/16"), {Existing("db", "10.89.7.0/24")}) ==
          "subnet 10.89.0.0/16 overlaps 10.89.7.0/24, which is used by network db");
    CHECK(ErrorOf(WithSubnet("10.1.0.0/33")) == "\"10.1.0.0/33\" is not a subnet: expected ADDRESS/PREFIX");
    CHECK(ErrorOf(WithSubnet("10.1.0.0/32")) ==
          "subnet 10.1.0.0/32 has no room for a gateway and a container");
    NetworkRequest request = WithSubnet("10.1.0.0/24");
    request.gateways = {"10.1.1.1"};
    CHECK(ErrorOf(request) == "gateway 10.1.1.1 is in no subnet of the network");
    request.gateways = {"10.1.0.0"};
    CHECK(ErrorOf(request) == "gateway 10.1.0.0 is not an address that a host of 10.1.0.0/24 can have");
    request.gateways = {"10.1.0.254", "10.1.0.1"};
    CHECK(ErrorOf(request) == "subnet 10.1.0.0/24 has two gateways: 10.1.0.254 and 10.1.0.1");
    request.gateways = {};
    request.ranges = {"10.2.0.0/25"};
    CHECK(ErrorOf(request) == "ip range 10.2.0.0/25 is in no subnet of the network");
    request.ranges = {"10.1.0.0/23"};
    CHECK(ErrorOf(request) == "ip range 10.1.0.0/23 is not within the subnet 10.1.0.0/24");
    request.ranges = {"10.1.0.1/32"};
    CHECK(ErrorOf(request) == "ip range 10.1.0.1/32 has no address but the gateway's");
    request = WithSubnet("10.1.0.0/24");
    request.subnets.emplace_back("10.1.0.128/25");
    CHECK(ErrorOf(request) == "subnets 10.1.0.0/24 and 10.1.0.128/25 overlap");
  }

  TEST_CASE("a range and gateway that are within are kept") {
    NetworkRequest request = WithSubnet("10.1.0.7/24");
    request.gateways = {"10.1.0.254"};
    request.ranges = {"10.1.0.128/25"};
    request.routes = {"10.7.0.0/16,10.1.0.9,50"};
    const auto planned = PlanNetwork(request, {}, Host());
    REQUIRE(planned.ok());
    CHECK(planned->subnets(0).subnet() == "10.1.0.0/24");
    CHECK(planned->subnets(0).gateway() == "10.1.0.254");
    CHECK(planned->subnets(0).range_first() == "10.1.0.128");
    CHECK(planned->subnets(0).range_last() == "10.1.0.254");
    CHECK(planned->routes(0).destination() == "10.7.0.0/16");
    CHECK(planned->routes(0).metric() == 50);
    request.routes = {"10.7.0.0/16"};
    CHECK(ErrorOf(request) == "--route 10.7.0.0/16: expected DESTINATION,GATEWAY[,METRIC]");
  }

  TEST_CASE("names of modes and of other networks are refused") {
    CHECK(ErrorOf(Named("host")) == "network name \"host\" conflicts with the network mode of that name");
    CHECK(ErrorOf(Named("podman")) == "network name podman is already used");
    CHECK(ErrorOf(Named("db"), {Existing("db", "10.89.0.0/24")}) == "network name db is already used");
    CHECK(ErrorOf(Named("a b")).find("is not valid") != std::string::npos);
    NetworkRequest request = Named("web");
    request.interface_name = "co-db";
    CHECK(ErrorOf(request, {Existing("db", "10.89.0.0/24")}) ==
          "bridge name co-db is already used by network db");
    request.interface_name = "sixteen-bytes-xx";
    CHECK(ErrorOf(request) ==
          "interface name \"sixteen-bytes-xx\" is not valid: it has 16 bytes, of at least 1 and at most 15");
    request = Named("web");
    request.driver = "overlay";
    CHECK(ErrorOf(request) == "unknown network driver \"overlay\": expected bridge, macvlan or ipvlan");
  }

  TEST_CASE("macvlan takes the parent that is given or has the default route, and may overlap the host") {
    NetworkRequest request = WithSubnet("192.168.1.0/24");
    request.driver = "macvlan";
    const auto planned = PlanNetwork(request, {}, Host());
    REQUIRE(planned.ok());
    CHECK(planned->interface() == "eth0");
    request.options = {{"parent", "eth7"}};
    CHECK(ErrorOf(request) == "parent interface eth7 does not exist");
    request.options = {{"mode", "l3"}};
    CHECK(ErrorOf(request) == "network option mode=l3: expected bridge, private, vepa, passthru");
  }

  TEST_CASE("options of docker and podman become the same, and those that say the usual go away") {
    const auto option = [](const std::string& key, const std::string& value, const char* kept) {
      const auto planned = PlanNetwork(WithOption(key, value), {}, Host());
      REQUIRE(planned.ok());
      return store::NetworkOption(*planned, kept);
    };
    CHECK(option("com.docker.network.driver.mtu", "1400", "mtu") == "1400");
    CHECK(option("mtu", "0", "mtu").empty());
    CHECK(option("isolate", "true", "isolate") == "true");
    CHECK(option("isolate", "strict", "isolate") == "strict");
    CHECK(option("isolate", "0", "isolate") == "false");
    CHECK(option("com.docker.network.bridge.enable_ip_masquerade", "true", "masquerade").empty());
    CHECK(option("com.docker.network.bridge.enable_ip_masquerade", "false", "masquerade") == "false");
    CHECK(option("com.docker.network.bridge.enable_icc", "false", "icc") == "false");
    CHECK(option("mode", "managed", "mode").empty());
    CHECK(PlanNetwork(WithOption("com.docker.network.bridge.name", "br7"), {}, Host())->interface() == "br7");
    CHECK(ErrorOf(WithOption("mtu", "10")) == "network option mtu=10: expected a number from 68 to 65535");
    CHECK(ErrorOf(WithOption("vlan", "4095")) ==
          "network option vlan=4095: expected a number from 1 to 4094");
    CHECK(ErrorOf(WithOption("frobnicate", "1")) ==
          "unknown network option \"frobnicate\" for driver bridge");
    CHECK(ErrorOf(WithOption("parent", "eth0")) == "network option parent is not one of driver bridge");
    CHECK(ErrorOf(WithOption("vrf", "x")) == "network option vrf is not supported yet");
  }

  TEST_CASE("the default network is made once, beside what the host and other networks have") {
    const store::TestStore store;
    NetworkRecord record = *store::ReadNetwork(*store, "bridge");
    CHECK(PlanDefaultNetwork(record, {}, Host())->subnets(0).subnet() == "10.88.0.0/16");
    HostNetworks host = Host();
    host.used.push_back({*Cidr::Parse("10.88.0.0/16"), "podman0"});
    host.interfaces.emplace_back("coracle0");
    const auto planned = PlanDefaultNetwork(record, {record, Existing("a", "10.89.0.0/24")}, host);
    REQUIRE(planned.ok());
    CHECK(planned->subnets(0).subnet() == "10.90.0.0/16");
    CHECK(planned->subnets(0).gateway() == "10.90.0.1");
    CHECK(planned->interface() == "coracle1");
    REQUIRE(EnsureDefaultNetwork(*store).ok());
    CHECK(store::DefaultNetworkIsMade(*store));
    CHECK(EnsureDefaultNetwork(*store)->id() == record.id());
  }
}

TEST_SUITE("network/used_subnets") {
  TEST_CASE("routes of both families are read, but no default, link-local, multicast or broken ones") {
    CHECK(Host().used.size() == 1);
    CHECK(Host().used[0].subnet.ToString() == "192.168.1.0/24");
    const auto six = ParseRoutes6(
        "fd000001000000000000000000000000 40 00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"
        "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"
        "ff000000000000000000000000000000 08 00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"
        "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"
        "garbage\n");
    REQUIRE(six.size() == 1);
    CHECK(six[0].subnet.ToString() == "fd00:1::/64");
    CHECK(ParseRoutes4("eth0 zz 0 0 0 0 0 00FFFFFF\n").empty());
  }

  TEST_CASE("name servers of the host are kept free") {
    const auto servers =
        ParseNameServers("# c\nnameserver 10.89.0.53\noptions x\nnameserver fd00::53\nnameserver\n");
    REQUIRE(servers.size() == 2);
    CHECK(FreeSubnet4(servers)->ToString() == "10.89.1.0/24");
  }
}

}  // namespace coracle::network
