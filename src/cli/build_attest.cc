#include "cli/build_attest.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "cli/build_output.h"
#include "cli/container_options.h"
#include "cli/version.h"

namespace coracle::cli {
namespace {

using Fields = std::map<std::string, std::string>;

absl::StatusOr<bool> Bool(const char* option, const std::string& text, const std::string& value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return OptionError(option, text, "it takes true or false there");
}

// "a=b,c=d"; a word alone is the type of --attest.
Fields Split(const std::string& text) {
  Fields fields;
  for (const absl::string_view field : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    if (absl::StrContains(field, '=')) {
      fields.insert(absl::StrSplit(field, absl::MaxSplits('=', 1)));
    } else {
      fields["type"] = std::string(field);
    }
  }
  return fields;
}

absl::Status ReadProvenance(const char* option, const std::string& text, const Fields& fields,
                            AttestOptions& options) {
  build::ProvenanceOptions provenance;
  for (const auto& [key, value] : fields) {
    if (key == "mode" && (value == "min" || value == "max")) {
      provenance.max = value == "max";
    } else if (key == "version" && (value == "v0.2" || value == "v1")) {
      provenance.v1 = value == "v1";
    } else if (key == "builder-id") {
      provenance.builder_id = value;
    } else if (key == "reproducible") {
      ASSIGN_OR_RETURN(provenance.reproducible, Bool(option, text, value));
    } else if (key == "disabled") {
      ASSIGN_OR_RETURN(const bool disabled, Bool(option, text, value));
      if (disabled) {
        options.provenance.reset();
        return absl::OkStatus();
      }
    } else if (key == "inline-only") {
      continue;  // no other place for it here
    } else if (key != "type") {
      return OptionError(option, text,
                         absl::StrCat(key, "=", value,
                                      ": there are mode=min|max, version=v0.2|v1, builder-id=URL, "
                                      "reproducible=BOOL, disabled=BOOL"));
    }
  }
  options.provenance = provenance;
  return absl::OkStatus();
}

absl::Status ReadPackages(const char* option, const std::string& text, const Fields& fields,
                          AttestOptions& options) {
  for (const auto& [key, value] : fields) {
    if (key == "disabled") {
      ASSIGN_OR_RETURN(const bool disabled, Bool(option, text, value));
      options.packages = !disabled;
      return absl::OkStatus();
    }
    // A scanner of one's own.
    if (key == "generator") return NotSupportedYet(absl::StrCat("--", option, " generator=", value));
    if (key != "type") return OptionError(option, text, "it takes true, false or disabled=BOOL");
  }
  options.packages = true;
  return absl::OkStatus();
}

// A bare "true" or "false" of one of the two.
absl::StatusOr<Fields> FieldsOf(const char* option, const std::string& text) {
  if (absl::StrContains(text, '=')) return Split(text);
  ASSIGN_OR_RETURN(const bool wanted, Bool(option, text, text));
  return wanted ? Fields() : Fields{{"disabled", "true"}};
}

}  // namespace

absl::StatusOr<AttestOptions> ReadAttestOptions(const ParsedCommand& parsed) {
  AttestOptions options;
  for (const std::string& text : parsed.GetList("attest")) {
    const Fields fields = Split(text);
    const auto type = fields.find("type");
    if (type != fields.end() && type->second == "provenance") {
      RETURN_IF_ERROR(ReadProvenance("attest", text, fields, options));
    } else if (type != fields.end() && type->second == "sbom") {
      RETURN_IF_ERROR(ReadPackages("attest", text, fields, options));
    } else {
      return OptionError("attest", text, "its type is sbom or provenance");
    }
  }
  const std::string packages = parsed.GetString("sbom"), provenance = parsed.GetString("provenance");
  if (!packages.empty()) {
    ASSIGN_OR_RETURN(const Fields fields, FieldsOf("sbom", packages));
    RETURN_IF_ERROR(ReadPackages("sbom", packages, fields, options));
  }
  if (!provenance.empty()) {
    ASSIGN_OR_RETURN(const Fields fields, FieldsOf("provenance", provenance));
    RETURN_IF_ERROR(ReadProvenance("provenance", provenance, fields, options));
  }
  return options;
}

absl::StatusOr<engine::AttestedImage> AttestResult(const engine::Engine& engine, const AttestOptions& options,
                                                   const build::BuildRequest& request,
                                                   const build::BuildResult& result,
                                                   build::BuildTimes times) {
  if (request.epoch.has_value()) times.started = times.finished = absl::FromUnixSeconds(*request.epoch);
  engine::AttestedImage image;
  image.id = result.image.id;
  image.manifest.media_type = result.image.manifest_media_type;
  image.manifest.size = result.image.manifest_size;
  ASSIGN_OR_RETURN(image.manifest.digest, oci::Digest::Parse(result.image.manifest_digest));
  image.manifest.platform.emplace();
  image.manifest.platform->architecture = result.config.architecture;
  image.manifest.platform->os = result.config.os;
  image.manifest.platform->variant = result.config.variant;
  if (options.packages) {
    ASSIGN_OR_RETURN(const storage::RootView view, ViewResult(engine, result));
    const std::string name = request.tags.empty() ? absl::StrCat("sha256:", image.id) : request.tags.front();
    image.attestations.push_back(
        build::MakePackageList(build::ScanPackages(view.fd.get()), name, times.finished, kVersionNumber));
  }
  if (options.provenance.has_value())
    image.attestations.push_back(build::MakeProvenance(*options.provenance, request, result, times));
  return image;
}

}  // namespace coracle::cli
