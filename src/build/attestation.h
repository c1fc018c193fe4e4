// What a build says about its image: in-toto statements, with the predicates that BuildKit makes.
//
// Provenance is SLSA's, 0.2 or 1, with the members that BuildKit documents for Dockerfiles; `buildConfig` (of
// mode=max) has our steps in place of LLB. The list of packages is an SPDX document. Both are pure: values
// in, JSON out, the same values the same bytes. Source: BuildKit's docs/attestations (attestation-storage.md,
// slsa-definitions.md); slsa.dev/spec/v0.2 and v1; SPDX 2.3, JSON; purl-spec; in-toto Statement v0.1.
#ifndef CORACLE_BUILD_ATTESTATION_H_
#define CORACLE_BUILD_ATTESTATION_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/json.h"
#include "build/build_options.h"
#include "build/builder.h"
#include "build/package_scan.h"

namespace coracle::build {

struct ProvenanceOptions {
  bool max = false;  // with arguments, secrets' names, the Dockerfile and the steps
  bool v1 = false;
  bool reproducible = false;  // as the user claims
  std::string builder_id;
};

struct BuildTimes {
  absl::Time started, finished;
};

struct Attestation {
  std::string predicate_type;
  Json predicate;
};

Attestation MakeProvenance(const ProvenanceOptions& options, const BuildRequest& request,
                           const BuildResult& result, const BuildTimes& times);

// `name`: of the document. `version`: of this program.
Attestation MakePackageList(const PackageList& list, absl::string_view name, absl::Time created,
                            absl::string_view version);

// "pkg:docker/docker.io/library/debian@12?platform=linux%2Famd64" of a full name with a tag.
std::string ImageUrl(absl::string_view name, const oci::Platform& platform);

// The statement that `attestation` holds for the manifest of that digest (64 hex digits), under each of
// `names`; none: under "_".
std::string StatementOf(const Attestation& attestation, const std::vector<std::string>& names,
                        absl::string_view manifest_sha256);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_ATTESTATION_H_
