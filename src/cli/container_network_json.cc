// What inspect, ps and port say about a container's networks and ports.
#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/container_json.h"
#include "engine/networks.h"

namespace coracle::cli {
namespace {

using engine::ContainerView;
using store::NetworkAttachment;
using store::NetworkStatus;
using store::PortMapping;

constexpr uint32_t kMaxPort = 65535;

// With the random ones filled in where it runs.
const google::protobuf::RepeatedPtrField<PortMapping>& PortsOf(const ContainerView& view) {
  return engine::IsRunning(view) ? view.state.ports() : view.record.config().ports();
}

const NetworkStatus* StatusOn(const ContainerView& view, const std::string& network_name) {
  if (!engine::IsRunning(view)) return nullptr;
  for (const NetworkStatus& status : view.state.networks()) {
    if (status.network_name() == network_name) return &status;
  }
  return nullptr;
}

// docker shows a port of every address as one of each family.
std::vector<std::string> HostAddresses(const PortMapping& port) {
  if (port.host_ip().empty()) return {"0.0.0.0", "::"};
  return {port.host_ip()};
}

std::string HostPort(const PortMapping& port, uint32_t offset) {
  return port.host_port() == 0 ? "" : absl::StrCat(port.host_port() + offset);
}

std::string Bracketed(const std::string& address) {
  return absl::StrContains(address, ':') ? absl::StrCat("[", address, "]") : address;
}

std::string RangeText(uint32_t first, uint32_t count) {
  return count == 1 ? absl::StrCat(first) : absl::StrCat(first, "-", first + count - 1);
}

// "80/tcp", "80-90/udp" of --expose: calls `with` for each port.
template <typename Function>
void ForEachExposed(const std::string& text, const Function& with) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  const std::vector<std::string> ends = absl::StrSplit(parts[0], absl::MaxSplits('-', 1));
  uint32_t first = 0, last = 0;
  if (!absl::SimpleAtoi(ends.front(), &first) || !absl::SimpleAtoi(ends.back(), &last) || last > kMaxPort)
    return;
  for (uint32_t port = first; port <= last; ++port) {
    with(absl::StrCat(port, "/", parts.size() > 1 ? parts[1] : "tcp"));
  }
}

// "80/tcp": [{HostIp, HostPort}]. `configured`: as HostConfig.PortBindings has it.
Json Bindings(const google::protobuf::RepeatedPtrField<PortMapping>& ports, bool configured) {
  Json bindings = Json::object();
  for (const PortMapping& port : ports) {
    for (uint32_t i = 0; i < port.count(); ++i) {
      Json& list = bindings[absl::StrCat(port.container_port() + i, "/", port.protocol())];
      const std::vector<std::string> addresses =
          configured ? std::vector<std::string>{port.host_ip()} : HostAddresses(port);
      for (const std::string& address : addresses) {
        list.push_back({{"HostIp", address}, {"HostPort", HostPort(port, i)}});
      }
    }
  }
  return bindings;
}

// One address of a family with its prefix and gateway.
struct Shown {
  std::string address, gateway;
  int prefix = 0;
};
Shown AddressOf(const NetworkStatus& status, bool is_v6) {
  Shown shown;
  for (const std::string& text : status.addresses()) {
    if (absl::StrContains(text, ':') != is_v6) continue;
    const std::vector<std::string> parts = absl::StrSplit(text, '/');
    shown.address = parts[0];
    if (parts.size() > 1) (void)absl::SimpleAtoi(parts[1], &shown.prefix);
    break;
  }
  for (const std::string& gateway : status.gateways()) {
    if (absl::StrContains(gateway, ':') != is_v6) continue;
    shown.gateway = gateway;
    break;
  }
  return shown;
}

void AddAddresses(const NetworkStatus* status, Json& json) {
  const Shown four = status == nullptr ? Shown() : AddressOf(*status, /*is_v6=*/false);
  const Shown six = status == nullptr ? Shown() : AddressOf(*status, /*is_v6=*/true);
  json["EndpointID"] = "";
  json["Gateway"] = four.gateway;
  json["IPAddress"] = four.address;
  json["IPPrefixLen"] = four.prefix;
  json["IPv6Gateway"] = six.gateway;
  json["GlobalIPv6Address"] = six.address;
  json["GlobalIPv6PrefixLen"] = six.prefix;
  json["MacAddress"] = status == nullptr ? "" : status->mac();
}

Json AttachmentJson(const ContainerView& view, const NetworkAttachment& attachment) {
  Json json;
  AddAddresses(StatusOn(view, attachment.network_name()), json);
  json["NetworkID"] = attachment.network_id();
  json["DriverOpts"] = nullptr;
  json["IPAMConfig"] = nullptr;
  if (!attachment.ip().empty() || !attachment.ip6().empty()) {
    json["IPAMConfig"] = Json::object();
    if (!attachment.ip().empty()) json["IPAMConfig"]["IPv4Address"] = attachment.ip();
    if (!attachment.ip6().empty()) json["IPAMConfig"]["IPv6Address"] = attachment.ip6();
  }
  json["Links"] = nullptr;
  json["Aliases"] = Json::array();
  for (const std::string& alias : attachment.aliases()) json["Aliases"].push_back(alias);
  json["Aliases"].push_back(view.record.id().substr(0, 12));
  json["DNSNames"] = Json::array({view.record.name()});
  for (const Json& alias : json["Aliases"]) json["DNSNames"].push_back(alias);
  return json;
}

}  // namespace

