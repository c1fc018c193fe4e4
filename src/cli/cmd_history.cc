// history: the steps that made an image.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/size.h"
#include "base/status.h"
#include "base/table.h"
#include "base/text.h"
#include "base/time_format.h"
#include "cli/commands_archive.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "image/image_store.h"
#include "oci/image_config.h"
#include "storage/layer_store.h"

namespace coracle::cli {
namespace {

constexpr Heading kHeadings[] = {{"Id", "ID"}};
constexpr absl::string_view kColumns = "{{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
constexpr size_t kCreatedByWidth = 45;

struct Step {
  oci::HistoryEntry entry;
  std::string id;  // of the image; empty for all but the last step
  std::vector<std::string> tags;
  int64_t size = 0;
};

// The last step first. Layers that no entry tells of come as steps without a text.
std::vector<Step> StepsOf(const store::Store& store, const image::ImageInfo& info,
                          const oci::ImageConfig& config) {
  std::vector<Step> steps;
  size_t layer = 0;
  const auto size_of = [&](size_t index) -> int64_t {
    if (index >= config.diff_ids.size()) return 0;
    const auto record = storage::ReadLayer(store, config.diff_ids[index].hex());
    return record.ok() ? record->unpacked_bytes() : 0;
  };
  for (const oci::HistoryEntry& entry : config.history) {
    Step step;
    step.entry = entry;
    if (!entry.empty_layer) step.size = size_of(layer++);
    steps.push_back(std::move(step));
  }
  for (; layer < config.diff_ids.size(); ++layer) {
    Step step;
    step.entry.created = config.created;
    step.size = size_of(layer);
    steps.push_back(std::move(step));
  }
  std::reverse(steps.begin(), steps.end());
  if (!steps.empty()) {
    steps[0].id = info.record.id();
    steps[0].tags = info.names;
  }
  return steps;
}

std::string Shortened(const std::string& text) {
  return text.size() <= kCreatedByWidth ? text : absl::StrCat(text.substr(0, kCreatedByWidth - 3), "...");
}

Json Row(const Step& step, bool human, bool truncate) {
  const auto created = ParseRfc3339Nano(step.entry.created);
  const std::string ago = created.ok() ? HumanAgo(*created, absl::Now()) : "";
  Json row;
  row["ID"] = step.id.empty() ? "<missing>" : truncate ? std::string(ShortId(step.id)) : step.id;
  row["Id"] = row["ID"];
  row["CreatedSince"] = ago;
  row["CreatedAt"] =
      !created.ok() ? "" : absl::FormatTime("%Y-%m-%d %H:%M:%S %z %Z", *created, absl::UTCTimeZone());
  row["Created"] = human          ? ago
                   : created.ok() ? absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *created, absl::UTCTimeZone())
                                  : "";
  row["CreatedBy"] = truncate ? Shortened(step.entry.created_by) : step.entry.created_by;
  row["Size"] = human ? HumanSize(step.size, 3, " ") : absl::StrCat(step.size);
  row["Comment"] = step.entry.comment;
  row["Tags"] = step.tags;
  return row;
}

Json Document(const Step& step) {
  Json json;
  json["id"] = step.id.empty() ? "<missing>" : step.id;
  json["created"] = step.entry.created;
  json["CreatedBy"] = step.entry.created_by;
  if (!step.tags.empty()) json["tags"] = step.tags;
  json["size"] = step.size;
  if (!step.entry.comment.empty()) json["comment"] = step.entry.comment;
  return json;
}

absl::Status Show(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const image::ImageInfo info, image::Find(engine.store, invocation.args()[0]));
  ASSIGN_OR_RETURN(const std::string text, image::ReadConfig(engine.store, info.record));
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ParseImageConfig(text));
  const ListingOptions options{parsed.GetString("format"), parsed.GetBool("quiet"), false};
  std::vector<Json> rows;
  for (const Step& step : StepsOf(engine.store, info, config)) {
    rows.push_back(options.format == "json"
                       ? Document(step)
                       : Row(step, parsed.GetBool("human"), !parsed.GetBool("no-trunc")));
  }
  const ListingFormat listing{kHeadings, kColumns, "{{.ID}}", {}, {}};
  ASSIGN_OR_RETURN(const std::string output, RenderListing(listing, options, rows));
  invocation.out().Write(output);
  return absl::OkStatus();
}

}  // namespace

int CmdHistory(Invocation& invocation) { return invocation.Fail(Show(invocation)); }

}  // namespace coracle::cli
