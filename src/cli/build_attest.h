// What `build --sbom`, `--provenance` and `--attest` ask for, and its delivery.
#ifndef CORACLE_CLI_BUILD_ATTEST_H_
#define CORACLE_CLI_BUILD_ATTEST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/json.h"
#include "build/attestation.h"
#include "build/builder.h"
#include "cli/parse.h"
#include "engine/attested_image.h"
#include "engine/engine.h"

namespace coracle::cli {

struct AttestOptions {
  bool packages = false;
  std::optional<build::ProvenanceOptions> provenance;
  bool any() const { return packages || provenance.has_value(); }
};

// "true", "false", "mode=max,version=v1,builder-id=URL,reproducible=true", "type=sbom". What is said later
// counts. None by default, as with podman. Errors: InvalidArgument or Unimplemented, exit code 125.
absl::StatusOr<AttestOptions> ReadAttestOptions(const ParsedCommand& parsed);

// What is to be said about one result. With an epoch all times are that. Errors: of reading its root.
absl::StatusOr<engine::AttestedImage> AttestResult(const engine::Engine& engine, const AttestOptions& options,
                                                   const build::BuildRequest& request,
                                                   const build::BuildResult& result, build::BuildTimes times);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_BUILD_ATTEST_H_
