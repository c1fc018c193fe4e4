// What ParseJson accepts, DumpJson writes so that it is read back equal.
#include <cstdint>
#include <cstdlib>

#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto value = coracle::ParseJson(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!value.ok()) return 0;
  const auto again = coracle::ParseJson(coracle::DumpJson(*value));
  if (!again.ok() || *again != *value) abort();
  return 0;
}
