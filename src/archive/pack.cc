#include "archive/pack.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_split.h"
#include "archive/tar_writer.h"
#include "archive/whiteout.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::archive {
namespace {

// Directories on the way down that stay open; deeper ones are opened again on the way back.
constexpr size_t kMaxOpenLevels = 64;

class Packer {
 public:
  Packer(int root_fd, ByteSink& sink, const PackOptions& options)
      : root_fd_(root_fd),
        options_(options),
        marks_(options.user_xattr),
        writer_(sink),
        buffer_(new char[kStreamBufferBytes]) {}

  absl::StatusOr<PackResult> Run();

 private:
  struct Level {
    std::string path;  // empty: the root
    os::UniqueFd fd;   // may have been closed meanwhile
    std::vector<std::string> names;
    size_t next = 0;
  };

  absl::Status Enter(std::string path, os::UniqueFd fd);
  absl::Status Reopen(Level& level);
  absl::Status PackOne(const std::string& name);
  absl::Status PackDirectory(const std::string& name, TarEntry entry);
  absl::Status PackFile(const std::string& name, const struct stat& seen, TarEntry entry);
  absl::Status CopyContent(int fd, int64_t size);
  absl::Status PackMarker(const std::string& path, const TarEntry& like);
  // True if the entry is another name of what was packed before, which then is done.
  absl::StatusOr<bool> PackHardLink(const struct stat& info, TarEntry& entry);
  absl::Status ReadXattrs(int fd, const std::string& proc_path, TarEntry& entry);
  absl::Status Write(const TarEntry& entry);
  TarEntry EntryOf(const struct stat& info, std::string path) const;

  const int root_fd_;
  const PackOptions& options_;
  const OverlayMarks marks_;
  TarWriter writer_;
  std::unique_ptr<char[]> buffer_;
  PackResult result_;
  std::vector<Level> levels_;
  absl::flat_hash_map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

TarEntry Packer::EntryOf(const struct stat& info, std::string path) const {
  TarEntry entry;
  entry.path = std::move(path);
  entry.mode = info.st_mode & 07777;
  entry.uid = info.st_uid;
  entry.gid = info.st_gid;
  entry.mtime = info.st_mtim;
  if (!options_.subsecond_times) entry.mtime.tv_nsec = 0;
  return entry;
}

absl::Status Packer::Write(const TarEntry& entry) {
  ++result_.entries;
  if (options_.prefix.empty()) return writer_.WriteEntry(entry);
  TarEntry moved = entry;
  moved.path = absl::StrCat(options_.prefix, "/", entry.path == "./" ? "" : entry.path);
  if (entry.type == EntryType::kHardLink)
    moved.link_target = absl::StrCat(options_.prefix, "/", entry.link_target);
  return writer_.WriteEntry(moved);
}

absl::StatusOr<PackResult> Packer::Run() {
  ASSIGN_OR_RETURN(os::UniqueFd root, os::OpenAt(root_fd_, ".", O_RDONLY | O_DIRECTORY));
  if (options_.root_entry) {
    struct stat info;
    if (fstat(root.get(), &info) != 0) return ErrnoStatus(errno, "stat the root");
    TarEntry entry = EntryOf(info, "./");
    entry.type = EntryType::kDirectory;
    if (options_.xattrs) RETURN_IF_ERROR(ReadXattrs(root.get(), "", entry));
    RETURN_IF_ERROR(Write(entry));
  }
  RETURN_IF_ERROR(Enter("", std::move(root)));
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.next == level.names.size()) {
      levels_.pop_back();
      continue;
    }
    if (!level.fd.valid()) RETURN_IF_ERROR(Reopen(level));
    const std::string name = level.names[level.next++];
    RETURN_IF_ERROR(PackOne(name), "pack ", level.path, level.path.empty() ? "" : "/", name);
  }
  RETURN_IF_ERROR(writer_.Finish());
  return result_;
}

