#include "build/digest_cache.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "build/file_xattrs.h"
#include "build/same_file.h"
#include "os/file.h"
#include "os/thread.h"
#include "store/crc32c.h"

namespace coracle::build {
namespace {

constexpr absl::string_view kMagic = "coracle digests 2\n";
constexpr size_t kRecordBytes = 5 * 8 + 32 + 4;
constexpr size_t kReadBytes = 256 << 10;
// Longer than a tick of any kernel's coarse clock.
constexpr int64_t kSettleNanos = 100'000'000;
// A record that so many saves passed by is dropped.
constexpr uint32_t kMaxUnused = 50;
// Below this, starting threads costs more than it gains.
constexpr size_t kFilesForThreads = 16;

int64_t Nanos(const timespec& time) { return time.tv_sec * int64_t{1'000'000'000} + time.tv_nsec; }

int64_t Now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return Nanos(now);
}

void PutNumber(uint64_t value, std::string* out) {
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  out->append(bytes, 8);
}

uint64_t TakeNumber(absl::string_view* text) {
  uint64_t value = 0;
  std::memcpy(&value, text->data(), 8);
  text->remove_prefix(8);
  return value;
}

// The digest of what is read now; `info` becomes what fstat(2) said before and after.
absl::StatusOr<std::string> ReadDigest(int root, const SourceItem& item, CopyAhead* ahead,
                                       struct stat* info) {
  ASSIGN_OR_RETURN(const os::UniqueFd file, os::OpenBeneath(root, item.from, O_RDONLY | O_NONBLOCK,
                                                            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
  const auto stat_now = [&](struct stat* out) -> absl::Status {
    if (fstat(file.get(), out) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", Printable(item.from)));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(stat_now(info));
  std::optional<CopyAhead::File> copy;
  if (ahead != nullptr) copy = ahead->Start(file.get(), *info);
  Sha256 sha;
  std::string buffer(static_cast<size_t>(std::clamp<off_t>(info->st_size + 1, 512, kReadBytes)), '\0');
  while (true) {
    const ssize_t count = read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, absl::StrCat("read ", Printable(item.from)));
    if (count == 0) break;
    const absl::string_view data(buffer.data(), static_cast<size_t>(count));
    sha.Update(data);
    if (copy.has_value()) copy->Write(data);
  }
  struct stat after {};
  RETURN_IF_ERROR(stat_now(&after));
  if (!SameFile(*info, after))
    return absl::AbortedError(absl::StrCat(Printable(item.from), " changes while it is read"));
  if (copy.has_value()) ahead->Keep(*std::move(copy), *info);
  // Extended attributes are copied too. Who changes one changes the file's ctime.
  const std::map<std::string, std::string> attributes = ReadXattrs(file.get());
  if (attributes.empty()) return sha.HexDigest();
  Sha256 both;
  both.Update(sha.HexDigest());
  for (const auto& [name, value] : attributes)
    both.Update(absl::StrCat(name.size(), ":", name, value.size(), ":", value));
  return both.HexDigest();
}

}  // namespace

void DigestCache::Load(absl::string_view text) {
  if (text.size() < kMagic.size() + 4 || text.substr(0, kMagic.size()) != kMagic) return;
  uint32_t checksum = 0;
  std::memcpy(&checksum, text.data() + text.size() - 4, 4);
  text.remove_suffix(4);
  if (store::Crc32c(text) != checksum) return;
  text.remove_prefix(kMagic.size());
  if (text.size() % kRecordBytes != 0 || text.size() / kRecordBytes > kMaxRecords) return;
  records_.reserve(text.size() / kRecordBytes);
  while (!text.empty()) {
    const uint64_t device = TakeNumber(&text);
    const uint64_t inode = TakeNumber(&text);
    Record record;
    record.size = static_cast<int64_t>(TakeNumber(&text));
    record.changed = static_cast<int64_t>(TakeNumber(&text));
    record.modified = static_cast<int64_t>(TakeNumber(&text));
    std::memcpy(record.sha.data(), text.data(), record.sha.size());
    std::memcpy(&record.unused, text.data() + record.sha.size(), 4);
    text.remove_prefix(record.sha.size() + 4);
    records_[{device, inode}] = record;
  }
}

DigestCache DigestCache::Open(std::string path) {
  DigestCache cache;
  cache.path_ = std::move(path);
  const absl::StatusOr<std::string> text =
      os::ReadFileAt(AT_FDCWD, cache.path_, kMagic.size() + kMaxRecords * kRecordBytes + 4);
  if (text.ok()) cache.Load(*text);
  return cache;
}

const DigestCache::Record* DigestCache::Find(const struct stat& info) {
  const auto found = records_.find({info.st_dev, info.st_ino});
  if (found == records_.end()) return nullptr;
  Record& record = found->second;
  if (record.size != info.st_size || record.changed != Nanos(info.st_ctim) ||
      record.modified != Nanos(info.st_mtim))
    return nullptr;
  record.asked = true;
  return &record;
}

absl::StatusOr<std::vector<std::string>> DigestCache::Digests(int root, absl::Span<const SourceItem> items,
                                                              CopyAhead* ahead) {
  std::vector<std::string> out(items.size());
  std::vector<size_t> unknown;
  for (size_t i = 0; i < items.size(); ++i) {
    if (S_ISLNK(items[i].info.st_mode)) {
      ASSIGN_OR_RETURN(out[i], os::ReadLinkAt(root, items[i].from));
    } else if (S_ISREG(items[i].info.st_mode)) {
      const Record* record = Find(items[i].info);
      if (record == nullptr) {
        unknown.push_back(i);
      } else {
        out[i] = absl::BytesToHexString(
            absl::string_view(reinterpret_cast<const char*>(record->sha.data()), record->sha.size()));
      }
    }
  }
  if (unknown.empty()) return out;
  files_read_ += unknown.size();
  int64_t unread = 0;
  for (const size_t i : unknown) unread += items[i].info.st_size;
  if (ahead != nullptr && !ahead->Begin(unread)) ahead = nullptr;
  const int64_t now = Now();
  std::vector<struct stat> infos(unknown.size());
  const size_t threads =
      unknown.size() < kFilesForThreads ? 1 : std::max(1U, std::thread::hardware_concurrency());
  const auto read_one = [&](size_t n) -> absl::Status {
    ASSIGN_OR_RETURN(out[unknown[n]], ReadDigest(root, items[unknown[n]], ahead, &infos[n]));
    return absl::OkStatus();
  };
  if (threads == 1) {
    for (size_t n = 0; n < unknown.size(); ++n) RETURN_IF_ERROR(read_one(n));
  } else {
    RETURN_IF_ERROR(os::RunParallel(unknown.size(), threads, read_one));
  }
  for (size_t n = 0; n < unknown.size() && records_.size() < kMaxRecords; ++n) {
    const struct stat& info = infos[n];
    if (std::max(Nanos(info.st_ctim), Nanos(info.st_mtim)) > now - kSettleNanos) continue;
    Record record;
    record.size = info.st_size;
    record.changed = Nanos(info.st_ctim);
    record.modified = Nanos(info.st_mtim);
    const std::string bytes = absl::HexStringToBytes(out[unknown[n]]);
    std::memcpy(record.sha.data(), bytes.data(), record.sha.size());
    record.asked = true;
    records_[{info.st_dev, info.st_ino}] = record;
    changed_ = true;
  }
  return out;
}

absl::Status DigestCache::Save() {
  if (!changed_) return absl::OkStatus();
  std::string text(kMagic);
  text.reserve(kMagic.size() + records_.size() * kRecordBytes + 4);
  for (const auto& [inode, record] : records_) {
    const uint32_t unused = record.asked ? 0 : record.unused + 1;
    if (unused > kMaxUnused) continue;
    PutNumber(inode.first, &text);
    PutNumber(inode.second, &text);
    PutNumber(static_cast<uint64_t>(record.size), &text);
    PutNumber(static_cast<uint64_t>(record.changed), &text);
    PutNumber(static_cast<uint64_t>(record.modified), &text);
    text.append(reinterpret_cast<const char*>(record.sha.data()), record.sha.size());
    text.append(reinterpret_cast<const char*>(&unused), 4);
  }
  const uint32_t checksum = store::Crc32c(text);
  text.append(reinterpret_cast<const char*>(&checksum), 4);
  changed_ = false;
  return os::ReplaceFileAt(AT_FDCWD, path_, text, os::Durability::kVolatile);
}

}  // namespace coracle::build
