#include "network/used_subnets.h"

#include <fcntl.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"
#include "os/file.h"

namespace coracle::network {
namespace {

constexpr size_t kMaxRouteBytes = 64 << 20;
constexpr size_t kMaxResolvBytes = 1 << 20;

std::string TextOf(const char* path, size_t max_bytes) {
  auto text = os::ReadFileAt(AT_FDCWD, path, max_bytes);
  return text.ok() ? *std::move(text) : "";
}

void Append(std::vector<UsedSubnet> more, std::vector<UsedSubnet>& all) {
  for (UsedSubnet& one : more) all.push_back(std::move(one));
}

std::string RouteOf(absl::string_view interface) {
  return absl::StrCat("a route of the host (", Printable(interface), ")");
}

// The kernel prints the four bytes of the wire as one number of the machine, which is little-endian here.
bool ParseHexAddress4(absl::string_view text, uint32_t* address) {
  uint32_t raw = 0;
  if (text.size() != 8 || !absl::SimpleHexAtoi(text, &raw)) return false;
  *address = __builtin_bswap32(raw);
  return true;
}

bool ParseHexAddress6(absl::string_view text, absl::uint128* address) {
  uint64_t high = 0, low = 0;
  if (text.size() != 32 || !absl::SimpleHexAtoi(text.substr(0, 16), &high) ||
      !absl::SimpleHexAtoi(text.substr(16), &low)) {
    return false;
  }
  *address = absl::MakeUint128(high, low);
  return true;
}

}  // namespace

// Source: proc_pid_net(5); linux/net/ipv4/fib_trie.c, fib_route_seq_show.
std::vector<UsedSubnet> ParseRoutes4(absl::string_view text) {
  std::vector<UsedSubnet> used;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields =
        absl::StrSplit(line, absl::ByAnyChar("\t "), absl::SkipEmpty());
    uint32_t destination = 0, mask = 0;
    if (fields.size() < 8 || !ParseHexAddress4(fields[1], &destination) ||
        !ParseHexAddress4(fields[7], &mask)) {
      continue;
    }
    if (mask == 0) continue;
    used.push_back(
        {Cidr(IpAddress(destination, /*is_v6=*/false), __builtin_popcount(mask)), RouteOf(fields[0])});
  }
  return used;
}

// Source: linux/net/ipv6/route.c, rt6_info_route: destination, prefix length in hex, ..., device as the last.
std::vector<UsedSubnet> ParseRoutes6(absl::string_view text) {
  std::vector<UsedSubnet> used;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
    absl::uint128 destination = 0;
    uint32_t prefix = 0;
    if (fields.size() != 10 || !ParseHexAddress6(fields[0], &destination) ||
        !absl::SimpleHexAtoi(fields[1], &prefix) || prefix == 0 || prefix > 128 || fields[9] == "lo") {
      continue;
    }
    const Cidr subnet(IpAddress(destination, /*is_v6=*/true), static_cast<int>(prefix));
    // Link-local and multicast routes are on every link.
    const auto top = static_cast<uint16_t>(absl::Uint128High64(destination) >> 48);
    if ((top & 0xffc0U) == 0xfe80U || (top & 0xff00U) == 0xff00U) continue;
    used.push_back({subnet, RouteOf(fields[9])});
  }
  return used;
}

std::vector<UsedSubnet> ParseNameServers(absl::string_view text) {
  std::vector<UsedSubnet> used;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.size() < 2 || words[0] != "nameserver") continue;
    const auto address = IpAddress::Parse(words[1]);
    if (address.ok()) used.push_back({Cidr(*address, address->bits()), "a name server of the host"});
  }
  return used;
}

std::vector<UsedSubnet> HostSubnets() {
  std::vector<UsedSubnet> used = ParseRoutes4(TextOf("/proc/net/route", kMaxRouteBytes));
  Append(ParseRoutes6(TextOf("/proc/net/ipv6_route", kMaxRouteBytes)), used);
  Append(ParseNameServers(TextOf("/etc/resolv.conf", kMaxResolvBytes)), used);
  return used;
}

std::vector<UsedSubnet> NetworkSubnets(absl::Span<const store::NetworkRecord> networks,
                                       absl::string_view except) {
  std::vector<UsedSubnet> used;
  for (const store::NetworkRecord& network : networks) {
    if (network.name() == except) continue;
    for (const store::Subnet& subnet : network.subnets()) {
      const auto parsed = Cidr::Parse(subnet.subnet());
      if (parsed.ok()) used.push_back({*parsed, absl::StrCat("network ", network.name())});
    }
  }
  return used;
}

const UsedSubnet* FindOverlap(absl::Span<const UsedSubnet> used, const Cidr& subnet) {
  for (const UsedSubnet& one : used) {
    if (one.subnet.Overlaps(subnet)) return &one;
  }
  return nullptr;
}

absl::StatusOr<Cidr> NextFree(absl::Span<const UsedSubnet> used, const Cidr& first, const Cidr& last) {
  Cidr candidate = first;
  while (!(last.base() < candidate.base())) {
    const UsedSubnet* overlap = FindOverlap(used, candidate);
    if (overlap == nullptr) return candidate;
    if (candidate == last) break;
    // What is behind the one in the way, at a multiple of our size.
    const Cidr next = overlap->subnet.prefix() < candidate.prefix()
                          ? Cidr(overlap->subnet.last().Plus(1), candidate.prefix())
                          : candidate.Next();
    if (!(candidate.base() < next.base())) break;  // around the end of the family
    candidate = next;
  }
  return WithExitCode(
      absl::ResourceExhaustedError(absl::StrCat("no free subnet between ", first.ToString(), " and ",
                                                last.ToString(), ": give one with --subnet")),
      125);
}

absl::StatusOr<Cidr> FreeSubnet4(absl::Span<const UsedSubnet> used) {
  return NextFree(used, Cidr(IpAddress(0x0a590000, /*is_v6=*/false), 24),
                  Cidr(IpAddress(0x0affff00, /*is_v6=*/false), 24));
}

absl::StatusOr<Cidr> FreeSubnet6(absl::Span<const UsedSubnet> used, absl::string_view seed) {
  uint64_t bits = 0;
  if (seed.size() < 14 || !absl::SimpleHexAtoi(seed.substr(0, 14), &bits)) {
    return absl::InternalError("a seed is 14 hexadecimal digits");
  }
  const absl::uint128 base = absl::MakeUint128(0xfd00000000000000U | bits, 0);
  return NextFree(used, Cidr(IpAddress(base, /*is_v6=*/true), 64),
                  Cidr(IpAddress(absl::MakeUint128(0xfdffffffffffffffU, 0), /*is_v6=*/true), 64));
}

}  // namespace coracle::network
