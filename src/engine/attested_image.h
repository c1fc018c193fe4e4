// Images that leave the store with what their build says about them: an index of image and attestation
// manifests, as BuildKit attaches them (docs/attestations/attestation-storage.md).
#ifndef CORACLE_ENGINE_ATTESTED_IMAGE_H_
#define CORACLE_ENGINE_ATTESTED_IMAGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "build/attestation.h"
#include "engine/engine.h"
#include "engine/transfer.h"
#include "oci/manifest.h"

namespace coracle::engine {

struct AttestedImage {
  std::string id;            // in the store
  oci::Descriptor manifest;  // in the store, with its platform
  std::vector<build::Attestation> attestations;
};

// To the registry, under the full name `name`. Compressed layers change an image's digest, so the images go
// first, and the statements are made for what the registry has. Errors: as CopyImage.
absl::Status PushAttested(Engine& engine, TransferContext& context, const std::vector<AttestedImage>& images,
                          const std::string& name);

// To the OCI archive `path` ("-" is no file here), as `names`, full ones, perhaps none. Errors: as CopyImage.
absl::Status SaveAttested(Engine& engine, TransferContext& context, const std::vector<AttestedImage>& images,
                          const std::string& path, const std::vector<std::string>& names);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_ATTESTED_IMAGE_H_
