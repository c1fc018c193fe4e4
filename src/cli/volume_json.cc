#include "cli/volume_json.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "base/time_format.h"
#include "cli/container_json.h"

namespace coracle::cli {
namespace {

Json Pairs(const google::protobuf::RepeatedPtrField<store::StringPair>& pairs) {
  Json object = Json::object();
  for (const store::StringPair& pair : pairs) object[pair.key()] = pair.value();
  return object;
}

int UseOf(const VolumeUse& use, const std::string& name) {
  const auto found = use.find(name);
  return found == use.end() ? 0 : found->second;
}

absl::Status CheckBools(const Filters& filters, absl::string_view key) {
  for (const std::string& value : filters.Values(key)) {
    if (value == "true" || value == "false" || value == "1" || value == "0") continue;
    return WithExitCode(
        absl::InvalidArgumentError(absl::StrCat("--filter ", key, "=", value, ": expected true or false")),
        125);
  }
  return absl::OkStatus();
}

bool MatchesBool(const Filters& filters, absl::string_view key, bool actual) {
  return filters.Match(key,
                       [&](absl::string_view value) { return (value == "true" || value == "1") == actual; });
}

}  // namespace

absl::StatusOr<VolumeUse> CountVolumeUse(engine::Engine& engine) {
  std::vector<std::pair<std::string, absl::Status>> damaged;
  ASSIGN_OR_RETURN(const std::vector<store::ContainerRecord> containers,
                   store::ReadAllContainers(engine.store, &damaged));
  if (!damaged.empty()) return damaged.front().second;
  VolumeUse use;
  for (const store::ContainerRecord& container : containers) {
    for (const store::Mount& mount : container.config().mounts()) {
      if (mount.type() == "volume") ++use[mount.source()];
    }
  }
  return use;
}

Json VolumeJson(const store::Store& store, const store::VolumeRecord& record, const VolumeUse& use) {
  Json json;
  json["Name"] = record.name();
  json["Driver"] = "local";
  json["Mountpoint"] = store::VolumeDataDir(store, record.name());
  json["CreatedAt"] = TimeText(record.created_unix_nanos());
  json["Labels"] = Pairs(record.labels());
  json["Scope"] = "local";
  json["Options"] = Pairs(record.options());
  if (record.anonymous()) json["Anonymous"] = true;
  json["MountCount"] = UseOf(use, record.name());
  json["NeedsCopyUp"] = record.needs_fill();
  json["NeedsChown"] = record.needs_fill();
  return json;
}

absl::StatusOr<VolumeFilter> VolumeFilter::Parse(engine::Engine& engine,
                                                 const std::vector<std::string>& terms,
                                                 absl::Span<const absl::string_view> keys) {
  VolumeFilter filter;
  auto parsed = Filters::Parse(terms, keys);
  if (!parsed.ok()) return WithExitCode(parsed.status(), 125);
  filter.filters_ = *std::move(parsed);
  RETURN_IF_ERROR(CheckBools(filter.filters_, "dangling"));
  RETURN_IF_ERROR(CheckBools(filter.filters_, "anonymous"));
  for (const char* key : {"since", "after"}) {
    for (const std::string& name : filter.filters_.Values(key)) {
      ASSIGN_OR_RETURN(const store::VolumeRecord record, store::ReadVolume(engine.store, name));
      filter.after_ = std::max(filter.after_.value_or(0), record.created_unix_nanos());
    }
  }
  for (const std::string& text : filter.filters_.Values("until")) {
    auto time = ParseTimeReference(text, absl::Now(), absl::LocalTimeZone());
    if (!time.ok()) return WithExitCode(Annotate(time.status(), "--filter until"), 125);
    filter.before_ = std::min(filter.before_.value_or(INT64_MAX), absl::ToUnixNanos(*time));
  }
  return filter;
}

bool VolumeFilter::Matches(const store::VolumeRecord& record, const VolumeUse& use) const {
  if (before_.has_value() && record.created_unix_nanos() >= *before_) return false;
  if (after_.has_value() && record.created_unix_nanos() <= *after_) return false;
  return MatchesBool(filters_, "dangling", UseOf(use, record.name()) == 0) &&
         MatchesBool(filters_, "anonymous", record.anonymous()) &&
         filters_.MatchPattern("name", record.name()) && filters_.MatchValue("driver", "local") &&
         filters_.MatchValue("scope", "local") && filters_.MatchLabels(Pairs(record.labels())) &&
         filters_.MatchLabels(Pairs(record.options()), "opt");
}

}  // namespace coracle::cli
