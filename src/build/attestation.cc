#include "build/attestation.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/sha256.h"

namespace coracle::build {
namespace {

constexpr char kBuildType02[] = "https://mobyproject.org/buildkit@v1";
constexpr char kBuildType1[] =
    "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md";
constexpr char kMetadata02[] = "https://mobyproject.org/buildkit@v1#metadata";
constexpr char kHermetic02[] = "https://mobyproject.org/buildkit@v1#hermetic";

// purl-spec: what is not "A-Za-z0-9.-_~" is written as %XX; "/" and ":" stay where the caller wants them.
std::string Escape(absl::string_view text, absl::string_view keep = "") {
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains(".-_~", c) ||
        absl::StrContains(keep, c)) {
      out += c;
    } else {
      absl::StrAppend(&out, "%", absl::AsciiStrToUpper(absl::BytesToHexString(absl::string_view(&c, 1))));
    }
  }
  return out;
}

std::string Time(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

std::string Seconds(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", time, absl::UTCTimeZone());
}

// Bases, with digests. A directory's files have none.
Json Materials(const BuildResult& result) {
  Json out = Json::array();
  for (const UsedImage& image : result.bases) {
    Json one;
    one["uri"] = ImageUrl(image.name, image.platform);
    one["digest"]["sha256"] = std::string(absl::StripPrefix(image.manifest_digest, "sha256:"));
    out.push_back(std::move(one));
  }
  return out;
}

Json Named(const std::string& id) {
  Json one;
  one["id"] = id;
  one["optional"] = true;
  return one;
}

Json Parameters(const ProvenanceOptions& options, const BuildRequest& request) {
  Json out;
  out["frontend"] = "dockerfile.v0";
  Json args = Json::object();
  if (!request.target.empty()) args["target"] = request.target;
  if (options.max) {
    for (const auto& [name, value] : request.build_args) args[absl::StrCat("build-arg:", name)] = value;
    for (const auto& [name, value] : request.labels) args[absl::StrCat("label:", name)] = value;
  }
  if (!args.empty()) out["args"] = std::move(args);
  if (options.max) {
    for (const auto& [id, source] : request.secrets) out["secrets"].push_back(Named(id));
    for (const auto& [id, socket] : request.ssh) out["ssh"].push_back(Named(id));
  }
  Json locals = Json::array();
  if (!request.context_dir.empty()) locals.push_back(Json{{"name", "context"}});
  locals.push_back(Json{{"name", "dockerfile"}});
  out["locals"] = std::move(locals);
  return out;
}

// The steps of all stages, in the order in which they ended.
Json BuildConfig(const BuildResult& result) {
  Json steps = Json::array();
  for (const KeptStep& step : result.steps) {
    Json one;
    one["id"] = absl::StrCat("step", steps.size());
    one["instruction"] = step.description;
    one["layer"] = absl::StrCat("sha256:", step.step.layer.id);
    steps.push_back(std::move(one));
  }
  Json out;
  out["steps"] = std::move(steps);
  return out;
}

Json SourceOf(const BuildRequest& request) {
  Json info;
  info["filename"] = request.dockerfile_name;
  info["language"] = "Dockerfile";
  info["data"] = absl::Base64Escape(request.dockerfile);
  Json out;
  out["infos"].push_back(std::move(info));
  return out;
}

// One name for all platforms of a build; the same for builds that shall be the same.
std::string Invocation(const BuildRequest& request, const BuildTimes& times) {
  return Sha256Hex(absl::StrCat(request.dockerfile, "\n", absl::ToUnixNanos(times.started))).substr(0, 25);
}

Json Provenance02(const ProvenanceOptions& options, const BuildRequest& request, const BuildResult& result,
                  const BuildTimes& times) {
  Json out;
  out["builder"]["id"] = options.builder_id;
  out["buildType"] = kBuildType02;
  out["materials"] = Materials(result);
  Json& invocation = out["invocation"];
  invocation["configSource"]["entryPoint"] = request.dockerfile_name;
  invocation["parameters"] = Parameters(options, request);
  invocation["environment"]["platform"] = oci::PlatformName(oci::HostPlatform());
  if (options.max) out["buildConfig"] = BuildConfig(result);
  Json& metadata = out["metadata"];
  metadata["buildInvocationID"] = Invocation(request, times);
  metadata["buildStartedOn"] = Time(times.started);
  metadata["buildFinishedOn"] = Time(times.finished);
  metadata["completeness"] = Json{{"parameters", options.max}, {"environment", true}, {"materials", false}};
  metadata["reproducible"] = options.reproducible;
  metadata[kHermetic02] = result.is_hermetic;
  metadata[kMetadata02] = Json::object();
  if (options.max) metadata[kMetadata02]["source"] = SourceOf(request);
  return out;
}

Json Provenance1(const ProvenanceOptions& options, const BuildRequest& request, const BuildResult& result,
                 const BuildTimes& times) {
  Json out;
  Json& definition = out["buildDefinition"];
  definition["buildType"] = kBuildType1;
  definition["externalParameters"]["configSource"]["path"] = request.dockerfile_name;
  definition["externalParameters"]["request"] = Parameters(options, request);
  if (options.max) definition["internalParameters"]["buildConfig"] = BuildConfig(result);
  definition["internalParameters"]["builderPlatform"] = oci::PlatformName(oci::HostPlatform());
  definition["resolvedDependencies"] = Materials(result);
  Json& run = out["runDetails"];
  run["builder"]["id"] = options.builder_id;
  Json& metadata = run["metadata"];
  metadata["invocationID"] = Invocation(request, times);
  metadata["startedOn"] = Time(times.started);
  metadata["finishedOn"] = Time(times.finished);
  metadata["buildkit_hermetic"] = result.is_hermetic;
  metadata["buildkit_completeness"] = Json{{"request", options.max}, {"resolvedDependencies", false}};
  metadata["buildkit_reproducible"] = options.reproducible;
  metadata["buildkit_metadata"] = Json::object();
  if (options.max) metadata["buildkit_metadata"]["source"] = SourceOf(request);
  return out;
}

std::string PackageUrl(const Package& package, const PackageList& list) {
  if (package.kind == Package::Kind::kPython) {
    // PEP 503's normal form.
    std::string name = absl::AsciiStrToLower(package.name);
    for (char& c : name) c = c == '_' || c == '.' ? '-' : c;
    return absl::StrCat("pkg:pypi/", Escape(name), "@", Escape(package.version));
  }
  const bool deb = package.kind == Package::Kind::kDeb;
  const std::string vendor = !list.distribution.empty() ? list.distribution : deb ? "debian" : "alpine";
  std::string url = absl::StrCat("pkg:", deb ? "deb" : "apk", "/", Escape(vendor), "/", Escape(package.name),
                                 "@", Escape(package.version), "?arch=", Escape(package.architecture));
  if (!list.release.empty())
    absl::StrAppend(&url, "&distro=", Escape(absl::StrCat(vendor, "-", list.release)));
  return url;
}

std::string FoundIn(const Package& package) {
  const absl::string_view database = package.kind == Package::Kind::kDeb ? "DPKG DB"
                                     : package.kind == Package::Kind::kApk
                                         ? "APK DB"
                                         : "installed python package manifest file";
  return absl::StrCat("acquired package info from ", database, ": ", package.found_in);
}

Json SpdxPackage(const Package& package, const PackageList& list) {
  const std::string url = PackageUrl(package, list);
  Json out;
  out["name"] = package.name;
  out["SPDXID"] = absl::StrCat("SPDXRef-Package-", Sha256Hex(url).substr(0, 16));
  out["versionInfo"] = package.version;
  // Those of dpkg and apk are people or teams with an address.
  if (!package.maintainer.empty()) out["originator"] = absl::StrCat("Person: ", package.maintainer);
  out["supplier"] = "NOASSERTION";
  out["downloadLocation"] = "NOASSERTION";
  if (!package.homepage.empty()) out["homepage"] = package.homepage;
  out["filesAnalyzed"] = false;
  out["sourceInfo"] = FoundIn(package);
  out["licenseConcluded"] = "NOASSERTION";
  out["licenseDeclared"] = "NOASSERTION";
  // What packages say need be no SPDX expression.
  if (!package.license.empty()) out["licenseComments"] = absl::StrCat("declared as ", package.license);
  out["copyrightText"] = "NOASSERTION";
  Json reference;
  reference["referenceCategory"] = "PACKAGE-MANAGER";
  reference["referenceType"] = "purl";
  reference["referenceLocator"] = url;
  out["externalRefs"].push_back(std::move(reference));
  return out;
}

Json Relationship(absl::string_view from, absl::string_view type, const Json& to) {
  Json out;
  out["spdxElementId"] = std::string(from);
  out["relationshipType"] = std::string(type);
  out["relatedSpdxElement"] = to;
  return out;
}

}  // namespace

