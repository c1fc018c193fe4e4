#include "image/short_names.h"

#include "base/status.h"

namespace coracle::image {
namespace {

ShortNameResolver short_name_resolver = nullptr;

}  // namespace

void SetShortNameResolver(ShortNameResolver resolver) { short_name_resolver = resolver; }

absl::StatusOr<std::vector<oci::ImageReference>> NameCandidates(absl::string_view text) {
  ASSIGN_OR_RETURN(std::vector<oci::ImageReference> candidates, oci::LocalCandidates(text));
  if (short_name_resolver == nullptr || !oci::IsShortName(text)) return candidates;
  const std::vector<oci::ImageReference> configured = short_name_resolver(text);
  // localhost/ stays the first.
  candidates.insert(candidates.begin() + 1, configured.begin(), configured.end());
  return candidates;
}

}  // namespace coracle::image
