#include "archive/unpack.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "archive/parent_dirs.h"
#include "archive/tar_reader.h"
#include "archive/unpack_metadata.h"
#include "archive/whiteout.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::archive {
namespace {

// What directories wait for at the end; each holds at most a path.
constexpr size_t kMaxDeferredBytes = 256 << 20;

// "a/b/c" for "/a/./b//c/"; empty for the root itself.
absl::StatusOr<std::string> CleanPath(absl::string_view path, absl::string_view what) {
  std::string clean;
  clean.reserve(path.size());
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return absl::InvalidArgumentError(absl::StrCat(what, " contains '..'"));
    if (!clean.empty()) clean += '/';
    clean.append(part.data(), part.size());
  }
  return clean;
}

struct SplitPath {
  absl::string_view parent;  // empty: the root
  std::string name;
};

SplitPath Split(absl::string_view clean) {
  const size_t slash = clean.rfind('/');
  if (slash == absl::string_view::npos) return {"", std::string(clean)};
  return {clean.substr(0, slash), std::string(clean.substr(slash + 1))};
}

class Unpacker {
 public:
  Unpacker(ByteSource& source, int root_fd, const UnpackOptions& options)
      : reader_(source),
        root_fd_(root_fd),
        options_(options),
        marks_(options.user_xattr),
        // Below other directories than a new layer's, others may have set what is inherited.
        defaults_(options.whiteouts == Whiteouts::kOverlay ? NewFileDefaults::Of(root_fd)
                                                           : NewFileDefaults()),
        parents_(root_fd, !defaults_.GivesMode(0755)) {}

  absl::StatusOr<UnpackResult> Run();

 private:
  struct DeferredDirectory {
    std::string path;
    TarEntry metadata;  // mode and times only
  };
  using Inode = std::pair<dev_t, ino_t>;

  absl::Status UnpackEntry(const TarEntry& entry);
  absl::Status UnpackRoot(const TarEntry& entry);
  // True if the entry is a whiteout or marker, which then is done.
  absl::StatusOr<bool> UnpackWhiteout(absl::string_view path, const std::string& name);

  // Clears the way for `name`: removes whatever is there.
  absl::Status RemoveExisting(int parent, const std::string& name);

  // Runs `make`, a system call that fails with EEXIST if something is there, again after removing that.
  template <typename Make>
  absl::Status MakeNew(int parent, const std::string& name, absl::string_view what, Make make);

  absl::Status UnpackFile(int parent, const std::string& name, const TarEntry& entry);
  absl::Status WriteContent(int fd, const TarEntry& entry);
  absl::Status UnpackDirectory(int parent, const std::string& path, const std::string& name,
                               const TarEntry& entry);
  absl::Status UnpackSymlink(int parent, const std::string& name, const TarEntry& entry);
  absl::Status UnpackHardLink(int parent, absl::string_view parent_path, const std::string& name,
                              const TarEntry& entry);
  absl::Status UnpackNode(int parent, const std::string& name, const TarEntry& entry);

  // Whether what is made in the parent that was opened last has the entry's owner by itself.
  bool BornWithOwner(const TarEntry& entry) const {
    const auto [uid, gid] = options_.owner.value_or(std::make_pair(entry.uid, entry.gid));
    return defaults_.GivesOwner(uid, gid) && !parents_.foreign_group();
  }
  absl::Status SetUpDirectory(int fd, std::string path, const TarEntry& entry);
  absl::Status FinishDirectories();

  TarReader reader_;
  const int root_fd_;
  const UnpackOptions& options_;
  const OverlayMarks marks_;
  UnpackResult result_;
  NewFileDefaults defaults_;
  ParentDirs parents_;
  std::vector<DeferredDirectory> deferred_;
  absl::flat_hash_map<Inode, size_t> deferred_index_;
  size_t deferred_bytes_ = 0;
};

absl::StatusOr<UnpackResult> Unpacker::Run() {
  TarEntry entry;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, reader_.Next(entry));
    if (!more) break;
    if (++result_.entries > options_.max_entries) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the archive has more than ", options_.max_entries, " entries"));
    }
    RETURN_IF_ERROR(UnpackEntry(entry), "unpack ", entry.path);
  }
  RETURN_IF_ERROR(reader_.DrainSource());
  result_.has_end_marker = reader_.has_end_marker();
  RETURN_IF_ERROR(FinishDirectories());
  if (options_.sync && syncfs(root_fd_) != 0) return ErrnoStatus(errno, "sync");
  return result_;
}

