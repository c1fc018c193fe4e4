// rmi and image prune.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/filter.h"
#include "base/status.h"
#include "base/time_format.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/image_use.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/host_mount.h"
#include "image/image_store.h"
#include "image/prune_matching.h"
#include "oci/image_config.h"

namespace coracle::cli {
namespace {

// --force: the containers of the image go first.
absl::Status RemoveUsers(engine::Engine& engine, const std::string& image_id) {
  ASSIGN_OR_RETURN(const std::vector<engine::ContainerView> views, engine::LookAll(engine));
  for (const engine::ContainerView& view : views) {
    if (view.record.image_id() != image_id) continue;
    engine::RemoveRequest request;
    request.force = true;
    RETURN_IF_ERROR(engine::RemoveContainer(engine, view, request));
  }
  return absl::OkStatus();
}

void Print(const image::Removal& removal, Output& out) {
  for (const std::string& name : removal.untagged) out.WriteLine(absl::StrCat("Untagged: ", name));
  for (const std::string& id : removal.deleted) out.WriteLine(absl::StrCat("Deleted: ", id));
}

absl::Status RemoveOne(Invocation& invocation, engine::Engine& engine, const std::string& reference) {
  const bool force = invocation.parsed().GetBool("force");
  if (force) {
    ASSIGN_OR_RETURN(const image::ImageInfo info, image::Find(engine.store, reference));
    // With further names the image stays, and so do its containers.
    if (info.names.size() <= 1) {
      RETURN_IF_ERROR(RemoveUsers(engine, info.record.id()));
      RETURN_IF_ERROR(engine::UnmountImage(engine, info.record.id()).status());
    }
  }
  ASSIGN_OR_RETURN(const auto used, ImagesInUse(engine));
  ASSIGN_OR_RETURN(const image::Removal removal, image::Remove(engine.store, reference, force, used));
  Print(removal, invocation.out());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Targets(Invocation& invocation, engine::Engine& engine) {
  if (!invocation.parsed().GetBool("all")) return invocation.args();
  ASSIGN_OR_RETURN(const std::vector<image::ImageInfo> images, image::List(engine.store));
  std::vector<std::string> targets;
  for (const image::ImageInfo& info : images) {
    if (info.names.empty()) targets.push_back(info.record.id());
    targets.insert(targets.end(), info.names.begin(), info.names.end());
  }
  return targets;
}

constexpr absl::string_view kPruneKeys[] = {"dangling", "label", "until"};

struct PruneFilter {
  Filters terms;
  bool all = false;
  std::optional<int64_t> before;  // Unix nanoseconds
};

absl::StatusOr<PruneFilter> ReadPruneFilter(const ParsedCommand& parsed) {
  PruneFilter filter;
  auto terms = Filters::Parse(parsed.GetList("filter"), kPruneKeys);
  if (!terms.ok()) return WithExitCode(terms.status(), 125);
  filter.terms = *std::move(terms);
  filter.all = parsed.GetBool("all");
  for (const std::string& value : filter.terms.Values("dangling")) {
    if (value != "true" && value != "false") {
      return OptionError("filter", absl::StrCat("dangling=", value), "expected true or false");
    }
    // docker: dangling=false is --all.
    filter.all |= value == "false";
  }
  for (const std::string& text : filter.terms.Values("until")) {
    auto time = ParseTimeReference(text, absl::Now(), absl::LocalTimeZone());
    if (!time.ok()) return WithExitCode(Annotate(time.status(), "--filter until"), 125);
    const int64_t nanos = absl::ToUnixNanos(*time);
    filter.before = std::min(filter.before.value_or(nanos), nanos);
  }
  return filter;
}

bool Matches(const PruneFilter& filter, const engine::Engine& engine, const image::ImageInfo& info) {
  if (filter.before.has_value() && info.record.created_unix_nanos() >= *filter.before) return false;
  if (!filter.terms.Has("label")) return true;
  const auto text = image::ReadConfig(engine.store, info.record);
  if (!text.ok()) return false;
  const auto config = oci::ParseImageConfig(*text);
  if (!config.ok()) return false;
  Json labels = Json::object();
  for (const auto& [key, value] : config->config.labels) labels[key] = value;
  return filter.terms.MatchLabels(labels);
}

}  // namespace

int CmdRmi(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  const auto targets = Targets(invocation, engine);
  if (!targets.ok()) return invocation.Fail(targets.status());
  const bool ignore = invocation.parsed().GetBool("ignore") || invocation.parsed().GetBool("force");
  int code = 0;
  for (const std::string& target : *targets) {
    const absl::Status status = RemoveOne(invocation, engine, target);
    if (status.ok() || (ignore && absl::IsNotFound(status))) continue;
    (void)invocation.Fail(status);
    // podman: 1 for a missing image, 2 for one in use.
    code = absl::IsNotFound(status) ? 1 : absl::IsFailedPrecondition(status) ? 2 : 125;
  }
  return code;
}

int CmdImagePrune(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const auto filter = ReadPruneFilter(parsed);
  if (!filter.ok()) return invocation.Fail(filter.status());
  const bool all = filter->all;
  if (!parsed.GetBool("force") && !invocation.Confirm(all ? "Remove all images that no container uses?"
                                                          : "Remove all images without a name?")) {
    return 0;
  }
  engine::Engine engine = MakeEngine(invocation);
  const auto used = ImagesInUse(engine);
  if (!used.ok()) return invocation.Fail(used.status());
  const auto wanted = [&](const image::ImageInfo& info) { return Matches(*filter, engine, info); };
  const auto removal = image::PruneMatching(engine.store, all, *used, wanted);
  if (!removal.ok()) return invocation.Fail(removal.status());
  for (const std::string& id : removal->deleted) invocation.out().WriteLine(id);
  return 0;
}

}  // namespace coracle::cli
