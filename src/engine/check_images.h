// image check: the store held against itself, and repaired with what registries have.
#ifndef CORACLE_ENGINE_CHECK_IMAGES_H_
#define CORACLE_ENGINE_CHECK_IMAGES_H_

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "image/check_store.h"
#include "registry/access.h"

namespace coracle::engine {

struct CheckRequest {
  bool repair = false;
  bool single_id = false;
  registry::Access* access = nullptr;  // to fetch blobs again; null: nothing is fetched
  const os::CancelFlag* cancel = nullptr;
};
// As image::CheckStore. Layers below containers that run are left alone.
absl::StatusOr<image::CheckReport> CheckImages(Engine& engine, const CheckRequest& request);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_CHECK_IMAGES_H_