absl::Status Unpacker::UnpackEntry(const TarEntry& entry) {
  ASSIGN_OR_RETURN(const std::string path, CleanPath(entry.path, "the path"));
  if (path.empty()) return UnpackRoot(entry);
  const SplitPath split = Split(path);
  if (options_.whiteouts == Whiteouts::kOverlay) {
    ASSIGN_OR_RETURN(const bool done, UnpackWhiteout(path, split.name));
    if (done) return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const int parent, parents_.Open(split.parent));
  switch (entry.type) {
    case EntryType::kFile:
      return UnpackFile(parent, split.name, entry);
    case EntryType::kDirectory:
      return UnpackDirectory(parent, path, split.name, entry);
    case EntryType::kSymlink:
      return UnpackSymlink(parent, split.name, entry);
    case EntryType::kHardLink:
      return UnpackHardLink(parent, split.parent, split.name, entry);
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
    case EntryType::kFifo:
      return UnpackNode(parent, split.name, entry);
  }
  return absl::OkStatus();
}

absl::Status Unpacker::UnpackRoot(const TarEntry& entry) {
  if (entry.type != EntryType::kDirectory) {
    return absl::InvalidArgumentError("an entry that is the root itself and no directory");
  }
  if (options_.keep_root) return absl::OkStatus();
  ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenAt(root_fd_, ".", O_RDONLY | O_DIRECTORY));
  return SetUpDirectory(fd.get(), ".", entry);
}

