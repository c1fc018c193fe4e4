#include "cli/network_json.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "base/time_format.h"
#include "cli/container_json.h"
#include "network/address.h"

namespace coracle::cli {
namespace {

using engine::ContainerView;
using store::NetworkRecord;

Json Pairs(const google::protobuf::RepeatedPtrField<store::StringPair>& pairs) {
  Json object = Json::object();
  for (const store::StringPair& pair : pairs) object[pair.key()] = pair.value();
  return object;
}

// What is kept beside the options shows as the option that it was given by.
Json Options(const NetworkRecord& record) {
  Json options = Pairs(record.options());
  if (record.driver() != store::kBridgeDriver) options["parent"] = record.interface();
  return options;
}

// The whole subnet, if no range was asked for.
bool HasRange(const store::Subnet& subnet) { return !subnet.range_first().empty(); }

Json SubnetsJson(const NetworkRecord& record, bool go_names) {
  Json list = Json::array();
  for (const store::Subnet& subnet : record.subnets()) {
    Json one;
    one[go_names ? "Subnet" : "subnet"] = subnet.subnet();
    if (!subnet.gateway().empty() || go_names) one[go_names ? "Gateway" : "gateway"] = subnet.gateway();
    if (HasRange(subnet)) {
      one[go_names ? "LeaseRange" : "lease_range"] = {
          {go_names ? "StartIP" : "start_ip", subnet.range_first()},
          {go_names ? "EndIP" : "end_ip", subnet.range_last()}};
    }
    list.push_back(std::move(one));
  }
  return list;
}

Json RoutesJson(const NetworkRecord& record) {
  Json list = Json::array();
  for (const store::Route& route : record.routes()) {
    Json one = {{"destination", route.destination()}, {"gateway", route.gateway()}};
    if (route.has_metric()) one["metric"] = route.metric();
    list.push_back(std::move(one));
  }
  return list;
}

// docker shows a range as a subnet: only what is one.
std::string RangeAsCidr(const store::Subnet& subnet) {
  const auto cidr = network::Cidr::Parse(subnet.subnet());
  const auto first = network::IpAddress::Parse(subnet.range_first());
  const auto last = network::IpAddress::Parse(subnet.range_last());
  if (!cidr.ok() || !first.ok() || !last.ok()) return "";
  for (int prefix = cidr->prefix(); prefix <= first->bits(); ++prefix) {
    const network::Cidr part(*first, prefix);
    const auto low = std::max(part.base(), cidr->first_host()),
               high = std::min(part.last(), cidr->last_host());
    if (low == *first && high == *last) return part.ToString();
  }
  return absl::StrCat(subnet.range_first(), "-", subnet.range_last());
}

Json IpamConfigJson(const NetworkRecord& record) {
  Json list = Json::array();
  for (const store::Subnet& subnet : record.subnets()) {
    Json one = {{"Subnet", subnet.subnet()}, {"Gateway", subnet.gateway()}};
    if (HasRange(subnet)) one["IPRange"] = RangeAsCidr(subnet);
    list.push_back(std::move(one));
  }
  return list;
}

const store::NetworkStatus* StatusOn(const ContainerView& view, const NetworkRecord& record) {
  if (!engine::IsRunning(view)) return nullptr;
  for (const store::NetworkStatus& status : view.state.networks()) {
    if (status.network_id() == record.id()) return &status;
  }
  return nullptr;
}

// Both engines show only containers that run, with the addresses that they have.
Json ContainersJson(const NetworkRecord& record, const std::vector<const ContainerView*>& users,
                    bool dockers) {
  Json containers = Json::object();
  for (const ContainerView* view : users) {
    const store::NetworkStatus* status = StatusOn(*view, record);
    if (status == nullptr) continue;
    Json one;
    if (dockers) {
      one = {{"Name", view->record.name()},
             {"EndpointID", ""},
             {"MacAddress", status->mac()},
             {"IPv4Address", ""},
             {"IPv6Address", ""}};
      for (const std::string& address : status->addresses()) {
        Json& field = one[absl::StrContains(address, ':') ? "IPv6Address" : "IPv4Address"];
        if (field.get<std::string>().empty()) field = address;
      }
    } else {
      Json subnets = Json::array();
      for (int i = 0; i < status->addresses_size(); ++i) {
        Json subnet = {{"ipnet", status->addresses(i)}};
        if (i < status->gateways_size()) subnet["gateway"] = status->gateways(i);
        subnets.push_back(std::move(subnet));
      }
      one["name"] = view->record.name();
      one["interfaces"] = {
          {status->interface_name(), {{"subnets", subnets}, {"mac_address", status->mac()}}}};
    }
    containers[view->record.id()] = std::move(one);
  }
  return containers;
}

}  // namespace

NetworkUse UseOfNetworks(const std::vector<ContainerView>& views) {
  NetworkUse use;
  for (const ContainerView& view : views) {
    for (const store::NetworkAttachment& attachment : view.record.config().networks()) {
      use[attachment.network_name()].push_back(&view);
    }
  }
  return use;
}

Json NetworkJson(const NetworkRecord& record, const std::vector<const ContainerView*>& users) {
  Json json;
  json["name"] = record.name();
  json["id"] = record.id();
  json["driver"] = record.driver();
  json["network_interface"] = record.interface();
  json["created"] = TimeText(record.created_unix_nanos());
  json["subnets"] = SubnetsJson(record, /*go_names=*/false);
  if (!record.routes().empty()) json["routes"] = RoutesJson(record);
  json["ipv6_enabled"] = record.ipv6();
  json["internal"] = record.internal();
  json["dns_enabled"] = record.dns_enabled();
  if (!record.dns_servers().empty()) {
    json["network_dns_servers"] = Json::array();
    for (const std::string& server : record.dns_servers()) json["network_dns_servers"].push_back(server);
  }
  json["labels"] = Pairs(record.labels());
  json["options"] = Options(record);
  json["ipam_options"] = {{"driver", record.ipam_driver()}};
  json["containers"] = ContainersJson(record, users, /*dockers=*/false);
  // docker's.
  json["Name"] = record.name();
  json["Id"] = record.id();
  json["Created"] = json["created"];
  json["Scope"] = "local";
  json["Driver"] = record.driver();
  json["EnableIPv4"] =
      std::any_of(record.subnets().begin(), record.subnets().end(),
                  [](const store::Subnet& s) { return !absl::StrContains(s.subnet(), ':'); });
  json["EnableIPv6"] = record.ipv6();
  json["IPAM"] = {{"Driver", record.ipam_driver() == "none" ? "null" : "default"},
                  {"Options", Json::object()},
                  {"Config", IpamConfigJson(record)}};
  json["Internal"] = record.internal();
  json["Attachable"] = false;
  json["Ingress"] = false;
  json["ConfigFrom"] = {{"Network", ""}};
  json["ConfigOnly"] = false;
  json["Containers"] = ContainersJson(record, users, /*dockers=*/true);
  json["Options"] = json["options"];
  json["Labels"] = json["labels"];
  return json;
}

void AddTemplateNames(const NetworkRecord& record, Json& json) {
  json["ID"] = record.id();
  json["NetworkInterface"] = record.interface();
  json["Subnets"] = SubnetsJson(record, /*go_names=*/true);
  json["Routes"] = Json::array();
  for (const store::Route& route : record.routes()) {
    json["Routes"].push_back(
        {{"Destination", route.destination()}, {"Gateway", route.gateway()}, {"Metric", route.metric()}});
  }
  json["IPv6Enabled"] = record.ipv6();
  json["DNSEnabled"] = record.dns_enabled();
  json["NetworkDNSServers"] = Json::array();
  for (const std::string& server : record.dns_servers()) json["NetworkDNSServers"].push_back(server);
  json["IPAMOptions"] = json["ipam_options"];
}

absl::StatusOr<NetworkFilter> NetworkFilter::Parse(const std::vector<std::string>& terms,
                                                   absl::Span<const absl::string_view> keys) {
  NetworkFilter filter;
  auto parsed = Filters::Parse(terms, keys);
  if (!parsed.ok()) return WithExitCode(parsed.status(), 125);
  filter.filters_ = *std::move(parsed);
  for (const std::string& value : filter.filters_.Values("dangling")) {
    if (value == "true" || value == "false" || value == "1" || value == "0") continue;
    return WithExitCode(
        absl::InvalidArgumentError(absl::StrCat("--filter dangling=", value, ": expected true or false")),
        125);
  }
  for (const std::string& value : filter.filters_.Values("type")) {
    if (value == "custom" || value == "builtin") continue;
    return WithExitCode(
        absl::InvalidArgumentError(absl::StrCat("--filter type=", value, ": expected custom or builtin")),
        125);
  }
  for (const std::string& text : filter.filters_.Values("until")) {
    auto time = ParseTimeReference(text, absl::Now(), absl::LocalTimeZone());
    if (!time.ok()) return WithExitCode(Annotate(time.status(), "--filter until"), 125);
    filter.before_ = std::min(filter.before_.value_or(INT64_MAX), absl::ToUnixNanos(*time));
  }
  return filter;
}

bool NetworkFilter::Matches(const NetworkRecord& record, bool in_use) const {
  if (before_.has_value() && record.created_unix_nanos() >= *before_) return false;
  const bool builtin = record.name() == store::kDefaultNetwork;
  return filters_.Match("id",
                        [&](absl::string_view value) { return absl::StartsWith(record.id(), value); }) &&
         filters_.MatchPattern("name", record.name()) && filters_.MatchValue("driver", record.driver()) &&
         filters_.MatchValue("scope", "local") &&
         filters_.MatchValue("type", builtin ? "builtin" : "custom") &&
         // Only networks that can go are dangling.
         filters_.Match("dangling",
                        [&](absl::string_view value) {
                          return (value == "true" || value == "1") == (!in_use && !builtin);
                        }) &&
         filters_.MatchLabels(Pairs(record.labels()));
}

}  // namespace coracle::cli
