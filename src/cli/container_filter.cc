#include "cli/container_filter.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "base/time_format.h"
#include "image/image_store.h"
#include "store/network.h"

namespace coracle::cli {
namespace {

constexpr absl::string_view kKeys[] = {"ancestor", "before", "command", "exited",  "health",
                                       "id",       "label",  "name",    "network", "restart-policy",
                                       "since",    "status", "until",   "volume"};
constexpr absl::string_view kHealths[] = {"starting", "healthy", "unhealthy", "none"};
constexpr absl::string_view kStatuses[] = {"created",    "initialized", "running", "paused",
                                           "restarting", "stopping",    "stopped", "exited",
                                           "removing",   "dead",        "unknown", "configured"};

Json LabelsOf(const engine::ContainerView& view) {
  Json labels = Json::object();
  for (const store::StringPair& pair : view.record.config().labels()) labels[pair.key()] = pair.value();
  return labels;
}

// Podman and docker call some states differently.
bool StatusMatches(absl::string_view wanted, absl::string_view actual) {
  if (wanted == "stopped") return actual == "exited";
  if (wanted == "configured") return actual == "created";
  return wanted == actual;
}

// A volume's name, a directory of the host, or a path inside the container.
bool MountsVolume(const store::ContainerConfig& config, absl::string_view value) {
  return std::any_of(config.mounts().begin(), config.mounts().end(), [&](const store::Mount& mount) {
    return mount.source() == value || mount.destination() == value;
  });
}

// By the name or id of a network, or by the network mode.
bool IsOnNetwork(const store::ContainerConfig& config, absl::string_view value) {
  if (config.networks().empty()) return config.network_mode() == value;
  const absl::string_view name = store::CanonicalNetworkName(value);
  return std::any_of(config.networks().begin(), config.networks().end(),
                     [&](const store::NetworkAttachment& network) {
                       return network.network_name() == name ||
                              (value.size() >= 4 && absl::StartsWith(network.network_id(), value));
                     });
}

absl::Status CheckValues(const Filters& filters, absl::string_view key,
                         absl::Span<const absl::string_view> known) {
  for (const std::string& value : filters.Values(key)) {
    if (std::find(known.begin(), known.end(), value) != known.end()) continue;
    return WithExitCode(absl::InvalidArgumentError(absl::StrCat(
                            "--filter ", key, "=", value, ": expected one of ", absl::StrJoin(known, ", "))),
                        125);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ContainerFilter> ContainerFilter::Parse(engine::Engine& engine,
                                                       const std::vector<std::string>& terms) {
  ContainerFilter filter;
  auto parsed = Filters::Parse(terms, kKeys);
  if (!parsed.ok()) return WithExitCode(parsed.status(), 125);
  filter.filters_ = *std::move(parsed);
  RETURN_IF_ERROR(CheckValues(filter.filters_, "status", kStatuses));
  RETURN_IF_ERROR(CheckValues(filter.filters_, "health", kHealths));
  for (const std::string& name : filter.filters_.Values("before")) {
    ASSIGN_OR_RETURN(const engine::ContainerView view, engine::Look(engine, name));
    filter.created_before_ =
        std::min(filter.created_before_.value_or(INT64_MAX), view.record.created_unix_nanos());
  }
  for (const std::string& name : filter.filters_.Values("since")) {
    ASSIGN_OR_RETURN(const engine::ContainerView view, engine::Look(engine, name));
    filter.created_after_ = std::max(filter.created_after_.value_or(0), view.record.created_unix_nanos());
  }
  for (const std::string& text : filter.filters_.Values("until")) {
    auto time = ParseTimeReference(text, absl::Now(), absl::LocalTimeZone());
    if (!time.ok()) return WithExitCode(Annotate(time.status(), "--filter until"), 125);
    filter.created_before_ = std::min(filter.created_before_.value_or(INT64_MAX), absl::ToUnixNanos(*time));
  }
  for (const std::string& name : filter.filters_.Values("ancestor")) {
    const auto image = image::Find(engine.store, name);
    filter.ancestor_ids_.push_back(image.ok() ? image->record.id() : name);
  }
  return filter;
}

bool ContainerFilter::Matches(const engine::ContainerView& view) const {
  if (filters_.empty()) return true;
  const store::ContainerRecord& record = view.record;
  if (created_before_.has_value() && record.created_unix_nanos() >= *created_before_) return false;
  if (created_after_.has_value() && record.created_unix_nanos() <= *created_after_) return false;
  if (filters_.Has("ancestor") &&
      std::find(ancestor_ids_.begin(), ancestor_ids_.end(), record.image_id()) == ancestor_ids_.end()) {
    return false;
  }
  const std::string exit_code = absl::StrCat(view.exit.has_value() ? view.exit->exit_code() : -1);
  const std::string command = record.config().args().empty() ? "" : record.config().args(0);
  const absl::string_view status = engine::StatusName(view);
  const std::string health = view.health.has_value() ? view.health->status() : "none";
  return filters_.Match("id",
                        [&](absl::string_view value) { return absl::StartsWith(record.id(), value); }) &&
         filters_.MatchPattern("name", record.name()) && filters_.MatchValue("command", command) &&
         filters_.MatchLabels(LabelsOf(view)) &&
         filters_.Match("network",
                        [&](absl::string_view value) { return IsOnNetwork(record.config(), value); }) &&
         filters_.MatchValue("health", health) &&
         filters_.MatchValue("restart-policy", record.config().restart().name()) &&
         filters_.Match("volume",
                        [&](absl::string_view value) { return MountsVolume(record.config(), value); }) &&
         filters_.Match("status", [&](absl::string_view value) { return StatusMatches(value, status); }) &&
         filters_.Match("exited", [&](absl::string_view value) {
           return view.exit.has_value() && !engine::IsRunning(view) && value == exit_code;
         });
}

}  // namespace coracle::cli
