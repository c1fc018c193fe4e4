// network create.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/networks.h"

namespace coracle::cli {
namespace {

// Values of all occurrences; commas separate values, as in podman and docker.
std::vector<std::string> Values(const ParsedCommand& parsed, absl::string_view option) {
  std::vector<std::string> values;
  for (const std::string& text : parsed.GetList(option)) {
    for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty()))
      values.emplace_back(part);
  }
  return values;
}

absl::StatusOr<network::NetworkRequest> ReadRequest(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  network::NetworkRequest request;
  if (!invocation.args().empty()) request.name = invocation.args()[0];
  if (!invocation.args().empty()) RETURN_IF_ERROR(store::CheckNetworkName(request.name));
  request.driver = parsed.GetString("driver");
  request.subnets = Values(parsed, "subnet");
  request.gateways = Values(parsed, "gateway");
  request.ranges = Values(parsed, "ip-range");
  request.routes = parsed.GetList("route");
  request.dns_servers = Values(parsed, "dns");
  request.ipam_driver = parsed.GetString("ipam-driver");
  request.interface_name = parsed.GetString("interface-name");
  request.ipv4 = parsed.GetBool("ipv4");
  request.ipv6 = parsed.GetBool("ipv6");
  request.internal = parsed.GetBool("internal");
  request.disable_dns = parsed.GetBool("disable-dns");
  for (const std::string& label : parsed.GetList("label")) {
    request.labels.push_back(absl::StrSplit(label, absl::MaxSplits('=', 1)));
  }
  for (const std::string& text : parsed.GetList("opt")) {
    // podman: -o mtu=1400,isolate=true
    for (const absl::string_view option : absl::StrSplit(text, ',')) {
      request.options.push_back(absl::StrSplit(option, absl::MaxSplits('=', 1)));
    }
  }
  return request;
}

}  // namespace

int CmdNetworkCreate(Invocation& invocation) {
  const auto request = ReadRequest(invocation);
  if (!request.ok()) return invocation.Fail(request.status());
  engine::Engine engine = MakeEngine(invocation);
  const auto name = engine::MakeNetwork(engine, *request, invocation.parsed().GetBool("ignore"));
  if (!name.ok()) return invocation.Fail(name.status());
  invocation.out().WriteLine(*name);
  return 0;
}

}  // namespace coracle::cli
