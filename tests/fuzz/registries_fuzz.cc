// registries.conf, and the names that it rewrites: the input is the file, then a NUL, then a name. A location
// is a name that reads back; the last one is never a mirror's; a file that is refused changes nothing.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "registry/locate.h"
#include "registry/registries_conf.h"

using namespace coracle::registry;  // NOLINT: the subject of this file

namespace {

void CheckLocations(const RegistriesConfig& config, const coracle::oci::ImageReference& name) {
  const auto locations = LocateForPull(config, name);
  if (!locations.ok()) return;
  if (locations->empty() || locations->back().mirror) abort();
  for (const Location& location : *locations) {
    const auto again = coracle::oci::ImageReference::Parse(location.reference.str());
    if (!again.ok() || !(*again == location.reference)) abort();
  }
  (void)LocateForPush(config, name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t nul = input.find('\0');
  const absl::string_view text = input.substr(0, nul);
  const std::string name(nul == absl::string_view::npos ? "quay.io/a/b:1" : input.substr(nul + 1));
  RegistriesConfig config;
  if (!MergeRegistriesConf(text, "fuzz.conf", /*may_be_v1=*/true, config).ok()) {
    if (!config.rules.empty() || !config.aliases.empty() || config.search_registries.has_value()) abort();
    return 0;
  }
  for (const bool interactive : {false, true}) {
    const auto resolved = ResolveName(config, name, interactive);
    if (!resolved.ok()) continue;
    if (resolved->candidates.empty()) abort();
    for (const auto& candidate : resolved->candidates) CheckLocations(config, candidate);
  }
  return 0;
}
