#include "image/archive_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "archive/read_ahead.h"
#include "archive/stream.h"
#include "archive/tar_header.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::image {
namespace {

constexpr int64_t kMaxOctalSize = (int64_t{1} << 33) - 1;  // eleven digits
constexpr char kTemporarySuffix[] = ".part-XXXXXX";

archive::RawTarHeader HeaderFor(absl::string_view name, int64_t size, bool directory) {
  archive::RawTarHeader header = {};
  memcpy(header.name, name.data(), std::min(name.size(), sizeof(header.name)));
  snprintf(header.mode, sizeof(header.mode), "%07o", directory ? 0755u : 0644u);
  memcpy(header.uid, "0000000", sizeof(header.uid));
  memcpy(header.gid, "0000000", sizeof(header.gid));
  memcpy(header.mtime, "00000000000", sizeof(header.mtime));
  memcpy(header.magic, "ustar", sizeof(header.magic));
  memcpy(header.version, "00", sizeof(header.version));
  if (size <= kMaxOctalSize) {
    snprintf(header.size, sizeof(header.size), "%011llo", static_cast<unsigned long long>(size));
  } else {
    memcpy(header.magic, "ustar ", sizeof(header.magic));
    memcpy(header.version, " ", sizeof(header.version));
    header.size[0] = static_cast<char>(0x80);
    for (int i = 0; i < 8; ++i) {
      header.size[11 - i] = static_cast<char>(static_cast<uint64_t>(size) >> (8 * i));
    }
  }
  header.type = directory ? '5' : '0';
  archive::SetChecksum(header);
  return header;
}

absl::string_view Bytes(const archive::RawTarHeader& header) {
  return {reinterpret_cast<const char*>(&header), sizeof(header)};
}

class Writer : public MemberWriter {
 public:
  Writer(os::UniqueFd fd, std::string path, ArchiveWriterOptions options, bool in_place, bool seekable)
      : fd_(std::move(fd)),
        path_(std::move(path)),
        options_(std::move(options)),
        in_place_(in_place),
        seekable_(seekable) {}

  int max_parallel_blobs() const override { return 1; }
  bool HasBlob(const BlobName& name, const oci::Digest& digest, int64_t) const override {
    return names_.contains(name.For(digest.hex()));
  }
  absl::StatusOr<WrittenBlob> PutBlob(archive::ByteSource& source, const oci::Digest& digest, int64_t size,
                                      const BlobName& name) override;
  absl::Status PutFile(const std::string& name, absl::string_view bytes) override;
  absl::Status Finish() override;

 private:
  absl::Status PutDirectories(absl::string_view name);
  absl::Status PutPadding(int64_t size);
  absl::Status PutHeader(const std::string& name, int64_t size);
  absl::StatusOr<WrittenBlob> PutUnknown(archive::ByteSource& source, const BlobName& name);
  absl::StatusOr<WrittenBlob> PutSpooled(archive::ByteSource& source, const BlobName& name);
  absl::Status Publish();
  absl::Status Write(absl::string_view data) {
    RETURN_IF_ERROR(os::WriteAll(fd_.get(), data), "write ", path_);
    return absl::OkStatus();
  }

