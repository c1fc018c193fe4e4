// Whatever config.json we accept is written as text that reads back to the same: a monitor or hook that gets
// our copy sees what was checked.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "oci/runtime_spec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto spec = coracle::oci::ParseSpec(text);
  if (spec.ok()) {
    const std::string written = coracle::oci::SerializeSpec(*spec);
    const auto again = coracle::oci::ParseSpec(written);
    if (!again.ok() || coracle::oci::SerializeSpec(*again) != written) abort();
  } else if (spec.status().message().empty()) {
    abort();
  }
  const auto process = coracle::oci::ParseProcess(text);
  if (process.ok()) {
    const std::string written = coracle::oci::SerializeProcess(*process);
    const auto again = coracle::oci::ParseProcess(written);
    if (!again.ok() || coracle::oci::SerializeProcess(*again) != written) abort();
  }
  const auto resources = coracle::oci::ParseResources(text);
  if (resources.ok()) {
    const std::string written = coracle::oci::SerializeResources(*resources);
    const auto again = coracle::oci::ParseResources(written);
    if (!again.ok() || coracle::oci::SerializeResources(*again) != written) abort();
  }
  return 0;
}
