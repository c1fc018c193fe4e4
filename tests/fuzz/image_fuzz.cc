// Documents of images come from strangers: manifests, indexes and configs that we accept are written as text
// that reads back to the same; a reference that we accept reads back from its full and its familiar form.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "oci/change.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "oci/runtime_spec.h"
#include "oci/seccomp_profile.h"
#include "oci/user_lookup.h"

namespace {

using namespace coracle::oci;  // NOLINT: the subject of this file

void CheckManifest(absl::string_view text) {
  const auto document = ParseManifestOrIndex(text);
  if (!document.ok()) return;
  if (const auto* manifest = std::get_if<Manifest>(&*document)) {
    const std::string written = SerializeManifest(*manifest);
    const auto again = ParseManifest(written);
    if (!again.ok() || SerializeManifest(*again) != written) abort();
  } else {
    const std::string written = SerializeIndex(std::get<Index>(*document));
    const auto again = ParseIndex(written);
    if (!again.ok() || SerializeIndex(*again) != written) abort();
    (void)SelectPlatform(*again, HostPlatform());
  }
}

void CheckConfig(absl::string_view text) {
  const auto config = ParseImageConfig(text);
  if (!config.ok()) return;
  const std::string written = SerializeImageConfig(*config);
  const auto again = ParseImageConfig(written);
  if (!again.ok() || SerializeImageConfig(*again) != written) abort();
}

void CheckReference(absl::string_view text) {
  const auto reference = ImageReference::Parse(text);
  if (!reference.ok()) return;
  for (const std::string& form : {reference->str(), reference->familiar()}) {
    const auto again = ImageReference::Parse(form);
    if (!again.ok() || !(*again == *reference)) abort();
  }
}

void CheckChange(absl::string_view text) {
  ContainerDefaults defaults;
  if (!ApplyChanges({std::string(text)}, &defaults).ok()) return;
  for (const std::string& entry : defaults.env) {
    if (entry.find('=') == std::string::npos) abort();
  }
}

void CheckProfile(absl::string_view text) {
  const auto profile = ParseSeccompProfile(text, {"CAP_KILL"}, "amd64", {6, 1});
  if (!profile.ok()) return;
  Spec spec;
  spec.linux_config.seccomp = *profile;
  if (!ParseSpec(SerializeSpec(spec)).ok()) abort();  // what we resolved is a valid linux.seccomp
}

void CheckPlatform(absl::string_view text) {
  const auto platform = ParsePlatform(text);
  if (!platform.ok()) return;
  const auto again = ParsePlatform(PlatformName(*platform));
  if (!again.ok() || PlatformName(*again) != PlatformName(*platform)) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  CheckManifest(text);
  CheckConfig(text);
  CheckReference(text);
  CheckChange(text);
  CheckProfile(text);
  CheckPlatform(text);
  const auto user = ResolveUser(text.substr(0, text.find('\n')), text, text);
  if (user.ok() && (user->uid > kMaxUserId || user->gid > kMaxUserId)) abort();
  return 0;
}
