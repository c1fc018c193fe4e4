// What listings and inspect commands print: aligned tables, templates, JSON.
#ifndef CORACLE_BASE_TABLE_H_
#define CORACLE_BASE_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/json.h"
#include "base/template.h"

namespace coracle {

// `text` with its tab-terminated cells aligned: a column is as wide as its widest cell plus 3 blanks, at
// least 10, over neighbouring lines that have it. The last cell of a line ends no column; blanks at line ends
// are removed. Widths are counted in code points. Source: Go text/tabwriter with docker's settings (10, 1,
// 3).
std::string AlignColumns(absl::string_view text);

struct Heading {
  absl::string_view field;    // of the rows
  absl::string_view heading;  // "CONTAINER ID"
};

// What a listing command knows about its rows.
struct ListingFormat {
  // Headings that are not the field's name in upper case ("CreatedAt" is "CREATED AT" by itself).
  absl::Span<const Heading> headings;
  absl::string_view columns;  // template of the default table: "{{.ID}}\t{{.Names}}"
  absl::string_view quiet;    // template with --quiet: "{{.ID}}"
  absl::Span<const absl::string_view> map_fields = {};  // see ExecuteOptions
  absl::Span<const absl::string_view> list_fields = {};
};

// What the user asked for.
struct ListingOptions {
  std::string format;  // --format
  bool quiet = false;
  bool no_heading = false;
};

// The text of a listing; `rows` are objects, already shortened or not as --no-trunc says.
//
// --format is "" or "table": the default table; "table TEMPLATE": a table of one's own; "json": an array,
// indented by 4; else a template that gives one line for each row, or for all rows together if it begins with
// a {{range}} over the dot. Outside of actions, \t and \n of a template are a tab and a line end. --quiet
// wins over a table. In tables control characters of the rows are escaped. Errors: InvalidArgument for the
// template, naming --format.
absl::StatusOr<std::string> RenderListing(const ListingFormat& listing, const ListingOptions& options,
                                          const std::vector<Json>& rows);

// The text of an inspect command: `format` is "" or "json" for an array indented by 4, else a template that
// gives one line for each object. Errors: as above.
absl::StatusOr<std::string> RenderInspect(absl::string_view format, const std::vector<Json>& objects,
                                          const ExecuteOptions& options);

}  // namespace coracle

#endif  // CORACLE_BASE_TABLE_H_
