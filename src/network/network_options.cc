#include "network/network_options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "network/address.h"
#include "store/network.h"

namespace coracle::network {
namespace {

constexpr size_t kMaxInterfaceBytes = 15;  // IFNAMSIZ without the NUL
constexpr uint32_t kMinMtu = 68, kMaxMtu = 65535, kMaxVlan = 4094;

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}
absl::Status NotYet(absl::string_view what) {
  return WithExitCode(
      absl::UnimplementedError(absl::StrCat("network option ", what, " is not supported yet")), 125);
}

enum class Kind : uint8_t {
  kMtu,
  kVlan,
  kMetric,
  kBool,
  kIsolate,
  kMode,
  kInterface,
  kParent,
  kAddress,
  kGatewayMode,
  kNone
};

struct KnownOption {
  absl::string_view spelling;
  absl::string_view key;  // in the record
  Kind kind;
  absl::string_view drivers;  // ',' between them; empty: all
};

constexpr KnownOption kKnown[] = {
    {"mtu", "mtu", Kind::kMtu, ""},
    {"com.docker.network.driver.mtu", "mtu", Kind::kMtu, ""},
    {"metric", "metric", Kind::kMetric, ""},
    {"no_default_route", "no_default_route", Kind::kBool, ""},
    {"vlan", "vlan", Kind::kVlan, "bridge"},
    {"isolate", "isolate", Kind::kIsolate, "bridge"},
    {"mode", "mode", Kind::kMode, ""},
    {"macvlan_mode", "mode", Kind::kMode, "macvlan"},
    {"ipvlan_mode", "mode", Kind::kMode, "ipvlan"},
    {"parent", "parent", Kind::kParent, "macvlan,ipvlan"},
    {"com.docker.network.bridge.name", "", Kind::kInterface, "bridge"},
    {"com.docker.network.bridge.enable_ip_masquerade", "masquerade", Kind::kBool, "bridge"},
    {"com.docker.network.bridge.enable_icc", "icc", Kind::kBool, "bridge"},
    {"com.docker.network.bridge.host_binding_ipv4", "host_binding_ipv4", Kind::kAddress, "bridge"},
    {"com.docker.network.bridge.gateway_mode_ipv4", "", Kind::kGatewayMode, "bridge"},
    {"com.docker.network.bridge.gateway_mode_ipv6", "", Kind::kGatewayMode, "bridge"},
    // Of no meaning here: which network is the default is not a choice.
    {"com.docker.network.bridge.default_bridge", "", Kind::kNone, "bridge"},
};
// What podman and docker have besides.
constexpr absl::string_view kOthers[] = {"vrf",
                                         "bclim",
                                         "host_interface_name",
                                         "ipvlan_flag",
                                         "com.docker.network.container_iface_prefix",
                                         "com.docker.network.host_ipv4",
                                         "com.docker.network.host_ipv6",
                                         "com.docker.network.bridge.inhibit_ipv4",
                                         "com.docker.network.bridge.trusted_host_interfaces",
                                         "com.docker.network.enable_ipv4",
                                         "com.docker.network.enable_ipv6"};

const KnownOption* Find(absl::string_view spelling) {
  for (const KnownOption& known : kKnown) {
    if (known.spelling == spelling) return &known;
  }
  return nullptr;
}

bool IsOfDriver(const KnownOption& known, absl::string_view driver) {
  if (known.drivers.empty()) return true;
  const std::vector<absl::string_view> drivers = absl::StrSplit(known.drivers, ',');
  return std::find(drivers.begin(), drivers.end(), driver) != drivers.end();
}

absl::Status BadValue(const KnownOption& known, absl::string_view value, absl::string_view expected) {
  return Refuse(
      absl::StrCat("network option ", known.spelling, "=", Printable(value), ": expected ", expected));
}

absl::StatusOr<std::string> ReadNumber(const KnownOption& known, absl::string_view value, uint32_t low,
                                       uint32_t high) {
  uint32_t number = 0;
  if (!absl::SimpleAtoi(value, &number) || number < low || number > high) {
    return BadValue(known, value, absl::StrCat("a number from ", low, " to ", high));
  }
  return absl::StrCat(number);
}

absl::StatusOr<std::string> ReadMode(const KnownOption& known, absl::string_view driver,
                                     absl::string_view value) {
  std::vector<absl::string_view> modes = {"managed", "unmanaged"};
  if (driver == store::kMacvlanDriver) modes = {"bridge", "private", "vepa", "passthru"};
  if (driver == store::kIpvlanDriver) modes = {"l2", "l3", "l3s"};
  if (std::find(modes.begin(), modes.end(), value) == modes.end()) {
    return BadValue(known, value, absl::StrJoin(modes, ", "));
  }
  return value == modes[0] ? std::string() : std::string(value);
}

// The value as it is kept; empty: as without the option.
absl::StatusOr<std::string> ReadValue(const KnownOption& known, absl::string_view driver,
                                      absl::string_view value) {
  switch (known.kind) {
    case Kind::kMtu:
      // Docker: 0 is what the kernel takes.
      return value == "0" ? std::string() : ReadNumber(known, value, kMinMtu, kMaxMtu);
    case Kind::kVlan:
      return ReadNumber(known, value, 1, kMaxVlan);
    case Kind::kMetric:
      return ReadNumber(known, value, 0, UINT32_MAX);
    case Kind::kIsolate:
      // Said either way, it is kept: networks are isolated unless they say that they are not.
      if (value == "strict") return std::string(value);
      if (bool on = false; absl::SimpleAtob(value, &on)) return std::string(on ? "true" : "false");
      return BadValue(known, value, "true, false or strict");
    case Kind::kBool: {
      bool on = false;
      if (!absl::SimpleAtob(value, &on)) return BadValue(known, value, "true or false");
      const bool initial = known.key == "masquerade" || known.key == "icc";
      return on == initial ? std::string() : std::string(on ? "true" : "false");
    }
    case Kind::kMode:
      return ReadMode(known, driver, value);
    case Kind::kInterface:
    case Kind::kParent:
      RETURN_IF_ERROR(CheckInterfaceName(value));
      return std::string(value);
    case Kind::kAddress: {
      ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(value));
      if (address.is_v6()) return BadValue(known, value, "an IPv4 address");
      return address.value() == 0 ? std::string() : address.ToString();
    }
    case Kind::kGatewayMode:
      if (value != "nat") return NotYet(absl::StrCat(known.spelling, "=", Printable(value)));
      return std::string();
    case Kind::kNone:
      return std::string();
  }
  return std::string();
}

}  // namespace

