// network ls, inspect and exists.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/network_json.h"
#include "cli/select.h"

namespace coracle::cli {
namespace {

constexpr Heading kHeadings[] = {{"ID", "NETWORK ID"}};
constexpr absl::string_view kColumns = "{{.ID}}\t{{.Name}}\t{{.Driver}}";
constexpr absl::string_view kFilterKeys[] = {"dangling", "driver", "id",   "label",
                                             "name",     "scope",  "type", "until"};
constexpr absl::string_view kMapFields[] = {"Labels",  "Options", "Containers",  "labels",
                                            "options", "IPAM",    "IPAMOptions", "containers"};

std::vector<const engine::ContainerView*> UsersOf(const NetworkUse& use, const std::string& name) {
  const auto found = use.find(name);
  return found == use.end() ? std::vector<const engine::ContainerView*>() : found->second;
}

std::string PairsText(const google::protobuf::RepeatedPtrField<store::StringPair>& pairs) {
  return absl::StrJoin(pairs, ",", [](std::string* out, const store::StringPair& pair) {
    absl::StrAppend(out, pair.key(), "=", pair.value());
  });
}

Json Row(const store::NetworkRecord& network, const NetworkUse& use, bool is_json, bool truncate) {
  Json row = NetworkJson(network, UsersOf(use, network.name()));
  if (is_json) return row;
  AddTemplateNames(network, row);
  if (truncate) row["ID"] = std::string(ShortId(network.id()));
  row["CreatedAt"] = row["Created"];
  row["IPv6"] = network.ipv6();
  row["IPv4"] = row["EnableIPv4"];
  row["Label"] = row["Labels"];
  row["Labels"] = PairsText(network.labels());
  return row;
}

absl::Status List(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const NetworkFilter filter, NetworkFilter::Parse(parsed.GetList("filter"), kFilterKeys));
  const ListingOptions options{parsed.GetString("format"), parsed.GetBool("quiet"),
                               parsed.GetBool("noheading")};
  ASSIGN_OR_RETURN(const std::vector<store::NetworkRecord> networks, store::ReadAllNetworks(engine.store));
  ASSIGN_OR_RETURN(const std::vector<engine::ContainerView> views, engine::LookAll(engine));
  const NetworkUse use = UseOfNetworks(views);
  std::vector<Json> rows;
  for (const store::NetworkRecord& network : networks) {
    if (!filter.Matches(network, use.count(network.name()) != 0)) continue;
    rows.push_back(Row(network, use, options.format == "json", !parsed.GetBool("no-trunc")));
  }
  static constexpr absl::string_view kListMaps[] = {"Label", "Options"};
  const ListingFormat listing{kHeadings, kColumns, "{{.Name}}", kListMaps, {}};
  ASSIGN_OR_RETURN(const std::string text, RenderListing(listing, options, rows));
  invocation.out().Write(text);
  return absl::OkStatus();
}

}  // namespace

int CmdNetworkLs(Invocation& invocation) { return invocation.Fail(List(invocation)); }

int CmdNetworkInspect(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  const std::string format = invocation.parsed().GetString("format");
  const auto views = engine::LookAll(engine);
  if (!views.ok()) return invocation.Fail(views.status());
  const NetworkUse use = UseOfNetworks(*views);
  std::vector<Json> objects;
  std::vector<absl::Status> errors;
  for (const std::string& name : invocation.args()) {
    const auto record = store::ResolveNetwork(engine.store, name);
    if (!record.ok()) {
      errors.push_back(record.status());
      continue;
    }
    objects.push_back(NetworkJson(*record, UsersOf(use, record->name())));
    if (!format.empty() && format != "json") AddTemplateNames(*record, objects.back());
  }
  ExecuteOptions options;
  options.strict = true;
  options.map_fields = kMapFields;
  const auto text = RenderInspect(format, objects, options);
  if (!text.ok()) return invocation.Fail(WithExitCode(text.status(), 125));
  invocation.out().Write(*text);
  int code = 0;
  for (const absl::Status& error : errors) code = invocation.Fail(error);
  return code;
}

int CmdNetworkExists(Invocation& invocation) {
  const engine::Engine engine = MakeEngine(invocation);
  const auto found = store::ResolveNetwork(engine.store, invocation.args()[0]);
  if (absl::IsNotFound(found.status())) return 1;
  return invocation.Fail(found.status());
}

}  // namespace coracle::cli