absl::Status Packer::Enter(std::string path, os::UniqueFd fd) {
  Level level;
  ASSIGN_OR_RETURN(level.names, os::ListDirectoryAt(fd.get(), "."));
  std::sort(level.names.begin(), level.names.end());
  level.path = std::move(path);
  level.fd = std::move(fd);
  if (levels_.size() >= kMaxOpenLevels) levels_.back().fd.Reset();
  levels_.push_back(std::move(level));
  return absl::OkStatus();
}

absl::Status Packer::Reopen(Level& level) {
  ASSIGN_OR_RETURN(level.fd, os::OpenBeneath(root_fd_, level.path, O_RDONLY | O_DIRECTORY,
                                             RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
  return absl::OkStatus();
}

absl::Status Packer::PackOne(const std::string& name) {
  const Level& level = levels_.back();
  struct stat info;
  if (fstatat(level.fd.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return absl::OkStatus();  // removed since the directory was read
    return ErrnoStatus(errno, "stat");
  }
  const std::string path = level.path.empty() ? name : absl::StrCat(level.path, "/", name);
  if (path.size() > kMaxTarPathBytes) return absl::InvalidArgumentError("the path is too long");
  TarEntry entry = EntryOf(info, path);
  if (S_ISDIR(info.st_mode)) return PackDirectory(name, std::move(entry));
  if (options_.whiteouts == Whiteouts::kOverlay && marks_.IsWhiteout(level.fd.get(), name)) {
    const std::string directory = level.path.empty() ? "" : level.path + "/";
    entry.mtime = {};  // unpacking makes a whiteout anew: the same tree has to give the same archive
    return PackMarker(absl::StrCat(directory, kWhiteoutPrefix, name), entry);
  }
  if (S_ISSOCK(info.st_mode)) {
    ++result_.skipped_sockets;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const bool linked, PackHardLink(info, entry));
  if (linked) return absl::OkStatus();
  if (S_ISREG(info.st_mode)) return PackFile(name, info, std::move(entry));
  if (S_ISLNK(info.st_mode)) {
    entry.type = EntryType::kSymlink;
    ASSIGN_OR_RETURN(entry.link_target, os::ReadLinkAt(level.fd.get(), name));
  } else if (S_ISFIFO(info.st_mode)) {
    entry.type = EntryType::kFifo;
  } else {
    entry.type = S_ISCHR(info.st_mode) ? EntryType::kCharDevice : EntryType::kBlockDevice;
    entry.dev_major = major(info.st_rdev);
    entry.dev_minor = minor(info.st_rdev);
  }
  if (options_.xattrs) {
    RETURN_IF_ERROR(ReadXattrs(-1, absl::StrCat("/proc/self/fd/", level.fd.get(), "/", name), entry));
  }
  return Write(entry);
}

absl::Status Packer::PackDirectory(const std::string& name, TarEntry entry) {
  entry.type = EntryType::kDirectory;
  const std::string path = entry.path;
  absl::StatusOr<os::UniqueFd> fd =
      os::OpenBeneath(levels_.back().fd.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                          (options_.cross_mounts ? 0ULL : static_cast<uint64_t>(RESOLVE_NO_XDEV)));
  if (!fd.ok() && ErrnoOf(fd.status()) == EXDEV) return Write(entry);  // a mount point
  RETURN_IF_ERROR(fd.status());
  if (options_.xattrs) RETURN_IF_ERROR(ReadXattrs(fd->get(), "", entry));
  RETURN_IF_ERROR(Write(entry));
  if (options_.whiteouts == Whiteouts::kOverlay && marks_.IsOpaque(fd->get())) {
    RETURN_IF_ERROR(PackMarker(absl::StrCat(path, "/", kOpaqueMarker), entry));
  }
  return Enter(path, *std::move(fd));
}

absl::Status Packer::PackMarker(const std::string& path, const TarEntry& like) {
  TarEntry marker;
  marker.path = path;
  marker.mtime = like.mtime;
  marker.mode = 0600;
  return Write(marker);
}

absl::StatusOr<bool> Packer::PackHardLink(const struct stat& info, TarEntry& entry) {
  if (info.st_nlink < 2) return false;
  const auto [first, is_new] = first_names_.try_emplace({info.st_dev, info.st_ino}, entry.path);
  if (is_new) return false;
  entry.type = EntryType::kHardLink;
  entry.link_target = first->second;
  RETURN_IF_ERROR(Write(entry));
  return true;
}

absl::Status Packer::PackFile(const std::string& name, const struct stat& seen, TarEntry entry) {
  // By O_PATH first: if a device took the file's place meanwhile, opening that could do harm.
  ASSIGN_OR_RETURN(const os::UniqueFd node, os::OpenAt(levels_.back().fd.get(), name, O_PATH | O_NOFOLLOW));
  struct stat info;
  if (fstat(node.get(), &info) != 0) return ErrnoStatus(errno, "stat");
  if (!S_ISREG(info.st_mode) || info.st_ino != seen.st_ino) {
    return absl::AbortedError("the file was replaced while it was packed");
  }
  ASSIGN_OR_RETURN(const os::UniqueFd fd,
                   os::OpenAt(AT_FDCWD, absl::StrCat("/proc/self/fd/", node.get()), O_RDONLY));
  entry.size = info.st_size;
  if (options_.xattrs) RETURN_IF_ERROR(ReadXattrs(fd.get(), "", entry));
  RETURN_IF_ERROR(Write(entry));
  return CopyContent(fd.get(), entry.size);
}

absl::Status Packer::CopyContent(int fd, int64_t size) {
  FdSource source(fd);
  bool ended = false;
  result_.bytes += size;
  while (size > 0) {
    const size_t wanted = static_cast<size_t>(std::min<int64_t>(size, kStreamBufferBytes));
    size_t count = wanted;
    if (!ended) {
      ASSIGN_OR_RETURN(count, source.Read(absl::MakeSpan(buffer_.get(), wanted)));
    }
    if (count == 0) {
      // The header is out; only zeros can keep the archive well-formed.
      ended = true;
      ++result_.changed_files;
      std::fill_n(buffer_.get(), kStreamBufferBytes, '\0');
      continue;
    }
    RETURN_IF_ERROR(writer_.WriteContent(absl::string_view(buffer_.get(), count)));
    size -= static_cast<int64_t>(count);
  }
  return absl::OkStatus();
}

absl::Status Packer::ReadXattrs(int fd, const std::string& proc_path, TarEntry& entry) {
  const auto list = [&](char* buffer, size_t size) {
    return fd >= 0 ? flistxattr(fd, buffer, size) : llistxattr(proc_path.c_str(), buffer, size);
  };
  const auto get = [&](const char* name, char* buffer, size_t size) {
    return fd >= 0 ? fgetxattr(fd, name, buffer, size) : lgetxattr(proc_path.c_str(), name, buffer, size);
  };
  // Most have none: the first call then is the only one.
  const ssize_t length = list(buffer_.get(), kMaxXattrValueBytes);
  if (length < 0 && errno != EOPNOTSUPP) return ErrnoStatus(errno, "list extended attributes");
  if (length <= 0) return absl::OkStatus();
  const std::string names(buffer_.get(), static_cast<size_t>(length));
  for (const absl::string_view name_view : absl::StrSplit(names, '\0', absl::SkipEmpty())) {
    const std::string name(name_view);
    if (IsOverlayXattr(name) || name == "security.selinux") continue;
    const ssize_t size = get(name.c_str(), buffer_.get(), kMaxXattrValueBytes);
    if (size < 0 && (errno == ENODATA || errno == EOPNOTSUPP)) continue;
    if (size < 0) return ErrnoStatus(errno, absl::StrCat("read extended attribute ", name));
    entry.xattrs[name] = std::string(buffer_.get(), static_cast<size_t>(size));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PackResult> Pack(int root_fd, ByteSink& sink, const PackOptions& options) {
  return Packer(root_fd, sink, options).Run();
}

}  // namespace coracle::archive
