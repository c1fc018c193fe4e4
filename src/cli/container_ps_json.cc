// What ps says about a container.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/size.h"
#include "base/text.h"
#include "base/time_format.h"
#include "cli/container_json.h"

namespace coracle::cli {
namespace {

using engine::ContainerView;

constexpr size_t kShownCommandCharacters = 20;

int64_t StartedNanos(const ContainerView& view) {
  if (engine::IsRunning(view)) return view.state.started_unix_nanos();
  return view.exit.has_value() ? view.exit->started_unix_nanos() : 0;
}

Json Labels(const ContainerView& view) {
  Json labels = Json::object();
  for (const store::StringPair& pair : view.record.config().labels()) labels[pair.key()] = pair.value();
  return labels;
}

Json Destinations(const ContainerView& view) {
  Json mounts = Json::array();
  for (const store::Mount& mount : view.record.config().mounts()) mounts.push_back(mount.destination());
  return mounts;
}

std::string CommandText(const store::ContainerRecord& record, bool truncate) {
  std::string command = absl::StrJoin(record.config().command(), " ");
  if (command.empty()) command = absl::StrJoin(record.config().args(), " ");
  if (truncate && command.size() > kShownCommandCharacters) {
    command = absl::StrCat(command.substr(0, kShownCommandCharacters - 1), "…");
  }
  return command;
}

std::string Ago(int64_t unix_nanos) { return HumanAgo(absl::FromUnixNanos(unix_nanos), absl::Now()); }

}  // namespace

std::string TimeText(int64_t unix_nanos) {
  if (unix_nanos == 0) return "0001-01-01T00:00:00Z";
  return FormatRfc3339Nano(absl::FromUnixNanos(unix_nanos), absl::LocalTimeZone());
}

std::string StatusText(const ContainerView& view) {
  const absl::string_view status = engine::StatusName(view);
  if (engine::IsRunning(view)) {
    const absl::Time started = absl::FromUnixNanos(view.state.started_unix_nanos());
    const std::string health = view.health.has_value() ? absl::StrCat(" (", view.health->status(), ")") : "";
    return absl::StrCat("Up ", HumanDuration(absl::Now() - started),
                        view.state.status() == store::PAUSED ? " (Paused)" : health);
  }
  if (status == "exited" && view.exit.has_value()) {
    const std::string code = view.exit->unknown() ? "unknown" : absl::StrCat(view.exit->exit_code());
    const int64_t finished = view.exit->finished_unix_nanos();
    return finished == 0 ? absl::StrCat("Exited (", code, ")")
                         : absl::StrCat("Exited (", code, ") ", Ago(finished));
  }
  std::string text(status);
  text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

Json PsJson(const ContainerView& view, std::optional<int64_t> size_bytes) {
  const store::ContainerRecord& record = view.record;
  const bool running = engine::IsRunning(view);
  Json json;
  json["AutoRemove"] = record.auto_remove();
  json["Command"] = Json::array();
  for (const std::string& arg : record.config().command()) json["Command"].push_back(arg);
  json["CreatedAt"] = Ago(record.created_unix_nanos());
  json["ExitCode"] = running || !view.exit.has_value() ? 0 : view.exit->exit_code();
  json["Exited"] = engine::StatusName(view) == "exited";
  json["ExitedAt"] = view.exit.has_value() ? view.exit->finished_unix_nanos() / 1000000000 : 0;
  json["Id"] = record.id();
  json["Image"] = record.image_name();
  json["ImageID"] = record.image_id();
  json["IsInfra"] = false;
  json["Labels"] = Labels(view);
  json["Mounts"] = Destinations(view);
  json["Names"] = Json::array({record.name()});
  json["Namespaces"] = Json::object();
  json["Networks"] = Json::array();
  for (const std::string& name : NetworkNames(view)) json["Networks"].push_back(name);
  json["Pid"] = running ? view.state.pid() : 0;
  json["Pod"] = "";
  json["PodName"] = "";
  json["Ports"] = PsPortsJson(view);
  json["Restarts"] = running ? view.state.restart_count() : 0;
  json["Size"] = size_bytes.has_value() ? Json{{"rwSize", *size_bytes}} : Json(nullptr);
  json["StartedAt"] = StartedNanos(view) / 1000000000;
  json["State"] = std::string(engine::StatusName(view));
  json["Status"] = StatusText(view);
  json["Created"] = record.created_unix_nanos() / 1000000000;
  return json;
}

Json PsRow(const ContainerView& view, std::optional<int64_t> size_bytes, bool truncate,
           const ListedFields& fields) {
  const store::ContainerRecord& record = view.record;
  const bool running = engine::IsRunning(view);
  Json row;
  const auto add = [&](const char* name, const auto& value) {
    if (fields.Has(name)) row[name] = value();
  };
  add("ID", [&] { return truncate ? std::string(ShortId(record.id())) : record.id(); });
  add("Image", [&] { return record.image_name().empty() ? record.rootfs() : record.image_name(); });
  add("ImageID", [&] { return truncate ? std::string(ShortId(record.image_id())) : record.image_id(); });
  add("Command", [&] { return CommandText(record, truncate); });
  add("CreatedAt", [&] {
    return absl::FormatTime("%Y-%m-%d %H:%M:%E*S %z %Z", absl::FromUnixNanos(record.created_unix_nanos()),
                            absl::LocalTimeZone());
  });
  add("CreatedHuman", [&] { return Ago(record.created_unix_nanos()); });
  add("RunningFor", [&] { return Ago(record.created_unix_nanos()); });
  add("Created", [&] { return record.created_unix_nanos() / 1000000000; });
  add("Status", [&] { return StatusText(view); });
  add("State", [&] { return std::string(engine::StatusName(view)); });
  add("Ports", [&] { return PsPortsText(view); });
  add("Names", [&] { return record.name(); });
  add("Labels", [&] { return Labels(view); });
  add("Label", [&] { return Labels(view); });
  add("Mounts", [&] {
    return absl::StrJoin(Destinations(view), ",", [](std::string* out, const Json& mount) {
      absl::StrAppend(out, mount.get<std::string>());
    });
  });
  add("LocalVolumes", [&] {
    return absl::StrCat(std::count_if(record.config().mounts().begin(), record.config().mounts().end(),
                                      [](const store::Mount& mount) { return mount.type() == "volume"; }));
  });
  add("Networks", [&] { return absl::StrJoin(NetworkNames(view), ","); });
  add("Size", [&] { return size_bytes.has_value() ? HumanSize(*size_bytes) : ""; });
  add("Pid", [&] { return running ? view.state.pid() : 0; });
  add("ExitCode", [&] { return running || !view.exit.has_value() ? 0 : view.exit->exit_code(); });
  add("Exited", [&] { return engine::StatusName(view) == "exited"; });
  add("ExitedAt", [&] { return view.exit.has_value() ? view.exit->finished_unix_nanos() / 1000000000 : 0; });
  add("StartedAt", [&] { return StartedNanos(view) / 1000000000; });
  add("Restarts", [&] { return running ? view.state.restart_count() : 0; });
  add("AutoRemove", [&] { return record.auto_remove(); });
  add("Pod", [] { return ""; });
  add("PodName", [] { return ""; });
  return row;
}

}  // namespace coracle::cli
