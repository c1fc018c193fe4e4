// Users and groups of a container, from the text of its own /etc/passwd and /etc/group.
// Source: passwd(5), group(5); docker's documented meaning of --user and USER.
#ifndef CORACLE_OCI_USER_LOOKUP_H_
#define CORACLE_OCI_USER_LOOKUP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace coracle::oci {

inline constexpr uint32_t kMaxUserId = 0x7fffffff;
// What lies beyond is not read.
inline constexpr size_t kMaxUserFileBytes = 8 << 20;

struct ResolvedUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> additional_gids;  // sorted, without duplicates and without gid
  std::string home = "/";
  std::string name;  // empty if the uid has no entry
};

// Resolves `spec`, "name|uid[:group|gid]", or uid 0 if it is empty.
//
// A number is always an id. A uid without an entry has group 0 and home "/". A user with an entry has the
// entry's group and home, and as additional groups those that list the name, unless `spec` gives a group.
// Lines that make no sense are skipped.
// Errors: NotFound "unable to find user foo: no matching entries in passwd file" (or "... group ... group
// file"); InvalidArgument for an id above kMaxUserId.
absl::StatusOr<ResolvedUser> ResolveUser(absl::string_view spec, absl::string_view passwd_text,
                                         absl::string_view group_text);

// The ids of groups given by name or number (--group-add). Errors: as above.
absl::StatusOr<std::vector<uint32_t>> ResolveGroups(absl::Span<const std::string> groups,
                                                    absl::string_view group_text);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_USER_LOOKUP_H_
