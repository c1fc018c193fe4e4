#include "cli/network_syntax.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "doctest/doctest.h"

namespace coracle::cli {
namespace {

std::string Shown(absl::string_view text) {
  const auto choice = ParseNetworkOption(text);
  if (!choice.ok()) return std::string(choice.status().message());
  const store::NetworkAttachment& attachment = choice->attachment;
  return absl::StrCat(choice->mode, "|", attachment.network_name(), "|", attachment.ip(), "|",
                      attachment.ip6(), "|", attachment.mac(), "|", absl::StrJoin(attachment.aliases(), " "),
                      "|", attachment.interface_name(), "|", absl::StrJoin(choice->options, " "));
}

}  // namespace

TEST_SUITE("cli/network_syntax") {
  TEST_CASE("modes and networks") {
    CHECK(Shown("none") == "none|||||||");
    CHECK(Shown("host") == "host|||||||");
    CHECK(Shown("private") == "|||||||");
    CHECK(Shown("container:web") == "container:web|||||||");
    CHECK(Shown("ns:/run/netns/x") == "ns:/run/netns/x|||||||");
    CHECK(Shown("bridge") == "bridge|bridge||||||");
    CHECK(Shown("web-net") == "bridge|web-net||||||");
    CHECK(Shown("pasta") == "pasta|||||||");
    CHECK(Shown("pasta:--mtu,1500,-a,10.0.2.0") == "pasta|||||||--mtu 1500 -a 10.0.2.0");
    CHECK(Shown("slirp4netns:mtu=1500") == "slirp4netns|||||||mtu=1500");
  }

  TEST_CASE("options of a network, as podman and as docker write them") {
    CHECK(Shown("web:ip=10.89.0.5,ip6=FD00::5,mac=02-42-0A-58-00-02,alias=a,alias=b,interface_name=net0") ==
          "bridge|web|10.89.0.5|fd00::5|02:42:0a:58:00:02|a b|net0|");
    CHECK(Shown("name=web,alias=a,ip=10.89.0.5,mac-address=02:42:0a:58:00:02") ==
          "bridge|web|10.89.0.5||02:42:0a:58:00:02|a||");
  }

  TEST_CASE("what is none of them is refused with the reason") {
    const auto is_refused = [](absl::string_view text, absl::string_view reason) {
      CAPTURE(text);
      CHECK(Shown(text).find(std::string(reason)) != std::string::npos);
    };
    is_refused("", "expected a network");
    is_refused(":ip=10.0.0.1", "expected a network before");
    is_refused("host:ip=10.0.0.1", "host has no options");
    is_refused("container:", "expected a container");
    is_refused("ns:relative", "expected an absolute path");
    is_refused("web:ip=10.0.0.256", "is not an IP address");
    is_refused("web:ip=fd00::1", "is not an IPv4 address");
    is_refused("web:mac=x", "is not a MAC address");
    is_refused("web:alias=", "needs a value");
    is_refused("web:frob=1", "unknown option \"frob\"");
    is_refused("web:host_interface_name=x", "not supported yet");
    is_refused("alias=x,name=", "expected name=NETWORK");
  }
}

}  // namespace coracle::cli
