#include "build/layer_ref.h"

#include "absl/strings/str_cat.h"
#include "base/sha256.h"

namespace coracle::build {

// Source: image-spec config.md, "Layer ChainID".
std::string ChainId(const std::vector<LayerRef>& layers) {
  std::string chain;
  for (const LayerRef& layer : layers) {
    const std::string diff_id = absl::StrCat("sha256:", layer.id);
    chain = chain.empty() ? diff_id : absl::StrCat("sha256:", Sha256Hex(absl::StrCat(chain, " ", diff_id)));
  }
  return chain;
}

}  // namespace coracle::build
