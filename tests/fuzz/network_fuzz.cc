// --publish, --network, and the addresses and subnets in them: whatever is typed is refused with a text, or
// read to what can be.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cli/network_syntax.h"
#include "cli/publish_syntax.h"
#include "network/address.h"

namespace {

using coracle::network::Cidr;
using coracle::network::IpAddress;

void Require(bool holds) {
  if (!holds) abort();
}

void CheckPublish(const std::string& text) {
  const auto mappings = coracle::cli::ParsePublish(text);
  if (!mappings.ok()) return Require(!mappings.status().message().empty());
  Require(!mappings->empty());
  for (const coracle::store::PortMapping& mapping : *mappings) {
    Require(mapping.count() >= 1 && mapping.container_port() >= 1);
    Require(mapping.container_port() + mapping.count() <= 65536);
    Require(mapping.host_port() + (mapping.host_port() == 0 ? 0 : mapping.count()) <= 65536);
    Require(mapping.protocol() == "tcp" || mapping.protocol() == "udp" || mapping.protocol() == "sctp");
    if (mapping.host_ip().empty()) continue;
    const auto address = IpAddress::Parse(mapping.host_ip());
    Require(address.ok() && address->ToString() == mapping.host_ip());
  }
}

void CheckNetwork(const std::string& text) {
  const auto choice = coracle::cli::ParseNetworkOption(text);
  if (!choice.ok()) return Require(!choice.status().message().empty());
  Require((choice->mode == "bridge") == !choice->attachment.network_name().empty());
  if (!choice->attachment.ip().empty()) Require(!IpAddress::Parse(choice->attachment.ip())->is_v6());
  if (!choice->attachment.ip6().empty()) Require(IpAddress::Parse(choice->attachment.ip6())->is_v6());
  if (!choice->attachment.mac().empty()) Require(choice->attachment.mac().size() == 17);
}

void CheckSubnet(const std::string& text) {
  const auto subnet = Cidr::Parse(text);
  if (!subnet.ok()) return Require(!subnet.status().message().empty());
  const auto again = Cidr::Parse(subnet->ToString());
  Require(again.ok() && *again == *subnet);
  Require(subnet->Contains(subnet->base()) && subnet->Contains(subnet->last()));
  Require(subnet->Contains(subnet->first_host()) && subnet->Contains(subnet->last_host()));
  Require(!(subnet->last_host() < subnet->first_host()));
  Require(subnet->Overlaps(*subnet));
}

void CheckRange(const std::string& text) {
  const Cidr subnet = *Cidr::Parse(text.size() % 2 == 0 ? "10.89.0.0/16" : "fd00::/64");
  const auto range = coracle::network::ParseRange(text, subnet);
  if (!range.ok()) return Require(!range.status().message().empty());
  Require(subnet.Contains(range->first) && subnet.Contains(range->last) && !(range->last < range->first));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      CheckPublish(text);
      break;
    case 1:
      CheckNetwork(text);
      break;
    case 2:
      CheckSubnet(text);
      break;
    default:
      CheckRange(text);
      break;
  }
  return 0;
}
