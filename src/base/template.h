// Go's text/template over JSON values, for --format.
//
// The whole language: text with trimmed blanks, comments, pipelines, variables, if, else if, with, range
// (with break, continue and else; over lists, maps and numbers), define, template, block, parentheses with
// fields behind them, all literals but imaginary ones, and the functions
//   and or not eq ne lt le gt ge len index slice print printf println html js urlquery
//   json join split lower upper title truncate pad        (docker's and podman's)
// Values print as Go prints them: [a b], map[k:v] in the order of the keys, <no value>, <nil>, true.
// A field called with arguments looks its string arguments up in the field's object, one after the other, and
// is "" if that has none: a command that offers {"Label": {…}} so has the method of `{{.Label "name"}}`. A
// number is what it is in JSON: integers and floats compare with each other, which Go refuses. Source:
// pkg.go.dev/text/template; pkg.go.dev/fmt; docs.docker.com, "Format command and log output".
#ifndef CORACLE_BASE_TEMPLATE_H_
#define CORACLE_BASE_TEMPLATE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/json.h"

namespace coracle {

namespace template_internal {
struct Program;
}

// Bounds of a template from a user: text, nesting of actions, parentheses and templates; of its execution:
// evaluated parts, and bytes in the output and in all the strings made on the way.
inline constexpr size_t kMaxTemplateBytes = 1 << 20;
inline constexpr int kMaxTemplateDepth = 64;
inline constexpr int64_t kMaxTemplateSteps = 20'000'000;
inline constexpr int64_t kMaxTemplateOutput = 64 << 20;

struct ExecuteOptions {
  // A field that an object does not have is an error, as for a Go struct, instead of <no value>, as for a Go
  // map.
  bool strict = false;
  // Fields (by their last name, at any depth) whose objects are maps even then: "Labels", "Annotations".
  absl::Span<const absl::string_view> map_fields = {};
  // Fields that print as [] when they are null, as an empty Go slice does.
  absl::Span<const absl::string_view> list_fields = {};
  // For the heading of a table: `data` maps fields to headings, any other field is its own name in upper case
  // with blanks between words, and functions that change strings return them unchanged.
  bool heading = false;
};

// Immutable; copies share the parsed form.
class Template {
 public:
  // Errors: InvalidArgument with line and column: "template: 1:9: function \"foo\" not defined".
  static absl::StatusOr<Template> Parse(absl::string_view text);

  // Errors: InvalidArgument with line and column for what Go would fail on while executing ("can't evaluate
  // field X", "index out of range: 3"); ResourceExhausted over the bounds.
  absl::StatusOr<std::string> Execute(const Json& data, const ExecuteOptions& options = {}) const;

 private:
  explicit Template(std::shared_ptr<const template_internal::Program> program)
      : program_(std::move(program)) {}

  std::shared_ptr<const template_internal::Program> program_;
};

}  // namespace coracle

#endif  // CORACLE_BASE_TEMPLATE_H_
