#include "build/owner.h"

#include "absl/strings/numbers.h"
#include "base/status.h"
#include "oci/user_lookup.h"

namespace coracle::build {

absl::StatusOr<Owner> LookUpOwner(absl::string_view text, const std::vector<std::string>& dirs,
                                  const BuildHost& host) {
  if (text.empty()) return Owner();
  const size_t colon = text.find(':');
  const bool has_group = colon != absl::string_view::npos && colon + 1 < text.size();
  uint32_t number = 0, group = 0;
  const bool is_number = absl::SimpleAtoi(text.substr(0, colon), &number) && number <= oci::kMaxUserId;
  if (is_number && !has_group) return Owner{number, number};
  if (is_number && absl::SimpleAtoi(text.substr(colon + 1), &group) && group <= oci::kMaxUserId) {
    return Owner{number, group};
  }
  ASSIGN_OR_RETURN(const oci::ResolvedUser user, oci::ResolveUser(text, host.read_file(dirs, "etc/passwd"),
                                                                  host.read_file(dirs, "etc/group")));
  return Owner{user.uid, user.gid};
}

}  // namespace coracle::build