absl::Status CheckInterfaceName(absl::string_view name) {
  const std::string what = absl::StrCat("interface name \"", Printable(name), "\" is not valid: ");
  if (name.empty() || name.size() > kMaxInterfaceBytes) {
    return Refuse(
        absl::StrCat(what, "it has ", name.size(), " bytes, of at least 1 and at most ", kMaxInterfaceBytes));
  }
  const bool valid =
      name != "." && name != ".." && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return absl::ascii_isgraph(c) && c != '/' && c != ':' && c != '%';
      });
  return valid ? absl::OkStatus() : Refuse(absl::StrCat(what, "no '/', ':', '%' or blank may be in it"));
}

absl::StatusOr<DriverOptions> ReadDriverOptions(
    absl::string_view driver, const std::vector<std::pair<std::string, std::string>>& options) {
  DriverOptions result;
  for (const auto& [spelling, value] : options) {
    const KnownOption* known = Find(spelling);
    if (known == nullptr) {
      if (std::find(std::begin(kOthers), std::end(kOthers), spelling) != std::end(kOthers))
        return NotYet(spelling);
      return Refuse(absl::StrCat("unknown network option \"", Printable(spelling), "\" for driver ", driver));
    }
    if (!IsOfDriver(*known, driver)) {
      return Refuse(absl::StrCat("network option ", spelling, " is not one of driver ", driver));
    }
    ASSIGN_OR_RETURN(std::string kept, ReadValue(*known, driver, value));
    if (known->kind == Kind::kInterface) {
      result.bridge_name = std::move(kept);
    } else if (known->kind == Kind::kParent) {
      result.parent = std::move(kept);
    } else if (!known->key.empty()) {
      result.kept.erase(std::remove_if(result.kept.begin(), result.kept.end(),
                                       [&](const auto& pair) { return pair.first == known->key; }),
                        result.kept.end());
      if (!kept.empty()) result.kept.emplace_back(known->key, std::move(kept));
    }
  }
  return result;
}

}  // namespace coracle::network
