#include "archive/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/match.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::archive {
namespace {

constexpr int64_t kBlock = static_cast<int64_t>(kTarBlockBytes);

int64_t PaddingOf(int64_t size) { return (kBlock - size % kBlock) % kBlock; }

bool IsZeroBlock(absl::string_view block) {
  return block[0] == '\0' && block.find_first_not_of('\0') == absl::string_view::npos;
}

absl::StatusOr<int64_t> SizeOf(const RawTarHeader& header) {
  ASSIGN_OR_RETURN(const int64_t size, ParseTarNumber(Field(header.size)), "size");
  // Room for the padding, so that no sum overflows.
  if (size < 0 || size > std::numeric_limits<int64_t>::max() - kBlock) {
    return absl::InvalidArgumentError("size is out of range");
  }
  return size;
}

absl::StatusOr<uint32_t> IdOf(absl::string_view field, absl::string_view what) {
  ASSIGN_OR_RETURN(const int64_t id, ParseTarNumber(field), what);
  // The highest number means "leave unchanged" to chown(2).
  if (id < 0 || id >= std::numeric_limits<uint32_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat(what, " ", id, " is out of range"));
  }
  return static_cast<uint32_t>(id);
}

// The path of the header itself: ustar's prefix stands before it.
std::string HeaderPath(const RawTarHeader& header, TarFlavor flavor) {
  const absl::string_view name = TarText(Field(header.name));
  absl::string_view prefix;
  if (flavor == TarFlavor::kUstar) prefix = TarText(Field(header.prefix));
  if (flavor == TarFlavor::kStar) prefix = TarText(Field(header.prefix).substr(0, 131));
  if (prefix.empty()) return std::string(name);
  return absl::StrCat(prefix, "/", name);
}

absl::StatusOr<EntryType> TypeOf(char type) {
  switch (type) {
    case '0':
    case '\0':
    case '7':  // contiguous
    case 'S':  // old GNU sparse
      return EntryType::kFile;
    case '1':
      return EntryType::kHardLink;
    case '2':
      return EntryType::kSymlink;
    case '3':
      return EntryType::kCharDevice;
    case '4':
      return EntryType::kBlockDevice;
    case '5':
    case 'D':  // GNU incremental: a directory whose content is a list of names
      return EntryType::kDirectory;
    case '6':
      return EntryType::kFifo;
    default:
      return absl::UnimplementedError(
          absl::StrCat("an entry of type '", Printable(absl::string_view(&type, 1)), "' is not supported"));
  }
}

// An empty value takes a global record back: what the header says counts again.
bool HasValue(const PaxRecords& records, const char* key) {
  if (records.empty()) return false;
  const auto found = records.find(key);
  return found != records.end() && !found->second.empty();
}

