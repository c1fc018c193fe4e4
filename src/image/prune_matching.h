// Pruning images that a filter chooses.
#ifndef CORACLE_IMAGE_PRUNE_MATCHING_H_
#define CORACLE_IMAGE_PRUNE_MATCHING_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "image/image_store.h"

namespace coracle::image {

// As Prune, but only images for which `wanted` (null: every one) holds.
absl::StatusOr<Removal> PruneMatching(const store::Store& store, bool all,
                                      const std::vector<std::pair<std::string, std::string>>& used_by,
                                      const std::function<bool(const ImageInfo&)>& wanted);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_PRUNE_MATCHING_H_
