#include "build/instruction_flags.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/suggest.h"
#include "base/text.h"

namespace coracle::build {
namespace {

absl::Status Unknown(absl::string_view flag, absl::Span<const FlagRow> known) {
  const absl::Status status = absl::InvalidArgumentError(absl::StrCat("unknown flag ", Printable(flag)));
  std::vector<absl::string_view> names;
  for (const FlagRow& row : known) names.push_back(row.name);
  const absl::string_view name = flag.substr(2, flag.find('=') - 2);
  const absl::string_view nearest = Nearest(name, names);
  if (!nearest.empty()) return WithHint(status, absl::StrCat("did you mean --", nearest, "?"));
  if (names.empty()) return WithHint(status, "this instruction takes none");
  return status;
}

}  // namespace

absl::StatusOr<Flags> Flags::Read(absl::Span<const std::string> given, absl::Span<const FlagRow> known) {
  Flags out;
  for (const std::string& flag : given) {
    const size_t equals = flag.find('=');
    const std::string name = flag.substr(2, equals == std::string::npos ? equals : equals - 2);
    const auto row =
        std::find_if(known.begin(), known.end(), [&](const FlagRow& r) { return r.name == name; });
    if (row == known.end()) return Unknown(flag, known);
    std::string value = equals == std::string::npos ? "" : flag.substr(equals + 1);
    if (row->kind == FlagRow::Kind::kBool) {
      if (equals == std::string::npos) value = "true";
      value = absl::AsciiStrToLower(value);
      if (value != "true" && value != "false")
        return absl::InvalidArgumentError(
            absl::StrCat("flag --", name, " takes true or false, not ", Printable(value)));
    } else if (equals == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("flag --", name, " needs a value: --", name, "=..."));
    }
    std::vector<std::string>& values = out.values_[name];
    if (!values.empty() && row->kind != FlagRow::Kind::kRepeated)
      return absl::InvalidArgumentError(absl::StrCat("flag --", name, " is given twice"));
    values.push_back(std::move(value));
  }
  return out;
}

std::string Flags::Value(absl::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? "" : found->second.front();
}

std::vector<std::string> Flags::Values(absl::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace coracle::build