std::string ImageUrl(absl::string_view name, const oci::Platform& platform) {
  const size_t colon = name.rfind(':');
  const bool tagged = colon != absl::string_view::npos && name.find('/', colon) == absl::string_view::npos;
  std::string url = absl::StrCat("pkg:docker/", Escape(tagged ? name.substr(0, colon) : name, "/"));
  if (tagged) absl::StrAppend(&url, "@", Escape(name.substr(colon + 1)));
  return absl::StrCat(url, "?platform=", Escape(oci::PlatformName(platform)));
}

Attestation MakeProvenance(const ProvenanceOptions& options, const BuildRequest& request,
                           const BuildResult& result, const BuildTimes& times) {
  if (options.v1) return {"https://slsa.dev/provenance/v1", Provenance1(options, request, result, times)};
  return {"https://slsa.dev/provenance/v0.2", Provenance02(options, request, result, times)};
}

Attestation MakePackageList(const PackageList& list, absl::string_view name, absl::Time created,
                            absl::string_view version) {
  constexpr char kDocument[] = "SPDXRef-DOCUMENT";
  constexpr char kImage[] = "SPDXRef-DocumentRoot-Image";
  Json root;
  root["name"] = std::string(name);
  root["SPDXID"] = kImage;
  root["supplier"] = "NOASSERTION";
  root["downloadLocation"] = "NOASSERTION";
  root["filesAnalyzed"] = false;
  root["licenseConcluded"] = "NOASSERTION";
  root["licenseDeclared"] = "NOASSERTION";
  root["copyrightText"] = "NOASSERTION";
  root["primaryPackagePurpose"] = "CONTAINER";
  Json packages = Json::array(), relationships = Json::array();
  relationships.push_back(Relationship(kDocument, "DESCRIBES", kImage));
  for (const Package& package : list.packages) {
    packages.push_back(SpdxPackage(package, list));
    relationships.push_back(Relationship(kImage, "CONTAINS", packages.back()["SPDXID"]));
  }
  const std::string content = Sha256Hex(DumpJson(packages));
  packages.push_back(std::move(root));
  Json out;
  out["spdxVersion"] = "SPDX-2.3";
  out["dataLicense"] = "CC0-1.0";
  out["SPDXID"] = kDocument;
  out["name"] = std::string(name);
  // A name for the document, no place: SPDX 2.3, 6.5.
  out["documentNamespace"] = absl::StrCat("urn:coracle:spdx:", content);
  out["creationInfo"]["created"] = Seconds(created);
  out["creationInfo"]["creators"].push_back(absl::StrCat("Tool: coracle-", version));
  out["packages"] = std::move(packages);
  out["relationships"] = std::move(relationships);
  return {"https://spdx.dev/Document", std::move(out)};
}

std::string StatementOf(const Attestation& attestation, const std::vector<std::string>& names,
                        absl::string_view manifest_sha256) {
  Json out;
  out["_type"] = "https://in-toto.io/Statement/v0.1";
  out["predicateType"] = attestation.predicate_type;
  out["subject"] = Json::array();
  for (const std::string& name : names.empty() ? std::vector<std::string>{"_"} : names) {
    Json subject;
    subject["name"] = name;
    subject["digest"]["sha256"] = std::string(manifest_sha256);
    out["subject"].push_back(std::move(subject));
  }
  out["predicate"] = attestation.predicate;
  return DumpJson(out);
}

}  // namespace coracle::build
