#include "store/build_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::store {
namespace {

std::string Directory(const Store& store) { return absl::StrCat(store.root(), "/build-cache"); }

// A key is what names the file; anything else in the directory is not ours or a temporary file.
bool IsKey(absl::string_view name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

}  // namespace

std::string BuildCachePath(const Store& store, absl::string_view key) {
  return absl::StrCat(Directory(store), "/", key);
}

absl::StatusOr<std::optional<BuildCacheRecord>> ReadBuildCache(const Store& store, absl::string_view key) {
  auto record = ReadRecord<BuildCacheRecord>(BuildCachePath(store, key));
  if (absl::IsNotFound(record.status()) || absl::IsDataLoss(record.status())) {
    return std::optional<BuildCacheRecord>();
  }
  RETURN_IF_ERROR(record.status());
  if (record->key() != key) return std::optional<BuildCacheRecord>();
  return std::optional<BuildCacheRecord>(*std::move(record));
}

absl::StatusOr<std::vector<BuildCacheEntry>> ListBuildCache(const Store& store) {
  std::vector<BuildCacheEntry> entries;
  const auto names = os::ListDirectoryAt(AT_FDCWD, Directory(store));
  if (absl::IsNotFound(names.status())) return entries;
  RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    if (!IsKey(name)) continue;
    struct stat info;
    if (stat(BuildCachePath(store, name).c_str(), &info) != 0) continue;  // removed just now
    ASSIGN_OR_RETURN(auto record, ReadBuildCache(store, name));
    if (!record.has_value()) continue;
    entries.push_back({*std::move(record), info.st_mtim.tv_sec * int64_t{1000000000} + info.st_mtim.tv_nsec});
  }
  return entries;
}

absl::Status WriteBuildCache(const Store& store, const BuildCacheRecord& record) {
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, Directory(store), 0700));
  // Losing it to a power cut costs one step's time; half of it counts as none.
  return WriteRecord(BuildCachePath(store, record.key()), record, os::Durability::kVolatile);
}

void TouchBuildCache(const Store& store, absl::string_view key) {
  (void)utimensat(AT_FDCWD, BuildCachePath(store, key).c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

absl::Status RemoveBuildCache(const Store& store, absl::string_view key) {
  const std::string path = BuildCachePath(store, key);
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("remove ", path));
}

}  // namespace coracle::store
