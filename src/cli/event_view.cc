#include "cli/event_view.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "base/text.h"
#include "base/time_format.h"
#include "store/network.h"

namespace coracle::cli {
namespace {

using store::EventRecord;

constexpr absl::string_view kKeys[] = {"container", "event", "image", "label",
                                       "network",   "pod",   "type",  "volume"};

// What docker calls the same.
struct Word {
  absl::string_view type, podman, docker;
};
constexpr Word kWords[] = {
    {"container", "died", "die"},        {"container", "remove", "destroy"},
    {"container", "exec", "exec_start"}, {"container", "exec_died", "exec_die"},
    {"image", "remove", "delete"},       {"image", "loadfromarchive", "load"},
    {"volume", "remove", "destroy"},     {"network", "remove", "destroy"},
};

absl::string_view DockerWord(const EventRecord& event) {
  for (const Word& word : kWords) {
    if (word.type == event.type() && word.podman == event.status()) return word.docker;
  }
  return event.status();
}

std::string ShownId(const EventRecord& event, bool truncate) {
  return truncate ? std::string(ShortId(event.id())) : event.id();
}

std::string GoTime(const EventRecord& event) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E*S %z %Z", absl::FromUnixNanos(event.unix_nanos()),
                          absl::LocalTimeZone());
}

Json Attributes(const EventRecord& event) {
  Json attributes = Json::object();
  for (const store::EventPair& pair : event.attributes()) attributes[pair.key()] = pair.value();
  return attributes;
}

Json Actor(const EventRecord& event, bool truncate) {
  Json attributes = Attributes(event);
  if (!event.image().empty()) attributes["image"] = event.image();
  if (!event.name().empty()) attributes["name"] = event.name();
  if (event.has_exit_code()) attributes["exitCode"] = absl::StrCat(event.exit_code());
  const bool by_name = event.id().empty();
  return Json{{"ID", by_name ? event.name() : ShownId(event, truncate)}, {"Attributes", attributes}};
}

// "debian" and "library/debian:latest" are docker.io/library/debian:latest.
bool NamesImage(absl::string_view value, absl::string_view name) {
  const auto ends_with = [&](absl::string_view full) {
    return full == value || absl::EndsWith(full, absl::StrCat("/", value));
  };
  const size_t colon = name.rfind(':');
  return ends_with(name) || (colon != absl::string_view::npos && ends_with(name.substr(0, colon)));
}

bool IsOfContainer(const EventRecord& event, absl::string_view value) {
  if (event.type() == "container") return event.name() == value || absl::StartsWith(event.id(), value);
  return std::any_of(event.attributes().begin(), event.attributes().end(), [&](const store::EventPair& pair) {
    return event.type() == "network" && pair.key() == "container" && absl::StartsWith(pair.value(), value);
  });
}

bool IsOfImage(const EventRecord& event, absl::string_view value) {
  if (event.type() == "container") return NamesImage(value, event.image());
  return event.type() == "image" && (NamesImage(value, event.name()) || absl::StartsWith(event.id(), value));
}

}  // namespace

std::string EventLine(const EventRecord& event, bool truncate) {
  std::string line = absl::StrCat(GoTime(event), " ", event.type(), " ", event.status());
  if (event.type() == "image" || event.type() == "volume") {
    if (!event.id().empty()) absl::StrAppend(&line, " ", ShownId(event, truncate));
    absl::StrAppend(&line, " ", Printable(event.name()));
    return line;
  }
  std::vector<std::string> details;
  if (event.type() == "container") details.push_back(absl::StrCat("image=", Printable(event.image())));
  details.push_back(absl::StrCat("name=", Printable(event.name())));
  if (event.has_exit_code()) details.push_back(absl::StrCat("exitCode=", event.exit_code()));
  for (const store::EventPair& pair : event.attributes()) {
    details.push_back(absl::StrCat(Printable(pair.key()), "=", Printable(pair.value())));
  }
  absl::StrAppend(&line, " ", ShownId(event, truncate), " (", absl::StrJoin(details, ", "), ")");
  return line;
}

Json EventJson(const EventRecord& event, bool truncate, bool text_time) {
  const std::string time =
      text_time ? GoTime(event)
                : FormatRfc3339Nano(absl::FromUnixNanos(event.unix_nanos()), absl::LocalTimeZone());
  Json json;
  json["ID"] = ShownId(event, truncate);
  json["Image"] = event.image();
  json["Name"] = event.name();
  json["Network"] = event.type() == "network" ? event.name() : "";
  json["Status"] = event.status();
  json["Time"] = time;
  json["Type"] = event.type();
  json["Attributes"] = Attributes(event);
  if (event.has_exit_code() || text_time) json["ContainerExitCode"] = event.exit_code();
  json["Action"] = std::string(DockerWord(event));
  json["Actor"] = Actor(event, truncate);
  json["TimeNano"] = event.unix_nanos();
  if (!text_time) return json;
  json["HealthStatus"] = "";
  json["PodID"] = "";
  json["From"] = event.image();
  json["Scope"] = "local";
  json["ToHumanReadable"] = EventLine(event, truncate);
  return json;
}

absl::StatusOr<EventFilter> EventFilter::Parse(const std::vector<std::string>& terms) {
  EventFilter filter;
  auto parsed = Filters::Parse(terms, kKeys);
  if (!parsed.ok()) return WithExitCode(parsed.status(), 125);
  filter.filters_ = *std::move(parsed);
  return filter;
}

bool EventFilter::Matches(const EventRecord& event) const {
  if (filters_.empty()) return true;
  const bool is_volume = event.type() == "volume", is_network = event.type() == "network";
  return filters_.MatchValue("type", event.type()) &&
         filters_.Match("event",
                        [&](absl::string_view value) {
                          return absl::EqualsIgnoreCase(value, event.status()) || value == DockerWord(event);
                        }) &&
         filters_.Match("container", [&](absl::string_view value) { return IsOfContainer(event, value); }) &&
         filters_.Match("image", [&](absl::string_view value) { return IsOfImage(event, value); }) &&
         filters_.Match("volume",
                        [&](absl::string_view value) { return is_volume && event.name() == value; }) &&
         filters_.Match("network",
                        [&](absl::string_view value) {
                          return is_network && event.name() == store::CanonicalNetworkName(value);
                        }) &&
         filters_.MatchValue("pod", "") && filters_.MatchLabels(Attributes(event));
}

}  // namespace coracle::cli
