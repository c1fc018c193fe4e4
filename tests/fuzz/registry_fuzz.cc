// What a registry's headers and error bodies are read by: challenges keep their bounds, errors are one
// printable line.
#include <cstdint>
#include <cstdlib>

#include "absl/time/time.h"
#include "registry/blob_reader.h"
#include "registry/challenge.h"
#include "registry/error_body.h"
#include "registry/link_header.h"
#include "registry/search.h"
#include "registry/transient.h"
#include "registry/url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coracle::registry;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  size_t bytes = 0;
  for (const Challenge& challenge : ParseChallenges(text)) {
    if (challenge.scheme.empty()) abort();
    bytes += challenge.scheme.size();
    for (const auto& [name, value] : challenge.parameters) {
      if (name.empty()) abort();
      bytes += name.size() + value.size();
    }
  }
  if (bytes > size) abort();
  if (NextLink(text).size() > size) abort();
  const absl::Status error = ErrorFromResponse("x", 404, text);
  if (error.ok() || error.message().size() > 2000) abort();
  for (const char c : error.message()) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) abort();
  }
  const auto delay = ParseRetryAfter(text, absl::UnixEpoch());
  if (delay && *delay < absl::ZeroDuration()) abort();
  const auto range = ParseContentRange(text);
  if (range.ok() && (range->first < 0 || range->last < range->first)) abort();
  (void)ParseSearchAnswer(text).status();
  // Whatever a URL resolves to is http or https, and has a host to compare.
  const auto url = ResolveUrl("https://registry.example/v2/a", std::string(text));
  if (url.ok() && OriginOf(*url).empty()) abort();
  return 0;
}
