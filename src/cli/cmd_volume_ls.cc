// volume ls, inspect and exists.
#include "base/status.h"
#include "base/table.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/volume_json.h"

namespace coracle::cli {
namespace {

constexpr Heading kHeadings[] = {{"Name", "VOLUME NAME"}};
constexpr absl::string_view kColumns = "{{.Driver}}\t{{.Name}}";
constexpr absl::string_view kFilterKeys[] = {"after", "anonymous", "dangling", "driver", "label",
                                             "name",  "opt",       "scope",    "since",  "until"};
constexpr absl::string_view kMapFields[] = {"Labels", "Options"};

absl::Status List(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const VolumeFilter filter,
                   VolumeFilter::Parse(engine, parsed.GetList("filter"), kFilterKeys));
  const ListingOptions options{parsed.GetString("format"), parsed.GetBool("quiet"),
                               parsed.GetBool("noheading")};
  ASSIGN_OR_RETURN(const std::vector<store::VolumeRecord> volumes, store::ReadAllVolumes(engine.store));
  VolumeUse use;
  if (!volumes.empty()) {
    ASSIGN_OR_RETURN(use, CountVolumeUse(engine));
  }
  std::vector<Json> rows;
  for (const store::VolumeRecord& volume : volumes) {
    if (!filter.Matches(volume, use)) continue;
    Json row = VolumeJson(engine.store, volume, use);
    if (options.format != "json") {
      row["Anonymous"] = volume.anonymous();
      row["Label"] = row["Labels"];
      // What docker has beside these and nothing here gives.
      for (const char* field : {"Availability", "Group", "Links", "Size", "Status"}) row[field] = "N/A";
    }
    rows.push_back(std::move(row));
  }
  const ListingFormat listing{kHeadings, kColumns, "{{.Name}}", kMapFields, {}};
  ASSIGN_OR_RETURN(const std::string text, RenderListing(listing, options, rows));
  invocation.out().Write(text);
  return absl::OkStatus();
}

}  // namespace

int CmdVolumeLs(Invocation& invocation) { return invocation.Fail(List(invocation)); }

int CmdVolumeInspect(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  std::vector<std::string> names = invocation.args();
  if (invocation.parsed().GetBool("all")) {
    const auto all = store::ListVolumes(engine.store);
    if (!all.ok()) return invocation.Fail(all.status());
    names = *all;
  }
  const auto use = CountVolumeUse(engine);
  if (!use.ok()) return invocation.Fail(use.status());
  std::vector<Json> objects;
  std::vector<absl::Status> errors;
  for (const std::string& name : names) {
    const auto full = store::ResolveVolume(engine.store, name);
    const auto record = full.ok() ? store::ReadVolume(engine.store, *full) : full.status();
    if (record.ok()) {
      objects.push_back(VolumeJson(engine.store, *record, *use));
    } else {
      errors.push_back(record.status());
    }
  }
  ExecuteOptions options;
  options.strict = true;
  options.map_fields = kMapFields;
  const auto text = RenderInspect(invocation.parsed().GetString("format"), objects, options);
  if (!text.ok()) return invocation.Fail(WithExitCode(text.status(), 125));
  invocation.out().Write(*text);
  int code = 0;
  for (const absl::Status& error : errors) code = invocation.Fail(error);
  return code;
}

int CmdVolumeExists(Invocation& invocation) {
  const engine::Engine engine = MakeEngine(invocation);
  const auto found = store::ReadVolume(engine.store, invocation.args()[0]);
  if (absl::IsNotFound(found.status())) return 1;
  return invocation.Fail(found.status());
}

}  // namespace coracle::cli
