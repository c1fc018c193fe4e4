#include "archive/tar_index.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "archive/decompress.h"
#include "archive/file_range.h"
#include "archive/tar_reader.h"
#include "base/status.h"
#include "base/text.h"
#include "os/file.h"

namespace coracle::archive {
namespace {

constexpr int64_t kKeepFreeBytes = 64 << 20;

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// The name that a symbolic link at `from` leads to.
absl::StatusOr<std::string> ResolveLink(absl::string_view from, absl::string_view target) {
  const auto escapes = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("link ", Printable(from), " leads out of the archive, to ", Printable(target)));
  };
  if (absl::StartsWith(target, "/")) return escapes();
  std::vector<absl::string_view> parts = absl::StrSplit(from, '/');
  parts.pop_back();
  for (const absl::string_view part : absl::StrSplit(target, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return escapes();
    } else {
      parts.pop_back();
    }
  }
  return PlainMemberName(absl::StrJoin(parts, "/"));
}

// A file that no name leads to: it goes with its last descriptor, even after SIGKILL.
absl::StatusOr<os::UniqueFd> MakeSpool(const std::string& dir) {
  auto file = os::OpenAt(AT_FDCWD, dir, O_TMPFILE | O_RDWR, 0600);
  if (file.ok() || (ErrnoOf(file.status()) != EOPNOTSUPP && ErrnoOf(file.status()) != EISDIR)) return file;
  // File systems without O_TMPFILE (NFS, some FUSE).
  std::string path = absl::StrCat(dir, "/spool-XXXXXX");
  os::UniqueFd named(mkostemp(path.data(), O_CLOEXEC));
  if (!named.valid()) return ErrnoStatus(errno, absl::StrCat("make a file in ", dir));
  (void)unlink(path.c_str());
  return named;
}

absl::StatusOr<int64_t> FreeBytes(const std::string& dir) {
  struct statvfs info;
  if (statvfs(dir.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("statfs ", dir));
  return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize);
}

absl::StatusOr<os::UniqueFd> Spool(ByteSource& source, const std::string& dir) {
  ASSIGN_OR_RETURN(os::UniqueFd spool, MakeSpool(dir));
  ASSIGN_OR_RETURN(const int64_t free, FreeBytes(dir));
  DecompressLimits limits;
  limits.max_output_bytes = std::max<int64_t>(free - kKeepFreeBytes, 0);
  ASSIGN_OR_RETURN(const std::unique_ptr<Decompressor> plain, Decompressor::Open(source, limits));
  FdSink sink(spool.get());
  RETURN_IF_ERROR(Copy(*plain, sink).status());
  return spool;
}

}  // namespace

absl::StatusOr<std::string> PlainMemberName(absl::string_view path) {
  const auto refuse = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("the archive has a member whose name ", why, ": ", Printable(path)));
  };
  if (absl::c_any_of(path, IsControl)) return refuse("has control characters");
  if (absl::StartsWith(path, "/")) return refuse("is absolute");
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == "..") return refuse("climbs out of it");
    if (part != ".") parts.push_back(part);
  }
  return absl::StrJoin(parts, "/");
}

absl::StatusOr<TarIndex> TarIndex::Open(os::UniqueFd file, const std::string& spool_dir) {
  TarIndex index;
  struct stat info;
  if (fstat(file.get(), &info) != 0) return ErrnoStatus(errno, "stat");
  if (S_ISDIR(info.st_mode)) return absl::InvalidArgumentError("is a directory, not an archive");
  int64_t start = 0;
  bool in_place = false;
  if (S_ISREG(info.st_mode)) {
    start = std::max<int64_t>(lseek(file.get(), 0, SEEK_CUR), 0);
    char head[kMagicBytes];
    const ssize_t count = pread(file.get(), head, sizeof(head), start);
    if (count < 0) return ErrnoStatus(errno, "read");
    ASSIGN_OR_RETURN(const Compression compression,
                     DetectCompression(absl::string_view(head, static_cast<size_t>(count))));
    in_place = compression == Compression::kNone;
  }
  if (!in_place) {
    FdSource source(file.get());
    ASSIGN_OR_RETURN(os::UniqueFd spool, Spool(source, spool_dir));
    file = std::move(spool);
    start = 0;
    index.spooled_ = true;
  }
  index.file_ = std::make_shared<const os::UniqueFd>(std::move(file));
  RETURN_IF_ERROR(index.ReadHeaders(start));
  return index;
}

