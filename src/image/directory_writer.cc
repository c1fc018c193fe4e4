#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "archive/read_ahead.h"
#include "archive/stream.h"
#include "base/status.h"
#include "image/member_writer.h"
#include "os/file.h"

namespace coracle::image {
namespace {

class Writer : public DirectoryWriter {
 public:
  Writer(std::string dir, os::UniqueFd fd, bool made)
      : dir_(std::move(dir)), fd_(std::move(fd)), made_(made) {}
  ~Writer() override;

  int fd() const override { return fd_.get(); }
  int max_parallel_blobs() const override { return 64; }
  bool HasBlob(const BlobName& name, const oci::Digest& digest, int64_t size) const override;
  absl::StatusOr<WrittenBlob> PutBlob(archive::ByteSource& source, const oci::Digest& digest, int64_t size,
                                      const BlobName& name) override;
  absl::Status PutFile(const std::string& name, absl::string_view bytes) override;
  absl::Status Finish() override;

 private:
  absl::Status MakeParents(absl::string_view name);

  const std::string dir_;
  const os::UniqueFd fd_;
  const bool made_;
  std::atomic<int> next_{0};
  bool finished_ = false;
  std::mutex mutex_;
  std::vector<std::string> put_;  // blobs that were not there before
};

Writer::~Writer() {
  if (finished_) return;
  // Best effort: what stays are blobs with right content.
  for (const std::string& name : put_) (void)unlinkat(fd_.get(), name.c_str(), 0);
  if (made_) (void)os::RemoveTreeAt(AT_FDCWD, dir_);
}

bool Writer::HasBlob(const BlobName& name, const oci::Digest& digest, int64_t size) const {
  struct stat info;
  return fstatat(fd_.get(), name.For(digest.hex()).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(info.st_mode) && info.st_size == size;
}

absl::Status Writer::MakeParents(absl::string_view name) {
  for (size_t slash = name.find('/'); slash != absl::string_view::npos; slash = name.find('/', slash + 1)) {
    RETURN_IF_ERROR(os::MakeDirectoryAt(fd_.get(), name.substr(0, slash), 0755), dir_);
  }
  return absl::OkStatus();
}

absl::StatusOr<WrittenBlob> Writer::PutBlob(archive::ByteSource& source, const oci::Digest& digest, int64_t,
                                            const BlobName& name) {
  const std::string temporary = absl::StrCat(".", getpid(), "-", next_++, ".part");
  ASSIGN_OR_RETURN(const os::UniqueFd file,
                   os::OpenAt(fd_.get(), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644), dir_);
  const auto fail = [&](const absl::Status& status) {
    (void)unlinkat(fd_.get(), temporary.c_str(), 0);
    return status;
  };
  archive::FdSink sink(file.get());
  WrittenBlob written;
  if (digest.empty()) {
    archive::HashingSink hash(sink);
    const auto copied = archive::CopyAhead(source, hash);
    if (!copied.ok()) return fail(copied.status());
    written.size = *copied;
    ASSIGN_OR_RETURN(written.digest, oci::Digest::FromHex(hash.HexDigest()));
  } else {
    const auto copied = archive::CopyAhead(source, sink);
    if (!copied.ok()) return fail(copied.status());
    written.size = *copied;
    written.digest = digest;
  }
  const std::string final_name = name.For(written.digest.hex());
  const absl::Status parents = MakeParents(final_name);
  if (!parents.ok()) return fail(parents);
  const bool there = os::ExistsAt(fd_.get(), final_name);
  if (renameat(fd_.get(), temporary.c_str(), fd_.get(), final_name.c_str()) != 0) {
    return fail(ErrnoStatus(errno, absl::StrCat("rename to ", dir_, "/", final_name)));
  }
  if (!there) {
    const std::lock_guard<std::mutex> lock(mutex_);
    put_.push_back(final_name);
  }
  return written;
}

absl::Status Writer::PutFile(const std::string& name, absl::string_view bytes) {
  RETURN_IF_ERROR(MakeParents(name));
  return Annotate(os::ReplaceFileAt(fd_.get(), name, bytes, os::Durability::kVolatile, 0644), dir_);
}

absl::Status Writer::Finish() {
  finished_ = true;
  return absl::OkStatus();
}

}  // namespace

std::string BlobName::For(absl::string_view hex) const { return absl::StrCat(prefix, hex, suffix); }

absl::StatusOr<std::unique_ptr<DirectoryWriter>> DirectoryWriter::Create(const std::string& dir) {
  const bool made = !os::ExistsAt(AT_FDCWD, dir);
  RETURN_IF_ERROR(os::MakeDirectories(dir, 0755));
  ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenAt(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY));
  return std::make_unique<Writer>(dir, std::move(fd), made);
}

}  // namespace coracle::image