absl::StatusOr<bool> Unpacker::UnpackWhiteout(absl::string_view path, const std::string& name) {
  if (!absl::StrContains(path, kWhiteoutPrefix)) return false;
  const bool is_opaque = name == kOpaqueMarker;
  if (!is_opaque && (absl::StartsWith(path, kAufsMetaPrefix) ||
                     absl::StrContains(path, absl::StrCat("/", kAufsMetaPrefix)))) {
    return true;
  }
  if (!absl::StartsWith(name, kWhiteoutPrefix)) return false;
  ASSIGN_OR_RETURN(const int parent, parents_.Open(Split(path).parent));
  ++result_.whiteouts;
  if (is_opaque) {
    RETURN_IF_ERROR(marks_.MarkOpaque(parent));
    return true;
  }
  const std::string victim = name.substr(kWhiteoutPrefix.size());
  if (victim.empty() || victim == "." || victim == "..") {
    return absl::InvalidArgumentError("a whiteout of no file");
  }
  struct stat info;
  if (fstatat(parent, victim.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return ErrnoStatus(errno, "stat");
    RETURN_IF_ERROR(marks_.MakeWhiteout(parent, victim));
  } else if (S_ISDIR(info.st_mode)) {
    // What this layer itself has is not hidden (layer.md, "Whiteouts"); what lies below it is.
    ASSIGN_OR_RETURN(os::UniqueFd dir, os::OpenAt(parent, victim, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    RETURN_IF_ERROR(marks_.MarkOpaque(dir.get()));
  }
  return true;
}

absl::Status Unpacker::RemoveExisting(int parent, const std::string& name) {
  parents_.Forget();
  if (options_.keep_kinds && unlinkat(parent, name.c_str(), 0) != 0 && errno != ENOENT) {
    return absl::FailedPreconditionError("cannot overwrite directory with non-directory");
  }
  return os::RemoveTreeAt(parent, name);
}

template <typename Make>
absl::Status Unpacker::MakeNew(int parent, const std::string& name, absl::string_view what, Make make) {
  int result = make();
  if (result < 0 && errno == EEXIST) {
    RETURN_IF_ERROR(RemoveExisting(parent, name));
    result = make();
  }
  if (result < 0) return ErrnoStatus(errno, what);
  return absl::OkStatus();
}

absl::Status Unpacker::UnpackFile(int parent, const std::string& name, const TarEntry& entry) {
  os::UniqueFd fd;
  // Each call that changes an inode costs a step in the file system's journal: none for what is right
  // already.
  const bool born_with_mode = defaults_.GivesMode(entry.mode) && entry.xattrs.empty();
  const mode_t mode = born_with_mode ? entry.mode : 0600;
  RETURN_IF_ERROR(MakeNew(parent, name, "create", [&] {
    fd.Reset(openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    return fd.get();
  }));
  RETURN_IF_ERROR(WriteContent(fd.get(), entry));
  const NewNode node = {.fd = fd.get()};
  if (!BornWithOwner(entry)) RETURN_IF_ERROR(SetOwner(node, entry, options_, result_));
  RETURN_IF_ERROR(SetXattrs(node, entry, result_));
  if (!born_with_mode) RETURN_IF_ERROR(SetMode(node, entry.mode));
  RETURN_IF_ERROR(SetTimes(node, entry));
  ++result_.files;
  return absl::OkStatus();
}

absl::Status Unpacker::WriteContent(int fd, const TarEntry& entry) {
  int64_t end = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const TarPiece piece, reader_.ReadPiece());
    if (piece.data.empty()) break;
    if (piece.offset != end && lseek(fd, piece.offset, SEEK_SET) < 0) return ErrnoStatus(errno, "seek");
    RETURN_IF_ERROR(os::WriteAll(fd, piece.data));
    end = piece.offset + static_cast<int64_t>(piece.data.size());
    result_.bytes += static_cast<int64_t>(piece.data.size());
    if (result_.bytes > options_.max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the archive has more than ", options_.max_bytes, " bytes"));
    }
  }
  if (end < entry.size && ftruncate(fd, entry.size) != 0) return ErrnoStatus(errno, "set size");
  return absl::OkStatus();
}

absl::Status Unpacker::UnpackDirectory(int parent, const std::string& path, const std::string& name,
                                       const TarEntry& entry) {
  bool opaque = false;
  if (mkdirat(parent, name.c_str(), 0700) != 0) {
    struct stat info;
    if (errno != EEXIST || fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, "make directory");
    }
    if (!S_ISDIR(info.st_mode)) {
      // The layer removes what was there and then has a directory of its own.
      if (options_.keep_kinds) {
        return absl::FailedPreconditionError("cannot overwrite non-directory with directory");
      }
      opaque = options_.whiteouts == Whiteouts::kOverlay && marks_.IsWhiteout(parent, name);
      RETURN_IF_ERROR(RemoveExisting(parent, name));
      if (mkdirat(parent, name.c_str(), 0700) != 0) return ErrnoStatus(errno, "make directory");
    }
  }
  ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (opaque) RETURN_IF_ERROR(marks_.MarkOpaque(fd.get()));
  return SetUpDirectory(fd.get(), path, entry);
}

absl::Status Unpacker::UnpackSymlink(int parent, const std::string& name, const TarEntry& entry) {
  RETURN_IF_ERROR(MakeNew(parent, name, "make link",
                          [&] { return symlinkat(entry.link_target.c_str(), parent, name.c_str()); }));
  const NewNode node = {.parent_fd = parent, .name = name.c_str()};
  if (!BornWithOwner(entry)) RETURN_IF_ERROR(SetOwner(node, entry, options_, result_));
  RETURN_IF_ERROR(SetXattrs(node, entry, result_));
  return SetTimes(node, entry);
}

absl::Status Unpacker::UnpackHardLink(int parent, absl::string_view parent_path, const std::string& name,
                                      const TarEntry& entry) {
  ASSIGN_OR_RETURN(const std::string target, CleanPath(entry.link_target, "the link target"));
  if (target.empty()) return absl::InvalidArgumentError("a hard link to the root itself");
  const SplitPath split = Split(target);
  os::UniqueFd opened;
  int target_parent = parent;
  if (split.parent.empty()) {
    target_parent = root_fd_;
  } else if (split.parent != parent_path) {
    ASSIGN_OR_RETURN(opened, os::OpenBeneath(root_fd_, split.parent, O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT),
                     "link to ", target);
    target_parent = opened.get();
  }
  // Without AT_SYMLINK_FOLLOW the target itself is linked, even if it is a symlink.
  if (linkat(target_parent, split.name.c_str(), parent, name.c_str(), 0) == 0) return absl::OkStatus();
  if (errno == EEXIST) {
    struct stat old_info, new_info;
    if (fstatat(target_parent, split.name.c_str(), &new_info, AT_SYMLINK_NOFOLLOW) == 0 &&
        fstatat(parent, name.c_str(), &old_info, AT_SYMLINK_NOFOLLOW) == 0) {
      if (old_info.st_ino == new_info.st_ino && old_info.st_dev == new_info.st_dev) return absl::OkStatus();
      RETURN_IF_ERROR(RemoveExisting(parent, name));
      if (linkat(target_parent, split.name.c_str(), parent, name.c_str(), 0) == 0) return absl::OkStatus();
    }
  }
  return ErrnoStatus(errno, absl::StrCat("link to ", target));
}

absl::Status Unpacker::UnpackNode(int parent, const std::string& name, const TarEntry& entry) {
  mode_t type = S_IFIFO;
  dev_t device = 0;
  if (entry.type != EntryType::kFifo) {
    type = entry.type == EntryType::kCharDevice ? S_IFCHR : S_IFBLK;
    device = makedev(entry.dev_major, entry.dev_minor);
    if (major(device) != entry.dev_major || minor(device) != entry.dev_minor) {
      return absl::InvalidArgumentError("a device number is out of range");
    }
  }
  const absl::Status made = MakeNew(parent, name, "make device",
                                    [&] { return mknodat(parent, name.c_str(), type | 0600, device); });
  if (!made.ok() && ErrnoOf(made) == EPERM && type != S_IFIFO && options_.skip_devices) {
    ++result_.skipped_devices;
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(made);
  const NewNode node = {.parent_fd = parent, .name = name.c_str()};
  RETURN_IF_ERROR(SetOwner(node, entry, options_, result_));
  RETURN_IF_ERROR(SetXattrs(node, entry, result_));
  RETURN_IF_ERROR(SetMode(node, entry.mode));
  return SetTimes(node, entry);
}

// Owner and attributes now; mode and times when nothing more is made inside: a set-group-id bit would be
// inherited, a read-only directory could not be filled by an ordinary user, and every new name changes the
// times.
absl::Status Unpacker::SetUpDirectory(int fd, std::string path, const TarEntry& entry) {
  const NewNode node = {.fd = fd};
  RETURN_IF_ERROR(SetOwner(node, entry, options_, result_));
  RETURN_IF_ERROR(SetXattrs(node, entry, result_));
  // It may have brought an ACL that files inherit.
  if (!entry.xattrs.empty()) {
    defaults_ = NewFileDefaults();
    parents_.ChmodMade();
  }
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "stat");
  deferred_bytes_ += sizeof(DeferredDirectory) + path.size();
  if (deferred_bytes_ > kMaxDeferredBytes) return absl::ResourceExhaustedError("too many directories");
  DeferredDirectory deferred;
  deferred.path = std::move(path);
  deferred.metadata.mode = entry.mode;
  deferred.metadata.mtime = entry.mtime;
  deferred.metadata.atime = entry.atime;
  if (defaults_.known() && !defaults_.GivesOwner(info.st_uid, info.st_gid)) {
    parents_.NoteForeignGroup(deferred.path == "." ? "" : deferred.path);
  }
  const auto [known, is_new] = deferred_index_.try_emplace({info.st_dev, info.st_ino}, deferred_.size());
  if (is_new) {
    deferred_.push_back(std::move(deferred));
  } else {
    deferred_[known->second] = std::move(deferred);
  }
  return absl::OkStatus();
}

absl::Status Unpacker::FinishDirectories() {
  std::vector<Inode> inodes(deferred_.size());
  for (const auto& [inode, index] : deferred_index_) inodes[index] = inode;
  // Backwards, so that a parent's mode is set after its children were reached through it.
  for (size_t i = deferred_.size(); i-- > 0;) {
    const DeferredDirectory& directory = deferred_[i];
    const absl::StatusOr<os::UniqueFd> fd =
        os::OpenBeneath(root_fd_, directory.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, RESOLVE_IN_ROOT);
    struct stat info;
    // Replaced or removed by a later entry, which then brought its own.
    if (!fd.ok() || fstat(fd->get(), &info) != 0 || Inode(info.st_dev, info.st_ino) != inodes[i]) continue;
    const NewNode node = {.fd = fd->get()};
    RETURN_IF_ERROR(SetMode(node, directory.metadata.mode), directory.path);
    RETURN_IF_ERROR(SetTimes(node, directory.metadata), directory.path);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UnpackResult> Unpack(ByteSource& source, int root_fd, const UnpackOptions& options) {
  return Unpacker(source, root_fd, options).Run();
}

}  // namespace coracle::archive
