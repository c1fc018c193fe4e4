// What a container's root has from us, and is no change of the container's own, nor of an image committed
// from it.
#ifndef CORACLE_ENGINE_CHANGE_FILTER_H_
#define CORACLE_ENGINE_CHANGE_FILTER_H_

#include <algorithm>
#include <string>

#include "absl/strings/string_view.h"

namespace coracle::engine {

// Mount points that every container gets; those that podman leaves out of a diff.
inline bool IsMadeByUs(absl::string_view path) {
  constexpr absl::string_view kMade[] = {
      "dev", "etc/hostname",      "etc/hosts",  "etc/mtab",    "etc/resolv.conf", "proc",
      "run", "run/.containerenv", "run/notify", "run/secrets", "run/podman-init", "sys",
  };
  return std::find(std::begin(kMade), std::end(kMade), path) != std::end(kMade);
}

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_CHANGE_FILTER_H_
