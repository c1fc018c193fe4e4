// A template from a user ends with text or an error. The same template gives the same text twice, and text
// without actions is its own output.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "base/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const coracle::Json* const kRow = new coracle::Json(*coracle::ParseJson(
      R"({"ID":"0123456789abcdef","Names":["a","b"],"Labels":{"k":"v"},"Size":1.5,"Null":null,"State":{"Pid":7}})"));
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<coracle::Template> parsed = coracle::Template::Parse(text);
  if (!parsed.ok()) return 0;
  static constexpr absl::string_view kMaps[] = {"Labels"};
  coracle::ExecuteOptions options;
  options.map_fields = kMaps;
  for (const bool strict : {false, true}) {
    options.strict = strict;
    const absl::StatusOr<std::string> first = parsed->Execute(*kRow, options);
    const absl::StatusOr<std::string> second = parsed->Execute(*kRow, options);
    if (first.status() != second.status() || (first.ok() && *first != *second)) abort();
    if (!absl::StrContains(text, "{{") && (!first.ok() || *first != text)) abort();
  }
  options.heading = true;
  (void)parsed->Execute(*kRow, options).ok();
  return 0;
}
