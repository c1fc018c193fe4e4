#include "archive/pax.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::archive {
namespace {

constexpr char kSparseMap[] = "GNU.sparse.map";
constexpr absl::string_view kSchilyXattr = "SCHILY.xattr.";
constexpr absl::string_view kLibarchiveXattr = "LIBARCHIVE.xattr.";

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("pax header: ", what));
}

const std::string* FindRecord(const PaxRecords& records, absl::string_view key) {
  const auto found = records.find(std::string(key));
  return found == records.end() || found->second.empty() ? nullptr : &found->second;
}

// Format 0.0 repeats two keywords in turn; a comma joins them, so an odd count shows when the map is read.
absl::Status AddRecord(absl::string_view key, absl::string_view value, bool& map_started,
                       PaxRecords& records) {
  if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes") {
    RETURN_IF_ERROR(ParsePaxNumber(value).status());
    std::string& map = records[kSparseMap];
    if (!map_started) map.clear();
    map_started = true;
    absl::StrAppend(&map, map.empty() ? "" : ",", value);
    return absl::OkStatus();
  }
  records[std::string(key)] = std::string(value);
  return absl::OkStatus();
}

absl::Status SetText(const PaxRecords& records, absl::string_view key, std::string& out) {
  const std::string* value = FindRecord(records, key);
  if (value == nullptr) return absl::OkStatus();
  if (absl::StrContains(*value, '\0')) return Malformed(absl::StrCat(key, " contains a NUL byte"));
  out = *value;
  return absl::OkStatus();
}

absl::Status SetId(const PaxRecords& records, absl::string_view key, uint32_t& out) {
  const std::string* value = FindRecord(records, key);
  if (value == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t id, ParsePaxNumber(*value), "pax header: ", key);
  // The highest number means "leave unchanged" to chown(2).
  if (id >= std::numeric_limits<uint32_t>::max())
    return Malformed(absl::StrCat(key, " ", id, " is out of range"));
  out = static_cast<uint32_t>(id);
  return absl::OkStatus();
}

std::string PercentDecode(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) &&
        absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      out += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

absl::Status AddXattr(std::string name, std::string value, TarEntry& entry) {
  if (name.empty() || name.size() > kMaxXattrNameBytes || absl::StrContains(name, '\0')) {
    return Malformed("an extended attribute's name is empty, too long or contains a NUL byte");
  }
  if (value.size() > kMaxXattrValueBytes) {
    return Malformed(
        absl::StrCat("extended attribute ", name, " is longer than ", kMaxXattrValueBytes, " bytes"));
  }
  entry.xattrs[std::move(name)] = std::move(value);
  return absl::OkStatus();
}

