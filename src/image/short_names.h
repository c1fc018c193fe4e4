// Under which full names an image may be in the store.
#ifndef CORACLE_IMAGE_SHORT_NAMES_H_
#define CORACLE_IMAGE_SHORT_NAMES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/reference.h"

namespace coracle::image {

// What the user's configuration makes of a short name; empty: nothing special.
using ShortNameResolver = std::vector<oci::ImageReference> (*)(absl::string_view text);

// For this process, before its first lookup and its first thread. Whose configuration counts only the way in
// knows; without one, short names are looked for in localhost/ and docker.io/ alone.
void SetShortNameResolver(ShortNameResolver resolver);

// Best first, each with a tag or digest: `text` itself if it has a domain; else in localhost/, where the
// configuration says, in docker.io/. So what a pull of a short name stored is found by it again. Errors: as
// oci::ImageReference::Parse.
absl::StatusOr<std::vector<oci::ImageReference>> NameCandidates(absl::string_view text);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_SHORT_NAMES_H_
