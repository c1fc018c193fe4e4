#include "build/source_key.h"

#include <sys/stat.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "build/digest_cache.h"
#include "os/file.h"

namespace coracle::build {

absl::Status AddSourcesToKey(const StageInputs& in, const SourceRoot& root,
                             const std::vector<FoundSource>& found, KeyMaker& key, CopyAhead* ahead) {
  // What stat(2) says of files in an image's view names nothing beyond this build.
  DigestCache digests;
  if (root.is_context) {
    const std::string directory = absl::StrCat(in.store->root(), "/build-digests");
    RETURN_IF_ERROR(os::MakeDirectories(directory, 0700));
    digests = DigestCache::Open(absl::StrCat(directory, "/", Sha256Hex(root.directory)));
  }
  for (const FoundSource& source : found) {
    ASSIGN_OR_RETURN(const std::vector<std::string> content,
                     digests.Digests(root.fd(), source.items, root.is_context ? ahead : nullptr));
    key.Add(source.is_directory ? "directory" : "file").Add(absl::StrCat(source.items.size()));
    for (size_t i = 0; i < source.items.size(); ++i) {
      const SourceItem& item = source.items[i];
      const struct stat& info = item.info;
      key.Add(item.to).Add(absl::StrCat(info.st_mode)).Add(content[i]);
      if (!root.is_context) key.Add(absl::StrCat(info.st_uid, ":", info.st_gid));
      if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) key.Add(absl::StrCat(info.st_rdev));
    }
  }
  if (root.is_context) (void)digests.Save();  // losing it costs time only
  return absl::OkStatus();
}

}  // namespace coracle::build