// Records are sorted, so LIBARCHIVE's come first and SCHILY's, which are exact, win.
absl::Status ApplyXattrs(const PaxRecords& records, TarEntry& entry) {
  for (auto it = records.lower_bound(std::string(kLibarchiveXattr)); it != records.end(); ++it) {
    absl::string_view key = it->first;
    if (!absl::ConsumePrefix(&key, kLibarchiveXattr)) break;
    std::string value;
    // libarchive leaves the padding out; either form decodes.
    if (!absl::Base64Unescape(it->second, &value)) return Malformed(absl::StrCat(it->first, " is no base64"));
    RETURN_IF_ERROR(AddXattr(PercentDecode(key), std::move(value), entry));
  }
  for (auto it = records.lower_bound(std::string(kSchilyXattr)); it != records.end(); ++it) {
    absl::string_view key = it->first;
    if (!absl::ConsumePrefix(&key, kSchilyXattr)) break;
    RETURN_IF_ERROR(AddXattr(std::string(key), it->second, entry));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SparseExtent>> ParseSparseMap(absl::string_view text) {
  std::vector<SparseExtent> map;
  bool is_offset = true;
  for (const absl::string_view number : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    ASSIGN_OR_RETURN(const int64_t value, ParsePaxNumber(number), "pax header: sparse map");
    if (is_offset) {
      if (map.size() == kMaxSparseExtents) return Malformed("too many areas in a sparse map");
      map.push_back({value, 0});
    } else {
      map.back().length = value;
    }
    is_offset = !is_offset;
  }
  if (!is_offset) return Malformed("an odd sparse map");
  return map;
}

}  // namespace

absl::StatusOr<int64_t> ParsePaxNumber(absl::string_view text) {
  int64_t value;
  // SimpleAtoi skips spaces and takes a sign; neither is allowed here.
  if (text.empty() || text.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(text, &value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", Printable(text.substr(0, 40)), "' is no valid number"));
  }
  return value;
}

absl::StatusOr<timespec> ParsePaxTime(absl::string_view text) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  const size_t dot = text.find('.');
  ASSIGN_OR_RETURN(const int64_t seconds, ParsePaxNumber(text.substr(0, dot)));
  std::string digits = dot == absl::string_view::npos ? "" : std::string(text.substr(dot + 1, 9));
  digits.resize(9, '0');
  ASSIGN_OR_RETURN(const int64_t nanos, ParsePaxNumber(digits));
  timespec time = {seconds, static_cast<long>(nanos)};
  if (negative) {
    time.tv_sec = nanos == 0 ? -seconds : -seconds - 1;
    time.tv_nsec = static_cast<long>(nanos == 0 ? 0 : 1000000000 - nanos);
  }
  return time;
}

absl::Status ParsePax(absl::string_view content, PaxRecords& records) {
  bool map_started = false;
  while (!content.empty()) {
    // Some writers pad the last block's content with NULs inside its size.
    if (content.find_first_not_of('\0') == absl::string_view::npos) break;
    const size_t space = content.substr(0, 20).find(' ');
    if (space == absl::string_view::npos) return Malformed("a record without length");
    ASSIGN_OR_RETURN(const int64_t length, ParsePaxNumber(content.substr(0, space)), "pax header");
    if (length <= static_cast<int64_t>(space) + 1 || length > static_cast<int64_t>(content.size())) {
      return Malformed("a record's length is out of range");
    }
    absl::string_view record = content.substr(space + 1, static_cast<size_t>(length) - space - 1);
    content.remove_prefix(static_cast<size_t>(length));
    if (!absl::ConsumeSuffix(&record, "\n")) return Malformed("a record without its newline");
    const size_t equals = record.find('=');
    if (equals == absl::string_view::npos || equals == 0) return Malformed("a record without keyword");
    const absl::string_view key = record.substr(0, equals);
    if (absl::StrContains(key, '\0')) return Malformed("a keyword contains a NUL byte");
    RETURN_IF_ERROR(AddRecord(key, record.substr(equals + 1), map_started, records));
  }
  return absl::OkStatus();
}

absl::Status ApplyPax(const PaxRecords& records, TarEntry& entry, int64_t& stored_bytes) {
  if (records.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(SetText(records, "path", entry.path));
  RETURN_IF_ERROR(SetText(records, "linkpath", entry.link_target));
  RETURN_IF_ERROR(SetId(records, "uid", entry.uid));
  RETURN_IF_ERROR(SetId(records, "gid", entry.gid));
  if (const std::string* size = FindRecord(records, "size")) {
    ASSIGN_OR_RETURN(stored_bytes, ParsePaxNumber(*size), "pax header: size");
  }
  if (const std::string* mtime = FindRecord(records, "mtime")) {
    ASSIGN_OR_RETURN(entry.mtime, ParsePaxTime(*mtime), "pax header: mtime");
  }
  if (const std::string* atime = FindRecord(records, "atime")) {
    ASSIGN_OR_RETURN(entry.atime, ParsePaxTime(*atime), "pax header: atime");
  }
  return ApplyXattrs(records, entry);
}

absl::StatusOr<PaxSparse> ReadPaxSparse(const PaxRecords& records) {
  PaxSparse sparse;
  const std::string* major = FindRecord(records, "GNU.sparse.major");
  const std::string* minor = FindRecord(records, "GNU.sparse.minor");
  const std::string* map = FindRecord(records, kSparseMap);
  const bool map_in_data = major != nullptr && *major == "1" && minor != nullptr && *minor == "0";
  if (major != nullptr && !map_in_data && !(*major == "0" && minor != nullptr)) {
    return absl::UnimplementedError(absl::StrCat("sparse format ", Printable(*major), " is not supported"));
  }
  const std::string* size = FindRecord(records, "GNU.sparse.realsize");
  if (size == nullptr) size = FindRecord(records, "GNU.sparse.size");
  if (!map_in_data && map == nullptr) {
    // A file that is one hole has an empty map in 0.0 and 0.1.
    const std::string* blocks = FindRecord(records, "GNU.sparse.numblocks");
    if (size == nullptr || blocks == nullptr || *blocks != "0") return sparse;
  }
  if (size == nullptr) return Malformed("a sparse file without its size");
  ASSIGN_OR_RETURN(sparse.real_size, ParsePaxNumber(*size), "pax header: sparse size");
  RETURN_IF_ERROR(SetText(records, "GNU.sparse.name", sparse.path));
  sparse.format = map_in_data ? PaxSparse::Format::kMapInData : PaxSparse::Format::kMapInHeader;
  if (!map_in_data && map != nullptr) {
    ASSIGN_OR_RETURN(sparse.map, ParseSparseMap(*map));
  }
  return sparse;
}

absl::Status CheckSparseMap(const std::vector<SparseExtent>& map, int64_t real_size, int64_t stored_bytes) {
  int64_t end = 0, total = 0;
  for (const SparseExtent& extent : map) {
    if (extent.offset < end || extent.length < 0 || extent.length > real_size - extent.offset) {
      return absl::InvalidArgumentError("a sparse map with areas out of order or beyond the end of the file");
    }
    end = extent.offset + extent.length;
    total += extent.length;  // cannot overflow: areas are disjoint and end below 2^63
  }
  if (total != stored_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a sparse map of ", total, " bytes with ", stored_bytes, " bytes of data"));
  }
  return absl::OkStatus();
}

}  // namespace coracle::archive
