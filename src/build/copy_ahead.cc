#include "build/copy_ahead.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "build/same_file.h"
#include "os/file.h"

namespace coracle::build {
namespace {

// What the disk gets at a time.
constexpr int64_t kFlushBytes = 16 << 20;

}  // namespace

CopyAhead::~CopyAhead() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    ranges_.clear();
  }
  more_.notify_all();
  flusher_.reset();
  if (root_.valid()) (void)os::RemoveTreeAt(AT_FDCWD, directory_);  // the sweep finds it
}

bool CopyAhead::Begin(int64_t bytes) {
  if (wanted_.has_value()) return *wanted_;
  if (bytes < kMinTotalBytes) return false;
  wanted_ = false;
  if (!is_likely_() || !os::MakeDirectoryAt(AT_FDCWD, directory_, 0700).ok()) return false;
  absl::StatusOr<os::UniqueFd> root = os::OpenAt(AT_FDCWD, directory_, O_RDONLY | O_DIRECTORY);
  if (!root.ok()) return false;
  root_ = *std::move(root);
  absl::StatusOr<os::Thread> thread = os::Thread::Start([this] { FlushRanges(); });
  if (thread.ok()) flusher_.emplace(*std::move(thread));
  wanted_ = true;
  return true;
}

std::optional<CopyAhead::File> CopyAhead::Start(int source, const struct stat& info) {
  if (!wanted_.value_or(false) || info.st_size < kMinFileBytes) return std::nullopt;
  File file;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    file.name_ = absl::StrCat(++last_name_);
  }
  absl::StatusOr<os::UniqueFd> fd = os::OpenAt(root_.get(), file.name_, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!fd.ok()) return std::nullopt;
  file.fd_ = *std::move(fd);
  file.is_clone_ = ioctl(file.fd_.get(), FICLONE, source) == 0;
  file.owner_ = this;
  return file;
}

void CopyAhead::File::Write(absl::string_view data) {
  if (is_clone_ || failed_) return;
  failed_ = !os::WriteAll(fd_.get(), data).ok();
  written_ += static_cast<int64_t>(data.size());
  if (failed_ || written_ - flushed_ < kFlushBytes) return;
  owner_->Flush(fd_.get(), flushed_, written_ - flushed_);
  flushed_ = written_;
}

void CopyAhead::Keep(File file, const struct stat& info) {
  if (file.failed_ || (!file.is_clone_ && file.written_ != info.st_size)) {
    (void)unlinkat(root_.get(), file.name_.c_str(), 0);
    return;
  }
  if (!file.is_clone_) Flush(file.fd_.get(), file.flushed_, file.written_ - file.flushed_);
  const std::lock_guard<std::mutex> lock(mutex_);
  kept_[{info.st_dev, info.st_ino}] = {file.name_, info};
}

bool CopyAhead::Take(const struct stat& info, int to, const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = kept_.find({info.st_dev, info.st_ino});
  if (found == kept_.end()) return false;
  const Kept kept = std::move(found->second);
  kept_.erase(found);
  return SameFile(kept.info, info) && renameat(root_.get(), kept.name.c_str(), to, name.c_str()) == 0;
}

void CopyAhead::Flush(int fd, int64_t offset, int64_t length) {
  if (!flusher_.has_value() || length == 0) return;
  os::UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) return;  // the sync at the end writes it
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ranges_.push_back({std::move(copy), offset, length});
  }
  more_.notify_one();
}

void CopyAhead::FlushRanges() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    more_.wait(lock, [this] { return ended_ || !ranges_.empty(); });
    if (ended_) return;
    const Range range = std::move(ranges_.front());
    ranges_.pop_front();
    lock.unlock();
    // Waits only while the disk's queue is full; what fails here fails again in the sync that counts.
    (void)sync_file_range(range.fd.get(), range.offset, range.length, SYNC_FILE_RANGE_WRITE);
    lock.lock();
  }
}

}  // namespace coracle::build