  const os::UniqueFd fd_;
  const std::string path_;
  const ArchiveWriterOptions options_;
  const bool in_place_;  // not a new file that gets its name at the end
  const bool seekable_;
  std::set<std::string> names_;
};

absl::Status Writer::PutHeader(const std::string& name, int64_t size) {
  if (name.size() >= sizeof(archive::RawTarHeader::name)) {
    return absl::InvalidArgumentError(absl::StrCat("the name of a member is too long: ", name));
  }
  RETURN_IF_ERROR(PutDirectories(name));
  return Write(Bytes(HeaderFor(name, size, /*directory=*/false)));
}

absl::Status Writer::PutDirectories(absl::string_view name) {
  for (size_t slash = name.find('/'); slash != absl::string_view::npos; slash = name.find('/', slash + 1)) {
    const std::string directory(name.substr(0, slash + 1));
    if (!names_.insert(directory).second) continue;
    RETURN_IF_ERROR(Write(Bytes(HeaderFor(directory, 0, /*directory=*/true))));
  }
  return absl::OkStatus();
}

absl::Status Writer::PutPadding(int64_t size) {
  const size_t rest = static_cast<size_t>(size) % archive::kTarBlockBytes;
  return rest == 0 ? absl::OkStatus() : Write(std::string(archive::kTarBlockBytes - rest, '\0'));
}

absl::StatusOr<WrittenBlob> Writer::PutBlob(archive::ByteSource& source, const oci::Digest& digest,
                                            int64_t size, const BlobName& name) {
  if (digest.empty() || size < 0) return seekable_ ? PutUnknown(source, name) : PutSpooled(source, name);
  const std::string member = name.For(digest.hex());
  if (!names_.insert(member).second) return absl::AlreadyExistsError(absl::StrCat(member, " is written"));
  RETURN_IF_ERROR(PutHeader(member, size));
  archive::FdSink sink(fd_.get());
  ASSIGN_OR_RETURN(const int64_t copied, archive::CopyAhead(source, sink));
  if (copied != size) {
    return absl::DataLossError(absl::StrCat("has ", copied, " bytes instead of ", size));
  }
  RETURN_IF_ERROR(PutPadding(size));
  return WrittenBlob{digest, size};
}

// The header comes first and is known last: it is written twice.
absl::StatusOr<WrittenBlob> Writer::PutUnknown(archive::ByteSource& source, const BlobName& name) {
  const std::string dummy = name.For(std::string(64, '0'));
  RETURN_IF_ERROR(PutDirectories(dummy));
  const off_t start = lseek(fd_.get(), 0, SEEK_CUR);
  RETURN_IF_ERROR(PutHeader(dummy, 0));
  archive::FdSink sink(fd_.get());
  archive::HashingSink hash(sink);
  WrittenBlob written;
  ASSIGN_OR_RETURN(written.size, archive::CopyAhead(source, hash));
  ASSIGN_OR_RETURN(written.digest, oci::Digest::FromHex(hash.HexDigest()));
  const std::string member = name.For(written.digest.hex());
  if (!names_.insert(member).second) {
    // It is there already, from another image.
    if (ftruncate(fd_.get(), start) != 0) return ErrnoStatus(errno, absl::StrCat("truncate ", path_));
    if (lseek(fd_.get(), start, SEEK_SET) < 0) return ErrnoStatus(errno, absl::StrCat("seek ", path_));
    return written;
  }
  RETURN_IF_ERROR(PutPadding(written.size));
  const archive::RawTarHeader header = HeaderFor(member, written.size, /*directory=*/false);
  if (pwrite(fd_.get(), &header, sizeof(header), start) != static_cast<ssize_t>(sizeof(header))) {
    return ErrnoStatus(errno, absl::StrCat("write ", path_));
  }
  return written;
}

absl::StatusOr<WrittenBlob> Writer::PutSpooled(archive::ByteSource& source, const BlobName& name) {
  std::string path = absl::StrCat(options_.spool_dir, "/spool-XXXXXX");
  const os::UniqueFd spool(mkostemp(path.data(), O_CLOEXEC));
  if (!spool.valid()) return ErrnoStatus(errno, absl::StrCat("make a file in ", options_.spool_dir));
  (void)unlink(path.c_str());
  archive::FdSink sink(spool.get());
  archive::HashingSink hash(sink);
  WrittenBlob written;
  ASSIGN_OR_RETURN(written.size, archive::CopyAhead(source, hash));
  ASSIGN_OR_RETURN(written.digest, oci::Digest::FromHex(hash.HexDigest()));
  if (HasBlob(name, written.digest, written.size)) return written;
  if (lseek(spool.get(), 0, SEEK_SET) < 0) return ErrnoStatus(errno, "seek");
  archive::FdSource again(spool.get());
  return PutBlob(again, written.digest, written.size, name);
}

absl::Status Writer::PutFile(const std::string& name, absl::string_view bytes) {
  if (!names_.insert(name).second) return absl::AlreadyExistsError(absl::StrCat(name, " is written"));
  RETURN_IF_ERROR(PutHeader(name, static_cast<int64_t>(bytes.size())));
  RETURN_IF_ERROR(Write(bytes));
  return PutPadding(static_cast<int64_t>(bytes.size()));
}

absl::Status Writer::Finish() {
  RETURN_IF_ERROR(Write(std::string(2 * archive::kTarBlockBytes, '\0')));
  return in_place_ ? absl::OkStatus() : Publish();
}

// Gives the file its name, in place of what has it now.
absl::Status Writer::Publish() {
  const std::string self = absl::StrCat("/proc/self/fd/", fd_.get());
  if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    return absl::OkStatus();
  }
  if (errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("write ", path_));
  // linkat(2) replaces nothing, rename(2) does.
  std::string temporary = absl::StrCat(path_, kTemporarySuffix);
  const os::UniqueFd reserved(mkostemp(temporary.data(), O_CLOEXEC));
  if (!reserved.valid()) return ErrnoStatus(errno, absl::StrCat("write ", path_));
  (void)unlink(temporary.c_str());
  if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, temporary.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return ErrnoStatus(errno, absl::StrCat("write ", path_));
  }
  if (rename(temporary.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    (void)unlink(temporary.c_str());
    return ErrnoStatus(error, absl::StrCat("write ", path_));
  }
  return absl::OkStatus();
}

bool IsSeekable(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (fcntl(fd, F_GETFL) & O_APPEND) == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MemberWriter>> CreateArchiveWriter(const std::string& path,
                                                                  const ArchiveWriterOptions& options) {
  struct stat info;
  if (path == "-") {
    os::UniqueFd fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd.valid()) return ErrnoStatus(errno, "standard output");
    const bool seekable = IsSeekable(fd.get());
    return std::make_unique<Writer>(std::move(fd), "standard output", options, /*in_place=*/true, seekable);
  }
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_WRONLY));
    return std::make_unique<Writer>(std::move(fd), path, options, /*in_place=*/true, /*seekable=*/false);
  }
  const size_t slash = path.rfind('/');
  const std::string dir = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  auto fd = os::OpenAt(AT_FDCWD, dir, O_TMPFILE | O_RDWR, 0666);
  if (fd.ok()) {
    return std::make_unique<Writer>(*std::move(fd), path, options, /*in_place=*/false, /*seekable=*/true);
  }
  if (ErrnoOf(fd.status()) != EOPNOTSUPP && ErrnoOf(fd.status()) != EISDIR) {
    return Annotate(fd.status(), absl::StrCat("write ", path));
  }
  // A file system without O_TMPFILE: written in place.
  ASSIGN_OR_RETURN(os::UniqueFd named, os::OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0666));
  return std::make_unique<Writer>(std::move(named), path, options, /*in_place=*/true, /*seekable=*/true);
}

}  // namespace coracle::image
