// Which fields a template may show: a listing of a thousand objects makes no others.
#ifndef CORACLE_CLI_LISTED_FIELDS_H_
#define CORACLE_CLI_LISTED_FIELDS_H_

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace coracle::cli {

class ListedFields {
 public:
  explicit ListedFields(absl::string_view format) : format_(format) {  // outlives the object
    // A bare dot ("{{json .}}", "{{range $k, $v := .}}") shows them all.
    for (size_t dot = format.find('.'); dot != absl::string_view::npos; dot = format.find('.', dot + 1)) {
      all_ |= dot + 1 == format.size() || !absl::ascii_isalpha(static_cast<unsigned char>(format[dot + 1]));
    }
  }
  bool Has(absl::string_view name) const { return all_ || absl::StrContains(format_, name); }

 private:
  absl::string_view format_;
  bool all_ = false;
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_LISTED_FIELDS_H_