absl::Status TarIndex::ReadHeaders(int64_t start) {
  struct stat info;
  if (fstat(file_->get(), &info) != 0) return ErrnoStatus(errno, "stat");
  FileRange source(file_, start, info.st_size - start);
  TarReader reader(source);
  TarEntry entry;
  size_t name_bytes = 0, entries = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(entry));
    if (!more) break;
    name_bytes += entry.path.size() + entry.link_target.size();
    if (++entries > kMaxIndexEntries || name_bytes > kMaxIndexNameBytes) {
      return absl::ResourceExhaustedError("the archive has too many members for an image's");
    }
    ASSIGN_OR_RETURN(const std::string name, PlainMemberName(entry.path));
    if (entry.type == EntryType::kDirectory) continue;
    Member member;
    switch (entry.type) {
      case EntryType::kFile:
        if (entry.sparse) {
          return absl::InvalidArgumentError(absl::StrCat("member ", name, " is a sparse file"));
        }
        member.offset = start + reader.content_position();
        member.size = entry.size;
        break;
      case EntryType::kHardLink: {
        ASSIGN_OR_RETURN(member.link, PlainMemberName(entry.link_target));
        break;
      }
      case EntryType::kSymlink: {
        ASSIGN_OR_RETURN(member.link, ResolveLink(name, entry.link_target));
        break;
      }
      default:
        return absl::InvalidArgumentError(absl::StrCat("member ", name, " is a device or fifo"));
    }
    if (name.empty() || (entry.type != EntryType::kFile && member.link.empty())) {
      return absl::InvalidArgumentError("the archive has a member without a name");
    }
    if (!members_.emplace(name, std::move(member)).second && !absl::StartsWith(name, "blobs/")) {
      return absl::InvalidArgumentError(absl::StrCat("the archive has two members named ", name));
    }
  }
  return absl::OkStatus();
}

bool TarIndex::HasBelow(absl::string_view prefix) const {
  const auto found = members_.lower_bound(prefix);
  return found != members_.end() && absl::StartsWith(found->first, prefix);
}

std::vector<std::string> TarIndex::Names() const {
  std::vector<std::string> names;
  names.reserve(members_.size());
  for (const auto& [name, member] : members_) names.push_back(name);
  return names;
}

absl::StatusOr<const TarIndex::Member*> TarIndex::Find(absl::string_view name) const {
  ASSIGN_OR_RETURN(std::string current, PlainMemberName(name));
  for (int i = 0; i <= kMaxIndexLinks; ++i) {
    const auto found = members_.find(current);
    if (found == members_.end()) {
      return absl::NotFoundError(absl::StrCat("the archive has no ", Printable(name)));
    }
    if (found->second.link.empty()) return &found->second;
    current = found->second.link;
  }
  return absl::InvalidArgumentError(absl::StrCat("member ", Printable(name), " is a link without an end"));
}

absl::StatusOr<int64_t> TarIndex::SizeOf(absl::string_view name) const {
  ASSIGN_OR_RETURN(const Member* member, Find(name));
  return member->size;
}

absl::StatusOr<std::unique_ptr<ByteSource>> TarIndex::OpenMember(absl::string_view name,
                                                                 int64_t offset) const {
  ASSIGN_OR_RETURN(const Member* member, Find(name));
  if (offset < 0 || offset > member->size) {
    return absl::InvalidArgumentError(absl::StrCat("byte ", offset, " of a member of ", member->size));
  }
  return std::make_unique<FileRange>(file_, member->offset + offset, member->size - offset);
}

absl::StatusOr<std::string> TarIndex::ReadMember(absl::string_view name, size_t max_bytes) const {
  ASSIGN_OR_RETURN(const int64_t size, SizeOf(name));
  if (size > static_cast<int64_t>(max_bytes)) {
    return absl::ResourceExhaustedError(
        absl::StrCat(Printable(name), " has ", size, " bytes, more than the ", max_bytes, " allowed"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, OpenMember(name));
  StringSink sink;
  RETURN_IF_ERROR(Copy(*source, sink).status(), "read ", Printable(name));
  if (sink.data().size() != static_cast<size_t>(size)) {
    return absl::DataLossError(absl::StrCat(Printable(name), " is cut short"));
  }
  return std::move(sink.data());
}

}  // namespace coracle::archive
