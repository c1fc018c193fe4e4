#include "network/host_uplink.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "os/file.h"
#include "os/unique_fd.h"

namespace coracle::network {
namespace {

constexpr size_t kMaxRoutesBytes = 4 << 20;

std::string ReadOrEmpty(const char* path) {
  auto text = os::ReadFileAt(AT_FDCWD, path, kMaxRoutesBytes);
  return text.ok() ? *std::move(text) : "";
}

std::string AddressOf(const std::string& interface_name) {
  const os::UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  if (!socket_fd.valid() || interface_name.size() >= sizeof(request.ifr_name)) return "";
  memcpy(request.ifr_name, interface_name.data(), interface_name.size());
  if (ioctl(socket_fd.get(), SIOCGIFADDR, &request) != 0) return "";
  sockaddr_in address;
  memcpy(&address, &request.ifr_addr, sizeof(address));
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text)) == nullptr ? "" : text;
}

std::vector<absl::string_view> Fields(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
}

}  // namespace

std::string DefaultRouteInterface(absl::string_view route) {
  // Iface Destination Gateway Flags RefCnt Use Metric Mask ...; source: proc(5), net/ipv4/fib_trie.c.
  std::string best;
  uint32_t best_metric = std::numeric_limits<uint32_t>::max();
  for (const absl::string_view line : absl::StrSplit(route, '\n', absl::SkipWhitespace())) {
    const std::vector<absl::string_view> fields = Fields(line);
    uint32_t metric = 0;
    if (fields.size() < 8 || fields[1] != "00000000" || fields[7] != "00000000") continue;
    if (!absl::SimpleAtoi(fields[6], &metric) || (!best.empty() && metric >= best_metric)) continue;
    best = std::string(fields[0]);
    best_metric = metric;
  }
  return best;
}

bool HasDefaultRoute6(absl::string_view ipv6_route) {
  for (const absl::string_view line : absl::StrSplit(ipv6_route, '\n', absl::SkipWhitespace())) {
    const std::vector<absl::string_view> fields = Fields(line);
    // lo carries the kernel's unreachable default.
    if (fields.size() >= 10 && fields[0] == "00000000000000000000000000000000" && fields[1] == "00" &&
        fields[9] != "lo") {
      return true;
    }
  }
  return false;
}

Uplink FindUplink() {
  Uplink uplink;
  uplink.interface_name = DefaultRouteInterface(ReadOrEmpty("/proc/thread-self/net/route"));
  if (!uplink.interface_name.empty()) uplink.address = AddressOf(uplink.interface_name);
  uplink.has_v6 = HasDefaultRoute6(ReadOrEmpty("/proc/thread-self/net/ipv6_route"));
  return uplink;
}

}  // namespace coracle::network