Json NetworkSettingsJson(const engine::Engine& engine, const ContainerView& view) {
  const store::ContainerConfig& config = view.record.config();
  Json json;
  // docker: the address on the top is that of the default network; podman: of the first one.
  const NetworkStatus* first =
      engine::IsRunning(view) && !view.state.networks().empty() ? &view.state.networks(0) : nullptr;
  AddAddresses(first, json);
  json["Bridge"] = "";
  json["SandboxID"] = "";
  json["HairpinMode"] = false;
  json["LinkLocalIPv6Address"] = "";
  json["LinkLocalIPv6PrefixLen"] = 0;
  Json ports = engine::IsRunning(view) ? Bindings(view.state.ports(), /*configured=*/false) : Json::object();
  if (engine::IsRunning(view)) {
    for (const std::string& exposed : config.exposed_ports()) {
      ForEachExposed(exposed, [&](const std::string& port) {
        if (!ports.contains(port)) ports[port] = nullptr;
      });
    }
  }
  json["Ports"] = ports;
  json["SandboxKey"] = engine::IsRunning(view) && config.network_mode() != "host"
                           ? absl::StrCat("/proc/", view.state.pid(), "/ns/net")
                           : "";
  json["Networks"] = Json::object();
  for (const NetworkAttachment& attachment : config.networks()) {
    json["Networks"][attachment.network_name()] = AttachmentJson(view, attachment);
  }
  // docker has a network for these modes too.
  const std::string& mode = config.network_mode();
  if (mode == "host" || mode == "none" || mode == "pasta" || mode == "slirp4netns") {
    Json& one = json["Networks"][mode];
    AddAddresses(first, one);
    one["NetworkID"] = mode;
  }
  (void)engine;
  return json;
}

Json PortBindingsJson(const ContainerView& view) {
  return Bindings(view.record.config().ports(), /*configured=*/true);
}

std::vector<std::string> NetworkNames(const ContainerView& view) {
  std::vector<std::string> names;
  for (const NetworkAttachment& attachment : view.record.config().networks()) {
    names.push_back(attachment.network_name());
  }
  return names;
}

Json PsPortsJson(const ContainerView& view) {
  if (PortsOf(view).empty()) return nullptr;
  Json list = Json::array();
  for (const PortMapping& port : PortsOf(view)) {
    list.push_back({{"host_ip", port.host_ip()},
                    {"container_port", port.container_port()},
                    {"host_port", port.host_port()},
                    {"range", port.count()},
                    {"protocol", port.protocol()}});
  }
  return list;
}

// "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp"
std::string PsPortsText(const ContainerView& view) {
  std::vector<std::string> texts;
  const auto& ports = PortsOf(view);
  for (const PortMapping& port : ports) {
    const std::string inner =
        absl::StrCat(RangeText(port.container_port(), port.count()), "/", port.protocol());
    if (port.host_port() == 0) {
      texts.push_back(inner);  // not running: a random one at its start
      continue;
    }
    for (const std::string& address : HostAddresses(port)) {
      texts.push_back(
          absl::StrCat(Bracketed(address), ":", RangeText(port.host_port(), port.count()), "->", inner));
    }
  }
  for (const std::string& exposed : view.record.config().exposed_ports()) {
    const std::string text = absl::StrContains(exposed, '/') ? exposed : absl::StrCat(exposed, "/tcp");
    const std::pair<std::string, std::string> parts = absl::StrSplit(text, '/');
    uint32_t first = 0;
    (void)absl::SimpleAtoi(parts.first.substr(0, parts.first.find('-')), &first);
    const bool published = std::any_of(ports.begin(), ports.end(), [&](const PortMapping& port) {
      return port.protocol() == parts.second && first >= port.container_port() &&
             first - port.container_port() < port.count();
    });
    if (!published) texts.push_back(text);
  }
  return absl::StrJoin(texts, ", ");
}

std::vector<ShownPort> PublishedPorts(const ContainerView& view) {
  std::vector<ShownPort> shown;
  for (const PortMapping& port : PortsOf(view)) {
    for (uint32_t i = 0; i < port.count(); ++i) {
      for (const std::string& address : HostAddresses(port)) {
        shown.push_back({port.container_port() + i, port.protocol(),
                         absl::StrCat(Bracketed(address), ":", port.host_port() + i)});
      }
    }
  }
  std::stable_sort(shown.begin(), shown.end(),
                   [](const ShownPort& a, const ShownPort& b) { return a.port < b.port; });
  return shown;
}

}  // namespace coracle::cli
