#include "oci/image_config.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/json.h"
#include "base/status.h"

namespace coracle::oci {
namespace {

bool IsTime(const std::string& text) {
  absl::Time time;
  return text.empty() || absl::ParseTime(absl::RFC3339_full, text, &time, /*err=*/nullptr);
}

}  // namespace

template <typename Codec>
void Members(Codec& codec, Healthcheck& check) {
  codec.Member("Test", check.test);
  codec.Member("Interval", check.interval);
  codec.Check(check.interval >= 0, "Interval", "negative");
  codec.Member("Timeout", check.timeout);
  codec.Check(check.timeout >= 0, "Timeout", "negative");
  codec.Member("StartPeriod", check.start_period);
  codec.Check(check.start_period >= 0, "StartPeriod", "negative");
  codec.Member("StartInterval", check.start_interval);
  codec.Check(check.start_interval >= 0, "StartInterval", "negative");
  codec.Member("Retries", check.retries);
  codec.Check(check.retries >= 0, "Retries", "negative");
}

template <typename Codec>
void Members(Codec& codec, ContainerDefaults& defaults) {
  codec.Member("User", defaults.user);
  codec.Member("ExposedPorts", defaults.exposed_ports);
  codec.Member("Env", defaults.env);
  codec.Member("Entrypoint", defaults.entrypoint);
  codec.Member("Cmd", defaults.cmd);
  codec.Member("Healthcheck", defaults.healthcheck);
  codec.Member("ArgsEscaped", defaults.args_escaped);
  codec.Member("Volumes", defaults.volumes);
  codec.Member("WorkingDir", defaults.working_dir);
  codec.Member("Labels", defaults.labels);
  codec.Member("StopSignal", defaults.stop_signal);
  codec.Member("StopTimeout", defaults.stop_timeout);
  codec.Member("OnBuild", defaults.on_build);
  codec.Member("Shell", defaults.shell);
}

template <typename Codec>
void Members(Codec& codec, HistoryEntry& entry) {
  codec.Member("created", entry.created);
  codec.Check(IsTime(entry.created), "created", "not a time as in RFC 3339");
  codec.Member("created_by", entry.created_by);
  codec.Member("author", entry.author);
  codec.Member("comment", entry.comment);
  codec.Member("empty_layer", entry.empty_layer);
}

template <typename Codec>
void Members(Codec& codec, ImageConfig& image) {
  codec.Member("created", image.created);
  codec.Check(IsTime(image.created), "created", "not a time as in RFC 3339");
  codec.Member("author", image.author);
  codec.Required("architecture", image.architecture);
  codec.Member("variant", image.variant);
  codec.Required("os", image.os);
  codec.Member("os.version", image.os_version);
  codec.Member("os.features", image.os_features);
  codec.Member("config", image.config);
  codec.Nested("rootfs", [&](Codec& nested) {
    std::string type = "layers";
    nested.Required("type", type);
    nested.OneOf("type", type, {"layers"});
    if constexpr (Codec::kReading) {
      nested.Member("diff_ids", image.diff_ids);
    } else {
      nested.Required("diff_ids", image.diff_ids);
    }
  });
  codec.Member("history", image.history);
}

absl::StatusOr<ImageConfig> ParseImageConfig(absl::string_view json) {
  if (json.size() > kMaxImageConfigBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("image config: larger than ", kMaxImageConfigBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const Json document, ParseJson(json), "image config");
  ImageConfig config;
  JsonReader reader(document, "", JsonLimits{});
  RETURN_IF_ERROR(reader.ReadDocument(config), "image config");
  return config;
}

std::string SerializeImageConfig(const ImageConfig& config) { return DumpJson(JsonWriter::Write(config)); }

}  // namespace coracle::oci
