#include "image/tag_list.h"

#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::image {
namespace {

// Fewer are read about as quickly.
constexpr int kWorthACopy = 32;
// After a change, until its time can't be that of another change, too. Generous: coarse clocks tick every 10
// ms.
constexpr int64_t kSettledNanos = 1'000'000'000;

int64_t Nanos(const struct timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

bool SameState(const store::TagList& list, const struct stat& info) {
  return list.device() == info.st_dev && list.inode() == info.st_ino &&
         list.modified_unix_nanos() == Nanos(info.st_mtim) &&
         list.changed_unix_nanos() == Nanos(info.st_ctim);
}

absl::StatusOr<store::TagList> ReadTags(const std::string& dir) {
  store::TagList list;
  auto files = os::ListDirectoryAt(AT_FDCWD, dir);
  if (!files.ok()) {
    if (ErrnoOf(files.status()) == ENOENT) return list;
    return files.status();
  }
  for (const std::string& file : *files) {
    if (file[0] == '.') continue;  // a tag that is being written
    auto tag = store::ReadRecord<store::TagRecord>(absl::StrCat(dir, "/", file));
    if (tag.ok()) {
      *list.add_tags() = *std::move(tag);
    } else if (!absl::IsNotFound(tag.status()) && !absl::IsDataLoss(tag.status())) {
      return tag.status();
    }
  }
  std::sort(list.mutable_tags()->begin(), list.mutable_tags()->end(),
            [](const auto& a, const auto& b) { return a.name() < b.name(); });
  return list;
}

void Keep(const std::string& dir, const std::string& copy, const struct stat& before, store::TagList& list) {
  struct stat after;
  struct timespec now;
  if (list.tags_size() < kWorthACopy || stat(dir.c_str(), &after) != 0 ||
      clock_gettime(CLOCK_REALTIME, &now) != 0) {
    return;
  }
  list.set_device(before.st_dev);
  list.set_inode(before.st_ino);
  list.set_modified_unix_nanos(Nanos(before.st_mtim));
  list.set_changed_unix_nanos(Nanos(before.st_ctim));
  const int64_t last = std::max(list.modified_unix_nanos(), list.changed_unix_nanos());
  if (!SameState(list, after) || Nanos(now) - last < kSettledNanos) return;
  (void)store::WriteRecord(copy, list, os::Durability::kVolatile);  // best effort: it only saves time
}

}  // namespace

absl::StatusOr<std::vector<store::TagRecord>> ListTags(const store::Store& store) {
  const std::string dir = absl::StrCat(store.root(), "/names/images");
  const std::string copy = absl::StrCat(store.runroot(), "/image-names");
  struct stat before;
  if (stat(dir.c_str(), &before) != 0) {
    if (errno == ENOENT) return std::vector<store::TagRecord>();
    return ErrnoStatus(errno, absl::StrCat("stat ", dir));
  }
  auto kept = store::ReadRecord<store::TagList>(copy);
  if (!kept.ok() || !SameState(*kept, before)) {
    ASSIGN_OR_RETURN(kept, ReadTags(dir));
    Keep(dir, copy, before, *kept);
  }
  std::vector<store::TagRecord> tags;
  tags.reserve(static_cast<size_t>(kept->tags_size()));
  for (store::TagRecord& tag : *kept->mutable_tags()) tags.push_back(std::move(tag));
  return tags;
}

}  // namespace coracle::image
