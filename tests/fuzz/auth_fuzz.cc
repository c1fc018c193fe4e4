// Credential files come from other programs: what is read is found again after writing, other entries stay,
// and what is removed is gone.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "registry/auth_file.h"

using coracle::registry::AuthFile;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool legacy : {false, true}) {
    auto file = AuthFile::Parse(text, legacy);
    if (!file.ok()) continue;
    for (const std::string& key : file->Keys()) {
      (void)file->Get(key);
      (void)file->HelperFor(key);
    }
    const size_t before = file->Keys().size();
    const bool had = file->Remove("fuzz.example/x");
    if (!file->Set("fuzz.example/x", {"user", "pass:word", "token"}).ok()) abort();
    const auto again = AuthFile::Parse(file->Dump());
    if (!again.ok() || again->Keys().size() != before + (had ? 0 : 1)) abort();
    const auto found = again->Get("fuzz.example/x");
    if (!found.ok() || !found->has_value() || (*found)->password != "pass:word") abort();
    if (!file->Remove("fuzz.example/x") || file->Remove("fuzz.example/x")) abort();
    file->RemoveAll();
    if (!file->Keys().empty()) abort();
  }
  return 0;
}
