// network connect, disconnect, update and reload.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/networks.h"
#include "engine/running_network.h"
#include "network/address.h"

namespace coracle::cli {
namespace {

absl::StatusOr<store::NetworkAttachment> ReadAttachment(const ParsedCommand& parsed) {
  store::NetworkAttachment attachment;
  for (const char* option : {"ip", "ip6"}) {
    const std::string text = parsed.GetString(option);
    if (text.empty()) continue;
    const bool is_v6 = absl::string_view(option) == "ip6";
    const auto address = network::IpAddress::Parse(text);
    if (!address.ok() || address->is_v6() != is_v6) {
      return OptionError(option, Printable(text), absl::StrCat("not an IPv", is_v6 ? 6 : 4, " address"));
    }
    (is_v6 ? *attachment.mutable_ip6() : *attachment.mutable_ip()) = address->ToString();
  }
  if (!parsed.GetString("mac-address").empty()) {
    const auto mac = network::ParseMac(parsed.GetString("mac-address"));
    if (!mac.ok()) return OptionError("mac-address", "", mac.status().message());
    attachment.set_mac(*mac);
  }
  for (const std::string& alias : parsed.GetList("alias")) attachment.add_aliases(alias);
  return attachment;
}

std::vector<std::string> Addresses(const ParsedCommand& parsed, absl::string_view option) {
  std::vector<std::string> addresses;
  for (const std::string& text : parsed.GetList(option)) {
    for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty()))
      addresses.emplace_back(part);
  }
  return addresses;
}

}  // namespace

int CmdNetworkConnect(Invocation& invocation) {
  const auto attachment = ReadAttachment(invocation.parsed());
  if (!attachment.ok()) return invocation.Fail(attachment.status());
  engine::Engine engine = MakeEngine(invocation);
  return invocation.Fail(
      engine::ConnectContainer(engine, invocation.args()[0], invocation.args()[1], *attachment));
}

int CmdNetworkDisconnect(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  return invocation.Fail(engine::DisconnectContainer(engine, invocation.args()[0], invocation.args()[1],
                                                     invocation.parsed().GetBool("force")));
}

int CmdNetworkUpdate(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  const auto record = store::ResolveNetwork(engine.store, invocation.args()[0]);
  if (!record.ok()) return invocation.Fail(record.status());
  const absl::Status status = engine::UpdateNetworkServers(
      engine, record->name(), Addresses(parsed, "dns-add"), Addresses(parsed, "dns-drop"));
  if (status.ok()) invocation.out().WriteLine(record->name());
  return invocation.Fail(status);
}

int CmdNetworkReload(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  SelectOptions options;
  options.eligible = [](const engine::ContainerView& view) {
    return engine::IsRunning(view) && engine::IsBridgeMode(view.record.config().network_mode());
  };
  return ForEachSelected(invocation, engine, options, [&](Selection& selection) -> absl::Status {
    if (!engine::IsRunning(selection.view)) {
      return WithExitCode(absl::FailedPreconditionError(
                              absl::StrCat("container ", selection.view.record.name(), " is not running")),
                          125);
    }
    return engine::ReloadRunning(engine, selection.view);
  });
}

}  // namespace coracle::cli
