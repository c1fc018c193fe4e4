#include "cli/publish_syntax.h"

#include "absl/strings/str_cat.h"
#include "doctest/doctest.h"

namespace coracle::cli {
namespace {

std::string Shown(absl::string_view text) {
  const auto mappings = ParsePublish(text);
  if (!mappings.ok()) return std::string(mappings.status().message());
  std::string shown;
  for (const store::PortMapping& mapping : *mappings) {
    absl::StrAppend(&shown, shown.empty() ? "" : " ", mapping.host_ip(), "|", mapping.host_port(), "|",
                    mapping.container_port(), "+", mapping.count(), "/", mapping.protocol(),
                    mapping.pass_fd() ? "!" : "");
  }
  return shown;
}

absl::Status Together(absl::string_view a, absl::string_view b) {
  store::ContainerConfig config;
  *config.add_ports() = ParsePublish(a)->front();
  *config.add_ports() = ParsePublish(b)->front();
  return CheckPortsDiffer(config.ports());
}

}  // namespace

TEST_SUITE("cli/publish_syntax") {
  TEST_CASE("every form of --publish") {
    CHECK(Shown("80") == "|0|80+1/tcp");
    CHECK(Shown("8080:80") == "|8080|80+1/tcp");
    CHECK(Shown(":80") == "|0|80+1/tcp");
    CHECK(Shown("0:80") == "|0|80+1/tcp");
    CHECK(Shown("8080:80/udp") == "|8080|80+1/udp");
    CHECK(Shown("8080:80/SCTP") == "|8080|80+1/sctp");
    CHECK(Shown("127.0.0.1:8080:80") == "127.0.0.1|8080|80+1/tcp");
    CHECK(Shown("127.0.0.1::80") == "127.0.0.1|0|80+1/tcp");
    CHECK(Shown("::80") == "|0|80+1/tcp");
    CHECK(Shown("[::1]:8080:80") == "::1|8080|80+1/tcp");
    CHECK(Shown("[FD00:0::1]::80/udp") == "fd00::1|0|80+1/udp");
    CHECK(Shown("8000-8010:80-90") == "|8000|80+11/tcp");
    CHECK(Shown("80-90") == "|0|80+11/tcp");
    CHECK(Shown("0.0.0.0:53:53/udp") == "0.0.0.0|53|53+1/udp");
    CHECK(Shown("8080:80,fd") == "|8080|80+1/tcp!");
    CHECK(Shown("8080:80/udp,fd,81:81") == "|8080|80+1/udp! |81|81+1/tcp");
  }

  TEST_CASE("what is none of them is refused with the reason") {
    const auto is_refused = [](absl::string_view text, absl::string_view reason) {
      CAPTURE(text);
      CHECK(Shown(text).find(std::string(reason)) != std::string::npos);
      CHECK(Shown(text).find("--publish") == 0);
    };
    is_refused("", "is not a port or range");
    is_refused("80:", "is not a port or range");
    is_refused("x", "is not a port or range");
    is_refused("65536", "is not a port or range");
    is_refused("80:99999", "is not a port or range");
    is_refused("90-80", "is not a port or range");
    is_refused("+80", "is not a port or range");
    is_refused("80 ", "is not a port or range");
    is_refused("0x50", "is not a port or range");
    is_refused("8000-8001:80", "differ in length");
    is_refused("80/icmp", "unknown protocol");
    is_refused("80/", "unknown protocol");
    is_refused("localhost:80:80", "is not an IP address");
    is_refused("::1:80:80", "stands in brackets");
    is_refused("[::1:80:80", "expected ']:'");
    is_refused("[127.0.0.1]:80:80", "only an IPv6 address");
    is_refused("[::x]:80:80", "is not an IP address");
    is_refused("fd", "expected a port before");
    is_refused("80/sctp,fd", "sctp");
  }

  TEST_CASE("two mappings can't have the same port of the host") {
    CHECK(!Together("80:80", "80:81").ok());
    CHECK(!Together("80-90:80-90", "85:1").ok());
    CHECK(!Together("127.0.0.1:80:80", "80:80").ok());
    CHECK(!Together("0.0.0.0:80:80", "127.0.0.1:80:80").ok());
    CHECK(Together("127.0.0.1:80:80", "127.0.0.2:80:80").ok());
    CHECK(Together("0.0.0.0:80:80", "[::]:80:80").ok());
    CHECK(Together("80:80/tcp", "80:80/udp").ok());
    CHECK(Together("80", "80").ok());
    CHECK(Together("80-84:80-84", "85:85").ok());
  }

  TEST_CASE("exposed ports, and the port that `port` asks for") {
    for (const char* good : {"80", "80/udp", "80-90/tcp", "65535/sctp"}) CHECK(IsExposedPort(good));
    for (const char* bad : {"", "0", "80/", "80/icmp", "90-80", "70000", "80:80"}) CHECK(!IsExposedPort(bad));
    CHECK(ParsePortQuery("80")->protocol == "tcp");
    CHECK(ParsePortQuery("53/UDP")->protocol == "udp");
    CHECK(!ParsePortQuery("x").ok());
    CHECK(!ParsePortQuery("80/y").ok());
  }
}

}  // namespace coracle::cli
