#include "base/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "base/utf8.h"

namespace coracle {
namespace {

constexpr size_t kMinColumn = 10;
constexpr size_t kPadding = 3;
constexpr int kJsonIndent = 4;
constexpr char kFormatContext[] = "--format";

using Lines = std::vector<std::vector<absl::string_view>>;

// Listings of a thousand rows are mostly made of such text: no need to look at it twice.
bool IsPlainAscii(absl::string_view text) {
  unsigned char outside = 0;
  for (const char c : text) outside |= static_cast<unsigned char>(c - 0x20) >= 0x5f ? 1 : 0;
  return outside == 0;
}

size_t Width(absl::string_view text) { return IsPlainAscii(text) ? text.size() : CountCodePoints(text); }

// Pads column `column` of the lines from `begin` on that have it and are neighbours; returns the line behind
// them. What was padded goes to the end of each line's text in `out`.
size_t AlignBlock(const Lines& lines, size_t begin, size_t column, std::vector<std::string>& out) {
  size_t end = begin;
  size_t width = kMinColumn;
  for (; end < lines.size() && lines[end].size() > column + 1; ++end) {
    width = std::max(width, Width(lines[end][column]) + kPadding);
  }
  for (size_t i = begin; i < end; ++i) {
    const absl::string_view cell = lines[i][column];
    out[i].append(cell.data(), cell.size());
    out[i].append(width - Width(cell), ' ');
  }
  return end;
}

// "\t" and "\n", spelled as two characters, become what they name, outside of {{ }}.
std::string UnescapeText(absl::string_view text) {
  std::string out;
  bool in_action = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const absl::string_view rest = text.substr(i);
    if (absl::StartsWith(rest, "{{")) in_action = true;
    if (absl::StartsWith(rest, "}}")) in_action = false;
    if (!in_action && absl::StartsWith(rest, "\\t")) {
      out += '\t';
      ++i;
    } else if (!in_action && absl::StartsWith(rest, "\\n")) {
      out += '\n';
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "{{range .}}…" or "{{range $x := .}}…": written for the whole list, as podman has it.
bool RangesOverAll(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "{{")) return false;
  absl::ConsumePrefix(&text, "-");
  text = absl::StripLeadingAsciiWhitespace(text);
  if (!absl::ConsumePrefix(&text, "range")) return false;
  absl::string_view pipe = text.substr(0, text.find("}}"));
  absl::ConsumeSuffix(&pipe, "-");
  pipe = absl::StripTrailingAsciiWhitespace(pipe);
  return absl::EndsWith(pipe, " .") || absl::EndsWith(pipe, "=.");
}

bool NeedsEscape(const Json& value) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    return !IsPlainAscii(text) && Printable(text) != text;
  }
  return value.is_structured() && std::any_of(value.begin(), value.end(), NeedsEscape);
}

Json Escaped(const Json& value) {
  if (value.is_string()) return Printable(value.get_ref<const std::string&>());
  if (!value.is_structured()) return value;
  Json copy = value;
  for (Json& element : copy) element = Escaped(element);
  return copy;
}

absl::Status AppendLine(std::string& out, const Template& parsed, const Json& data,
                        const ExecuteOptions& options) {
  ASSIGN_OR_RETURN(const std::string line, parsed.Execute(data, options), kFormatContext);
  out += line;
  if (!absl::EndsWith(line, "\n")) out += '\n';
  return absl::OkStatus();
}

absl::StatusOr<std::string> RenderTable(const ListingFormat& listing, absl::string_view columns, bool heading,
                                        const ExecuteOptions& options, const std::vector<Json>& rows) {
  ASSIGN_OR_RETURN(const Template parsed, Template::Parse(columns), kFormatContext);
  std::string out;
  if (heading) {
    Json names = Json::object();
    for (const Heading& entry : listing.headings)
      names[std::string(entry.field)] = std::string(entry.heading);
    ExecuteOptions heading_options = options;
    heading_options.heading = true;
    RETURN_IF_ERROR(AppendLine(out, parsed, names, heading_options));
  }
  for (const Json& row : rows) {
    RETURN_IF_ERROR(NeedsEscape(row) ? AppendLine(out, parsed, Escaped(row), options)
                                     : AppendLine(out, parsed, row, options));
  }
  return AlignColumns(out);
}

absl::StatusOr<std::string> RenderLines(absl::string_view text, const ExecuteOptions& options,
                                        const std::vector<Json>& rows) {
  ASSIGN_OR_RETURN(const Template parsed, Template::Parse(text), kFormatContext);
  std::string out;
  for (const Json& row : rows) RETURN_IF_ERROR(AppendLine(out, parsed, row, options));
  return out;
}

std::string JsonArray(const std::vector<Json>& values) {
  Json array = Json::array();
  for (const Json& value : values) array.push_back(value);
  return DumpJson(array, kJsonIndent) + "\n";
}

}  // namespace

std::string AlignColumns(absl::string_view text) {
  Lines lines;
  size_t columns = 0;
  absl::ConsumeSuffix(&text, "\n");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    lines.push_back(absl::StrSplit(line, '\t'));
    columns = std::max(columns, lines.back().size());
  }
  std::vector<std::string> padded(lines.size());
  for (size_t column = 0; column < columns; ++column) {
    for (size_t i = 0; i < lines.size();) {
      const size_t end = AlignBlock(lines, i, column, padded);
      if (end == i && lines[i].size() == column + 1) absl::StrAppend(&padded[i], lines[i][column]);
      i = std::max(end, i + 1);
    }
  }
  std::string out;
  for (const std::string& line : padded)
    absl::StrAppend(&out, absl::StripTrailingAsciiWhitespace(line), "\n");
  return out;
}

absl::StatusOr<std::string> RenderListing(const ListingFormat& listing, const ListingOptions& options,
                                          const std::vector<Json>& rows) {
  ExecuteOptions execute;
  execute.strict = true;
  execute.map_fields = listing.map_fields;
  execute.list_fields = listing.list_fields;
  absl::string_view format = options.format;
  if (format == "json") return JsonArray(rows);
  const bool is_table = format.empty() || format == "table" || absl::ConsumePrefix(&format, "table ");
  if (is_table && options.quiet) return RenderLines(listing.quiet, execute, rows);
  const std::string text = UnescapeText(absl::StripAsciiWhitespace(format));
  if (!is_table && RangesOverAll(text)) {
    Json all = Json::array();
    for (const Json& row : rows) all.push_back(row);
    return RenderLines(text, execute, {all});
  }
  if (!is_table) return RenderLines(text, execute, rows);
  const bool is_default = text.empty() || text == "table";
  return RenderTable(listing, is_default ? listing.columns : text, !options.no_heading, execute, rows);
}

absl::StatusOr<std::string> RenderInspect(absl::string_view format, const std::vector<Json>& objects,
                                          const ExecuteOptions& options) {
  if (format.empty() || format == "json") return JsonArray(objects);
  return RenderLines(UnescapeText(format), options, objects);
}

}  // namespace coracle
