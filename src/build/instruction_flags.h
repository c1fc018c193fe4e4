// The --flags of one instruction, checked against those it knows.
#ifndef CORACLE_BUILD_INSTRUCTION_FLAGS_H_
#define CORACLE_BUILD_INSTRUCTION_FLAGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace coracle::build {

struct FlagRow {
  enum class Kind { kValue, kBool, kRepeated };
  absl::string_view name;  // without "--"
  Kind kind = Kind::kValue;
};

class Flags {
 public:
  // Errors: InvalidArgument for a flag that is not in `known` (a hint names the nearest), one without the
  // value it needs, one given twice that is not repeatable, or a bool that is neither true nor false.
  static absl::StatusOr<Flags> Read(absl::Span<const std::string> given, absl::Span<const FlagRow> known);

  bool Has(absl::string_view name) const { return values_.count(std::string(name)) != 0; }
  std::string Value(absl::string_view name) const;  // "" if not given
  bool IsTrue(absl::string_view name) const { return Value(name) == "true"; }
  std::vector<std::string> Values(absl::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_INSTRUCTION_FLAGS_H_