absl::Status CheckText(absl::string_view text, absl::string_view what) {
  if (text.size() > kMaxTarPathBytes) {
    return absl::InvalidArgumentError(absl::StrCat(what, " is longer than ", kMaxTarPathBytes, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace

TarReader::TarReader(ByteSource& source) : source_(source), buffer_(new char[kStreamBufferBytes]) {}

absl::Status TarReader::Truncated() const {
  return absl::DataLossError(
      absl::StrCat("tar archive truncated at byte ", position_ + static_cast<int64_t>(end_ - begin_)));
}

absl::Status TarReader::Buffer(size_t count) {
  if (end_ - begin_ >= count) return absl::OkStatus();
  if (begin_ > 0) {
    memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  while (end_ < count) {
    ASSIGN_OR_RETURN(const size_t got,
                     source_.Read(absl::MakeSpan(buffer_.get() + end_, kStreamBufferBytes - end_)));
    if (got == 0) break;
    end_ += got;
  }
  return absl::OkStatus();
}

void TarReader::Consume(size_t count) {
  begin_ += count;
  position_ += static_cast<int64_t>(count);
}

absl::StatusOr<bool> TarReader::Next(TarEntry& entry) {
  const absl::Status skipped = SkipContent();
  if (!skipped.ok()) return skipped;
  const int64_t at = position_;
  absl::StatusOr<bool> more = NextEntry(entry);
  if (more.ok() || absl::IsDataLoss(more.status()) || ErrnoOf(more.status()) != 0) return more;
  if (!entry.path.empty()) return Annotate(more.status(), absl::StrCat("entry ", entry.path));
  return Annotate(more.status(), absl::StrCat("tar header at byte ", at));
}

absl::StatusOr<bool> TarReader::NextEntry(TarEntry& entry) {
  entry = TarEntry();
  Pending pending;
  for (;;) {
    RawTarHeader header;
    ASSIGN_OR_RETURN(const bool more, ReadHeader(header));
    if (!more) {
      if (pending.any) return Truncated();
      return false;
    }
    switch (header.type) {
      case 'x':
      case 'X':  // Solaris' name for the same
      case 'g':
      case 'L':
      case 'K':
        RETURN_IF_ERROR(ReadExtension(header, pending));
        continue;
      case 'V':    // volume label
      case 'A': {  // Solaris ACL
        ASSIGN_OR_RETURN(remaining_, SizeOf(header));
        padding_ = PaddingOf(remaining_);
        sparse_ = false;
        RETURN_IF_ERROR(SkipContent());
        continue;
      }
      default:
        RETURN_IF_ERROR(FillEntry(header, pending, entry));
        return true;
    }
  }
}

absl::StatusOr<bool> TarReader::ReadHeader(RawTarHeader& header) {
  RETURN_IF_ERROR(Buffer(kTarBlockBytes));
  if (buffered().empty()) return false;
  if (buffered().size() < kTarBlockBytes) {
    if (!any_header_) return absl::InvalidArgumentError("not a tar archive");
    return Truncated();
  }
  if (IsZeroBlock(buffered().substr(0, kTarBlockBytes))) {
    RETURN_IF_ERROR(Buffer(2 * kTarBlockBytes));
    const absl::string_view second = buffered().substr(kTarBlockBytes, kTarBlockBytes);
    if (!second.empty() && !IsZeroBlock(second)) {
      return absl::InvalidArgumentError("a lone block of zeros among the headers");
    }
    has_end_marker_ = second.size() == kTarBlockBytes;
    return false;
  }
  memcpy(&header, buffered().data(), sizeof(header));
  if (!ChecksumMatches(header)) {
    return absl::InvalidArgumentError(any_header_ ? "the checksum does not match" : "not a tar archive");
  }
  any_header_ = true;
  Consume(kTarBlockBytes);
  return true;
}

absl::StatusOr<std::string> TarReader::ReadExtensionBody(int64_t size) {
  if (size > kMaxExtensionBytes) {
    return absl::InvalidArgumentError(absl::StrCat("an extension header of ", size, " bytes"));
  }
  std::string body;
  body.reserve(static_cast<size_t>(size));
  int64_t left = size;
  while (left > 0) {
    RETURN_IF_ERROR(Buffer(1));
    const absl::string_view piece = buffered().substr(0, static_cast<size_t>(left));
    if (piece.empty()) return Truncated();
    body.append(piece.data(), piece.size());
    left -= static_cast<int64_t>(piece.size());
    Consume(piece.size());
  }
  const size_t padding = static_cast<size_t>(PaddingOf(size));
  RETURN_IF_ERROR(Buffer(padding));
  if (buffered().size() < padding) return Truncated();
  Consume(padding);
  return body;
}

absl::Status TarReader::ReadExtension(const RawTarHeader& header, Pending& pending) {
  ASSIGN_OR_RETURN(const int64_t size, SizeOf(header));
  ASSIGN_OR_RETURN(const std::string body, ReadExtensionBody(size));
  pending.any = true;
  switch (header.type) {
    case 'L':
      pending.gnu_path = std::string(TarText(body));
      return absl::OkStatus();
    case 'K':
      pending.gnu_link = std::string(TarText(body));
      return absl::OkStatus();
    case 'g': {
      // Alone at the end of an archive it says nothing, and that is fine (git archive of an empty tree).
      pending.any = false;
      RETURN_IF_ERROR(ParsePax(body, global_pax_));
      int64_t total = 0;
      for (const auto& [key, value] : global_pax_) total += static_cast<int64_t>(key.size() + value.size());
      if (total > kMaxExtensionBytes) return absl::InvalidArgumentError("too many global pax records");
      return absl::OkStatus();
    }
    default:
      pending.pax.clear();
      return ParsePax(body, pending.pax);
  }
}

absl::Status TarReader::FillEntry(const RawTarHeader& header, const Pending& pending, TarEntry& entry) {
  const TarFlavor flavor = FlavorOf(header);
  entry.path = pending.gnu_path.empty() ? HeaderPath(header, flavor) : pending.gnu_path;
  entry.link_target =
      pending.gnu_link.empty() ? std::string(TarText(Field(header.link_name))) : pending.gnu_link;
  ASSIGN_OR_RETURN(entry.type, TypeOf(header.type));
  ASSIGN_OR_RETURN(const int64_t mode, ParseTarNumber(Field(header.mode)), "mode");
  entry.mode = static_cast<mode_t>(mode) & 07777;
  ASSIGN_OR_RETURN(entry.mtime.tv_sec, ParseTarNumber(Field(header.mtime)), "mtime");
  // Merged only where there is something to merge: most entries have neither kind of record.
  PaxRecords merged;
  const PaxRecords* pax = &pending.pax;
  if (!global_pax_.empty()) {
    merged = pending.pax;
    merged.insert(global_pax_.begin(), global_pax_.end());
    pax = &merged;
  }
  // A writer that puts an id into pax records may leave anything in the field.
  if (!HasValue(*pax, "uid")) {
    ASSIGN_OR_RETURN(entry.uid, IdOf(Field(header.uid), "uid"));
  }
  if (!HasValue(*pax, "gid")) {
    ASSIGN_OR_RETURN(entry.gid, IdOf(Field(header.gid), "gid"));
  }
  int64_t stored = 0;
  if (!HasValue(*pax, "size")) {
    ASSIGN_OR_RETURN(stored, SizeOf(header));
  }
  RETURN_IF_ERROR(ApplyPax(*pax, entry, stored));
  if (stored > std::numeric_limits<int64_t>::max() - kBlock)
    return absl::InvalidArgumentError("size is out of range");
  if (flavor != TarFlavor::kV7 &&
      (entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice)) {
    ASSIGN_OR_RETURN(entry.dev_major, IdOf(Field(header.dev_major), "device number"));
    ASSIGN_OR_RETURN(entry.dev_minor, IdOf(Field(header.dev_minor), "device number"));
  }
  RETURN_IF_ERROR(SetUpContent(header, *pax, stored, entry));
  // What v7 had for directories. Any content is skipped.
  if (entry.type == EntryType::kFile && absl::EndsWith(entry.path, "/")) {
    entry.type = EntryType::kDirectory;
    entry.size = 0;
  }
  RETURN_IF_ERROR(CheckText(entry.path, "path"));
  RETURN_IF_ERROR(CheckText(entry.link_target, "link target"));
  if (entry.path.empty()) return absl::InvalidArgumentError("an entry without a name");
  return absl::OkStatus();
}

absl::Status TarReader::SetUpContent(const RawTarHeader& header, const PaxRecords& pax, int64_t stored,
                                     TarEntry& entry) {
  sparse_ = false;
  map_.clear();
  extent_ = 0;
  extent_offset_ = 0;
  // The size field of links, directories, devices and fifos announces no content (POSIX), except GNU's 'D'.
  if (entry.type != EntryType::kFile && header.type != 'D') stored = 0;
  remaining_ = stored;
  padding_ = PaddingOf(stored);
  if (entry.type != EntryType::kFile) return absl::OkStatus();
  entry.size = stored;
  if (header.type == 'S') return ReadOldSparseMap(header, entry);
  ASSIGN_OR_RETURN(PaxSparse sparse, ReadPaxSparse(pax));
  if (sparse.format == PaxSparse::Format::kNone) return absl::OkStatus();
  if (!sparse.path.empty()) entry.path = std::move(sparse.path);
  sparse_ = entry.sparse = true;
  entry.size = sparse.real_size;
  map_ = std::move(sparse.map);
  if (sparse.format == PaxSparse::Format::kMapInData) RETURN_IF_ERROR(ReadSparseMapInData());
  return CheckSparseMap(map_, entry.size, remaining_);
}

absl::Status TarReader::ReadOldSparseMap(const RawTarHeader& header, TarEntry& entry) {
  absl::string_view block(reinterpret_cast<const char*>(&header), kTarBlockBytes);
  ASSIGN_OR_RETURN(entry.size, ParseTarNumber(block.substr(kGnuSparseRealSize, 12)), "sparse size");
  if (entry.size < 0) return absl::InvalidArgumentError("sparse size is out of range");
  sparse_ = entry.sparse = true;
  const auto read_extents = [this](absl::string_view entries, size_t count) -> absl::Status {
    for (size_t i = 0; i < count; ++i, entries.remove_prefix(24)) {
      if (entries[0] == '\0') break;  // an unused slot
      if (map_.size() == kMaxSparseExtents)
        return absl::InvalidArgumentError("too many areas in a sparse map");
      SparseExtent extent;
      ASSIGN_OR_RETURN(extent.offset, ParseTarNumber(entries.substr(0, 12)), "sparse map");
      ASSIGN_OR_RETURN(extent.length, ParseTarNumber(entries.substr(12, 12)), "sparse map");
      map_.push_back(extent);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(read_extents(block.substr(kGnuSparseMap), kGnuSparseHeaderEntries));
  bool extended = block[kGnuSparseIsExtended] != '\0';
  while (extended) {
    RETURN_IF_ERROR(Buffer(kTarBlockBytes));
    if (buffered().size() < kTarBlockBytes) return Truncated();
    block = buffered().substr(0, kTarBlockBytes);
    extended = block[kGnuSparseBlockIsExtended] != '\0';
    RETURN_IF_ERROR(read_extents(block, kGnuSparseBlockEntries));
    Consume(kTarBlockBytes);
  }
  return CheckSparseMap(map_, entry.size, remaining_);
}

absl::StatusOr<absl::string_view> TarReader::ContentBlock() {
  RETURN_IF_ERROR(Buffer(kTarBlockBytes));
  if (buffered().size() < kTarBlockBytes) return Truncated();
  if (remaining_ < kBlock) return absl::InvalidArgumentError("a sparse map beyond the end of its entry");
  remaining_ -= kBlock;
  const absl::string_view block = buffered().substr(0, kTarBlockBytes);
  Consume(kTarBlockBytes);  // leaves the bytes in place until the next Buffer()
  return block;
}

// Format 1.0: decimal numbers, one a line, the count of areas first; padded to a block.
absl::Status TarReader::ReadSparseMapInData() {
  absl::string_view block;
  const auto next_number = [&]() -> absl::StatusOr<int64_t> {
    std::string digits;
    for (;;) {
      if (block.empty()) {
        ASSIGN_OR_RETURN(block, ContentBlock());
      }
      const char c = block[0];
      block.remove_prefix(1);
      if (c == '\n') break;
      digits += c;
      if (digits.size() > 20) return absl::InvalidArgumentError("a malformed sparse map");
    }
    ASSIGN_OR_RETURN(const int64_t value, ParsePaxNumber(digits), "sparse map");
    return value;
  };
  ASSIGN_OR_RETURN(const int64_t count, next_number());
  if (count > static_cast<int64_t>(kMaxSparseExtents)) {
    return absl::InvalidArgumentError("too many areas in a sparse map");
  }
  for (int64_t i = 0; i < count; ++i) {
    SparseExtent extent;
    ASSIGN_OR_RETURN(extent.offset, next_number());
    ASSIGN_OR_RETURN(extent.length, next_number());
    map_.push_back(extent);
  }
  return absl::OkStatus();
}

absl::StatusOr<TarPiece> TarReader::ReadPiece() {
  TarPiece piece;
  if (remaining_ == 0) return piece;
  RETURN_IF_ERROR(Buffer(1));
  if (buffered().empty()) return Truncated();
  int64_t length = std::min(remaining_, static_cast<int64_t>(buffered().size()));
  piece.offset = extent_offset_;
  if (sparse_) {
    // The map adds up to what is stored, so an area with something left exists.
    while (extent_offset_ == map_[extent_].length) {
      ++extent_;
      extent_offset_ = 0;
    }
    length = std::min(length, map_[extent_].length - extent_offset_);
    piece.offset = map_[extent_].offset + extent_offset_;
  }
  piece.data = buffered().substr(0, static_cast<size_t>(length));
  extent_offset_ += length;
  remaining_ -= length;
  Consume(static_cast<size_t>(length));
  return piece;
}

absl::Status TarReader::SkipContent() {
  int64_t left = remaining_ + padding_;
  remaining_ = padding_ = 0;
  while (left > 0) {
    RETURN_IF_ERROR(Buffer(1));
    const int64_t count = std::min(left, static_cast<int64_t>(buffered().size()));
    if (count == 0) return Truncated();
    Consume(static_cast<size_t>(count));
    left -= count;
  }
  return absl::OkStatus();
}

absl::Status TarReader::DrainSource() {
  begin_ = end_ = 0;
  return Drain(source_);
}

}  // namespace coracle::archive
