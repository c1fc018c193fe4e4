#include "image/members.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "archive/file_range.h"
#include "base/status.h"
#include "base/text.h"
#include "os/file.h"

namespace coracle::image {
namespace {

class DirectoryMembers : public Members {
 public:
  explicit DirectoryMembers(os::UniqueFd dir) : dir_(std::move(dir)) {}

  bool Has(absl::string_view name) const override { return OpenFile(name).ok(); }

  absl::StatusOr<int64_t> SizeOf(absl::string_view name) const override {
    ASSIGN_OR_RETURN(const File file, OpenFile(name));
    return file.size;
  }

  absl::StatusOr<std::unique_ptr<archive::ByteSource>> Open(absl::string_view name,
                                                            int64_t offset) const override {
    ASSIGN_OR_RETURN(File file, OpenFile(name));
    if (offset > file.size) return absl::InvalidArgumentError(absl::StrCat(name, " is shorter than that"));
    return std::make_unique<archive::FileRange>(std::make_shared<const os::UniqueFd>(std::move(file.fd)),
                                                offset, file.size - offset);
  }

  absl::StatusOr<std::string> Read(absl::string_view name, size_t max_bytes) const override {
    ASSIGN_OR_RETURN(const File file, OpenFile(name));
    return os::ReadAll(file.fd.get(), max_bytes);
  }

 private:
  struct File {
    os::UniqueFd fd;
    int64_t size;
  };
  absl::StatusOr<File> OpenFile(absl::string_view name) const {
    // Not blocking: the directory may hold a fifo.
    ASSIGN_OR_RETURN(os::UniqueFd fd,
                     os::OpenBeneath(dir_.get(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_BENEATH));
    struct stat info;
    if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", name));
    if (!S_ISREG(info.st_mode)) {
      return absl::InvalidArgumentError(absl::StrCat(Printable(name), " is no regular file"));
    }
    return File{std::move(fd), info.st_size};
  }

  os::UniqueFd dir_;
};

class ArchiveMembers : public Members {
 public:
  explicit ArchiveMembers(archive::TarIndex index) : index_(std::move(index)) {}

  bool Has(absl::string_view name) const override { return index_.Has(name); }
  absl::StatusOr<int64_t> SizeOf(absl::string_view name) const override { return index_.SizeOf(name); }
  absl::StatusOr<std::unique_ptr<archive::ByteSource>> Open(absl::string_view name,
                                                            int64_t offset) const override {
    return index_.OpenMember(name, offset);
  }
  absl::StatusOr<std::string> Read(absl::string_view name, size_t max_bytes) const override {
    return index_.ReadMember(name, max_bytes);
  }

 private:
  const archive::TarIndex index_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Members>> OpenDirectoryMembers(const std::string& dir) {
  ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenAt(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY));
  return std::make_shared<DirectoryMembers>(std::move(fd));
}

absl::StatusOr<std::shared_ptr<Members>> OpenArchiveMembers(const std::string& file,
                                                            const std::string& spool_dir) {
  os::UniqueFd fd;
  if (file == "-" || file == "/dev/stdin") {
    fd = os::UniqueFd(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd.valid()) return ErrnoStatus(errno, "standard input");
  } else {
    ASSIGN_OR_RETURN(fd, os::OpenAt(AT_FDCWD, file, O_RDONLY));
  }
  const std::string name = file == "-" ? "standard input" : Printable(file);
  ASSIGN_OR_RETURN(archive::TarIndex index, archive::TarIndex::Open(std::move(fd), spool_dir), name);
  return std::make_shared<ArchiveMembers>(std::move(index));
}

}  // namespace coracle::image
