#include "oci/runtime_spec.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status.h"
#include "oci/json_codec.h"
#include "oci/runtime_spec_linux.h"
#include "oci/runtime_spec_process.h"

namespace coracle::oci {
namespace {

constexpr JsonLimits kLimits = {.list_entries = kMaxSpecListEntries, .string_bytes = 1 << 20};

// SemVer 2.0 with major version 0 or 1: what this runtime reads.
bool IsKnownVersion(absl::string_view version) {
  if (version.size() < 5 || (version[0] != '0' && version[0] != '1') || version[1] != '.') return false;
  const size_t minor_end = version.find('.', 2);
  return minor_end != absl::string_view::npos && minor_end > 2 && minor_end + 1 < version.size() &&
         absl::ascii_isdigit(version[2]) && absl::ascii_isdigit(version[minor_end + 1]);
}

template <typename T>
absl::StatusOr<T> Parse(absl::string_view json, absl::string_view name) {
  if (json.size() > kMaxSpecBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(name.empty() ? "config.json" : name, ": larger than ", kMaxSpecBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const Json document, ParseJson(json), name.empty() ? "config.json" : name);
  T value;
  JsonReader reader(document, name, kLimits);
  RETURN_IF_ERROR(reader.ReadDocument(value));
  return value;
}

}  // namespace

template <typename Codec>
void Members(Codec& codec, Root& root) {
  codec.Required("path", root.path);
  codec.Check(!root.path.empty(), "path", "empty");
  codec.Member("readonly", root.readonly);
}

template <typename Codec>
void Members(Codec& codec, Mount& mount) {
  codec.Required("destination", mount.destination);
  codec.Check(!mount.destination.empty(), "destination", "empty");
  codec.Member("type", mount.type);
  codec.Member("source", mount.source);
  codec.Member("options", mount.options);
  codec.Member("uidMappings", mount.uid_mappings);
  codec.Member("gidMappings", mount.gid_mappings);
}

template <typename Codec>
void Members(Codec& codec, Hook& hook) {
  codec.Required("path", hook.path);
  codec.Check(!hook.path.empty() && hook.path[0] == '/', "path", "not an absolute path");
  codec.Member("args", hook.args);
  codec.Member("env", hook.env);
  codec.Member("timeout", hook.timeout_seconds);
  codec.Check(!hook.timeout_seconds.has_value() || *hook.timeout_seconds > 0, "timeout",
              "not greater than zero");
}

template <typename Codec>
void Members(Codec& codec, Hooks& hooks) {
  codec.Member("prestart", hooks.prestart);
  codec.Member("createRuntime", hooks.create_runtime);
  codec.Member("createContainer", hooks.create_container);
  codec.Member("startContainer", hooks.start_container);
  codec.Member("poststart", hooks.poststart);
  codec.Member("poststop", hooks.poststop);
}

template <typename Codec>
void Members(Codec& codec, Spec& spec) {
  codec.Required("ociVersion", spec.oci_version);
  codec.Check(IsKnownVersion(spec.oci_version), "ociVersion", "not a version 1.x.y");
  codec.Member("process", spec.process);
  codec.Member("root", spec.root);
  codec.Member("hostname", spec.hostname);
  codec.Member("domainname", spec.domainname);
  codec.Member("mounts", spec.mounts);
  codec.Member("hooks", spec.hooks);
  codec.Member("annotations", spec.annotations);
  codec.Member("linux", spec.linux_config);
}

absl::StatusOr<Spec> ParseSpec(absl::string_view json) { return Parse<Spec>(json, ""); }

absl::StatusOr<Process> ParseProcess(absl::string_view json) { return Parse<Process>(json, "process"); }

absl::StatusOr<Resources> ParseResources(absl::string_view json) {
  return Parse<Resources>(json, "linux.resources");
}

std::string SerializeSpec(const Spec& spec) { return DumpJson(JsonWriter::Write(spec)); }

std::string SerializeProcess(const Process& process) { return DumpJson(JsonWriter::Write(process)); }

std::string SerializeResources(const Resources& resources) { return DumpJson(JsonWriter::Write(resources)); }

std::string SerializeSeccomp(const Seccomp& seccomp) { return DumpJson(JsonWriter::Write(seccomp)); }

}  // namespace coracle::oci
