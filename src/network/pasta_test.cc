#include "network/pasta.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/strings/str_join.h"
#include "doctest/doctest.h"
#include "network/host_ports.h"
#include "network/host_resolvers.h"

namespace coracle::network {
namespace {

store::PortMapping Port(const std::string& ip, uint32_t host, uint32_t inside, uint32_t count,
                        const std::string& protocol) {
  store::PortMapping port;
  port.set_host_ip(ip);
  port.set_host_port(host);
  port.set_container_port(inside);
  port.set_count(count);
  port.set_protocol(protocol);
  return port;
}

std::string Arguments(const UserNetRequest& request, const Uplink& uplink) {
  return " " + absl::StrJoin(PastaArguments(request, uplink), " ") + " ";
}

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_SUITE("network/pasta") {
  TEST_CASE("ports become pasta's specifications") {
    UserNetRequest request;
    request.ports = {Port("", 8080, 80, 1, "tcp"), Port("127.0.0.1", 9000, 90, 3, "tcp"),
                     Port("::1", 53, 5353, 1, "udp")};
    const std::string args = Arguments(request, {"eth0", "192.0.2.2", false});
    CHECK(Has(args, " -t 8080:80 -t 127.0.0.1/9000-9002:90-92 -u ::1/53:5353 "));
    CHECK(Has(args, " -a 10.0.2.100 -n 24 -g 10.0.2.2 "));
    CHECK(Has(args, " --no-map-gw "));
    CHECK_FALSE(Has(args, " -i lo "));
    CHECK(Has(Arguments({}, {"eth0", "192.0.2.2", false}), " -t none -u none "));
  }
  TEST_CASE("without an uplink lo takes its place") {
    CHECK(Has(Arguments({}, {}), " -i lo "));
    CHECK_FALSE(Has(Arguments({}, {"", "", true}), " -i lo "));
  }
  TEST_CASE("the user's options take the place of ours") {
    UserNetRequest request;
    request.options = {"--map-gw", "-a", "10.9.0.2", "-t", "auto", "--mac-addr=02:00:00:00:00:01"};
    request.ports = {Port("", 8080, 80, 1, "tcp")};
    const std::string args = Arguments(request, {"eth0", "192.0.2.2", false});
    CHECK_FALSE(Has(args, "map-gw"));
    CHECK_FALSE(Has(args, "10.0.2.100"));
    CHECK_FALSE(Has(args, "8080"));
    CHECK_FALSE(Has(args, " -M "));
    CHECK(Has(args, " -a 10.9.0.2 -t auto --mac-addr=02:00:00:00:00:01 --netns-only "));
  }
  TEST_CASE("the host's address is where it is reached; its loopback only on request") {
    CHECK(UserNetHostAddress({"--map-gw"}) == "10.0.2.2");
    CHECK(UserNetHostAddress({"-a", "10.9.0.2", "-g", "10.9.0.1", "--map-gw"}) == "10.9.0.1");
    CHECK(UserNetHostAddress({"-a", "10.9.0.2"}).empty());
  }
}

TEST_SUITE("network/host_uplink") {
  TEST_CASE("the default route with the lowest metric counts") {
    const char* header =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
    const std::string wlan = "wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n";
    const std::string eth = "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
    const std::string local = "br0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
    CHECK(DefaultRouteInterface(header + wlan + local + eth) == "eth0");
    CHECK(DefaultRouteInterface(header + local).empty());
    CHECK(DefaultRouteInterface("").empty());
  }
  TEST_CASE("the kernel's unreachable route of IPv6 is none") {
    const std::string zero(32, '0');
    CHECK_FALSE(
        HasDefaultRoute6(zero + " 00 " + zero + " 00 " + zero + " ffffffff 00000001 00000000 00200200 lo\n"));
    CHECK(HasDefaultRoute6(zero + " 00 " + zero + " 00 fe80" + std::string(28, '0') +
                           " 00000400 00000001 00000000 00000003 eth0\n"));
  }
}

TEST_SUITE("network/host_ports") {
  TEST_CASE("a port in use is told, a random one is filled in") {
    auto random = FindHostPorts({Port("127.0.0.1", 0, 80, 2, "tcp")});
    REQUIRE(random.ok());
    const uint32_t port = (*random)[0].host_port();
    CHECK(port > 0);
    const os::UniqueFd taken(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port + 1));
    REQUIRE(bind(taken.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(taken.get(), 1) == 0);
    const auto again = FindHostPorts({Port("127.0.0.1", port, 80, 2, "tcp")});
    REQUIRE_FALSE(again.ok());
    CHECK(Has(std::string(again.status().message()),
              "publish 127.0.0.1:" + std::to_string(port + 1) + "/tcp: Address already in use"));
    CHECK(FindHostPorts({Port("", 0, 80, 1, "sctp")}).status().code() == absl::StatusCode::kUnimplemented);
  }
}

TEST_SUITE("network/host_resolvers") {
  TEST_CASE("servers are read as resolv.conf has them") {
    CHECK(ParseNameservers("# c\nnameserver 1.1.1.1\n nameserver\tfe80::1%lo # x\nsearch a\nnameserver\n") ==
          std::vector<std::string>{"1.1.1.1", "fe80::1%lo"});
    CHECK(ParseDnsServer("1.1.1.1").has_value());
    CHECK(ParseDnsServer("fe80::1%lo").has_value());
    CHECK(ParseDnsServer("127.0.0.1#5353").has_value());
    for (const char* bad : {"", "x", "1.1.1", "1.1.1.1#0", "1.1.1.1#99999", "::1%no-such-interface"}) {
      CHECK_FALSE(ParseDnsServer(bad).has_value());
    }
  }
}

}  // namespace
}  // namespace coracle::network
