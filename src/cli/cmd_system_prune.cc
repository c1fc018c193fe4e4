// system prune.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/filter.h"
#include "base/size.h"
#include "base/status.h"
#include "base/time_format.h"
#include "cli/commands_storage.h"
#include "cli/container_filter.h"
#include "cli/image_use.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/volume_prune.h"
#include "engine/disk_report.h"
#include "oci/image_config.h"

namespace coracle::cli {
namespace {

constexpr absl::string_view kFilterKeys[] = {"label", "label!", "until"};

struct ImageFilter {
  Filters terms;
  std::optional<int64_t> until;
};

absl::StatusOr<ImageFilter> ReadImageFilter(const std::vector<std::string>& args) {
  ImageFilter filter;
  auto terms = Filters::Parse(args, kFilterKeys);
  if (!terms.ok()) return WithExitCode(terms.status(), 125);
  filter.terms = *std::move(terms);
  for (const std::string& value : filter.terms.Values("until")) {
    const auto time = ParseTimeReference(value, absl::Now(), absl::LocalTimeZone());
    if (!time.ok()) return WithExitCode(Annotate(time.status(), "--filter until"), 125);
    filter.until = absl::ToUnixNanos(*time);
  }
  return filter;
}

bool Matches(const engine::Engine& engine, const ImageFilter& filter, const image::ImageInfo& info) {
  if (filter.until.has_value() && info.record.created_unix_nanos() >= *filter.until) return false;
  Json labels = Json::object();
  const auto json = image::ReadConfig(engine.store, info.record);
  if (json.ok()) {
    const auto config = oci::ParseImageConfig(*json);
    if (config.ok()) {
      for (const auto& [key, value] : config->config.labels) labels[key] = value;
    }
  }
  return filter.terms.MatchLabels(labels);
}

int64_t Bytes(engine::Engine& engine) {
  const auto report = engine::ReportDisk(engine);
  return report.ok() ? report->images.bytes + report->containers.bytes + report->volumes.bytes : 0;
}

absl::Status PruneContainers(Invocation& invocation, engine::Engine& engine, const ContainerFilter& filter) {
  (void)store::Sweep(engine.store);  // what killed processes left goes too; its errors do not count
  ASSIGN_OR_RETURN(const std::vector<engine::ContainerView> views, engine::LookAll(engine));
  bool any = false;
  for (const engine::ContainerView& view : views) {
    if (engine::IsRunning(view) || view.state.status() == store::INITIALIZED || !filter.Matches(view))
      continue;
    const absl::Status status = engine::RemoveContainer(engine, view, {});
    if (absl::IsNotFound(status)) continue;
    RETURN_IF_ERROR(status);
    if (!any) invocation.out().WriteLine("Deleted Containers");
    any = true;
    invocation.out().WriteLine(view.record.id());
  }
  return absl::OkStatus();
}

absl::Status PruneImages(Invocation& invocation, engine::Engine& engine, const ImageFilter& filter) {
  ASSIGN_OR_RETURN(auto used, ImagesInUse(engine));
  if (!filter.terms.empty()) {
    // What the filter does not want stays as if it were used.
    ASSIGN_OR_RETURN(const std::vector<image::ImageInfo> images, image::List(engine.store));
    for (const image::ImageInfo& info : images) {
      if (!Matches(engine, filter, info)) used.emplace_back(info.record.id(), "");
    }
  }
  ASSIGN_OR_RETURN(const image::Removal removal,
                   image::Prune(engine.store, invocation.parsed().GetBool("all"), used));
  if (!removal.deleted.empty()) invocation.out().WriteLine("Deleted Images");
  for (const std::string& id : removal.deleted) invocation.out().WriteLine(id);
  return absl::OkStatus();
}

absl::Status PruneUnusedVolumes(Invocation& invocation, engine::Engine& engine, const VolumeFilter& filter) {
  bool any = false;
  return PruneVolumes(engine, filter, /*dry_run=*/false, [&](const std::string& name) {
    if (!any) invocation.out().WriteLine("Deleted Volumes");
    any = true;
    invocation.out().WriteLine(name);
  });
}

std::string Question(const ParsedCommand& parsed) {
  return absl::StrCat(
      "Remove all stopped containers, ",
      parsed.GetBool("volumes") ? "all volumes that no container uses, " : "",
      parsed.GetBool("all") ? "and all images that no container uses?" : "and all images without a name?");
}

absl::Status SystemPrune(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const ImageFilter images, ReadImageFilter(parsed.GetList("filter")));
  ASSIGN_OR_RETURN(const ContainerFilter containers,
                   ContainerFilter::Parse(engine, parsed.GetList("filter")));
  ASSIGN_OR_RETURN(const VolumeFilter volumes,
                   VolumeFilter::Parse(engine, parsed.GetList("filter"), kFilterKeys));
  if (!parsed.GetBool("force") && !invocation.Confirm(Question(parsed))) return absl::OkStatus();
  const int64_t before = Bytes(engine);
  RETURN_IF_ERROR(PruneContainers(invocation, engine, containers));
  if (parsed.GetBool("volumes")) RETURN_IF_ERROR(PruneUnusedVolumes(invocation, engine, volumes));
  RETURN_IF_ERROR(PruneImages(invocation, engine, images));
  invocation.out().WriteLine(
      absl::StrCat("Total reclaimed space: ", HumanSize(std::max<int64_t>(0, before - Bytes(engine)))));
  return absl::OkStatus();
}

}  // namespace

int CmdSystemPrune(Invocation& invocation) { return invocation.Fail(SystemPrune(invocation)); }

}  // namespace coracle::cli
