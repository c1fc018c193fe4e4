// --chmod: an octal mode, or chmod(1)'s letters.
#ifndef CORACLE_BUILD_MODE_CHANGE_H_
#define CORACLE_BUILD_MODE_CHANGE_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::build {

class ModeChange {
 public:
  // "755", "u=rwX,go=rX", "+x"; empty changes nothing. Errors: InvalidArgument.
  static absl::StatusOr<ModeChange> Parse(absl::string_view text);

  mode_t Apply(mode_t mode, bool is_directory) const;

 private:
  struct Clause {
    mode_t who = 0;  // of 0700, 0070, 0007 and their set-id bits
    char operation = '=';
    bool read = false, write = false, execute = false, execute_if_any = false, set_id = false, sticky = false;
  };
  std::optional<mode_t> octal_;
  std::vector<Clause> clauses_;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_MODE_CHANGE_H_
