// User namespaces: whether we are in one, entering one without privileges, and writing id maps.
//
// A process without privileges may map only its own ids. The setuid helpers newuidmap(1) and newgidmap(1) map
// the ranges that /etc/subuid and /etc/subgid grant to its user. Files are parsed here: a static binary has
// no NSS. Source: user_namespaces(7), newuidmap(1), subuid(5).
#ifndef CORACLE_OS_USER_NAMESPACE_H_
#define CORACLE_OS_USER_NAMESPACE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "os/unique_fd.h"

namespace coracle::os {

struct IdRange {
  uint32_t inside = 0;   // first id in the namespace
  uint32_t outside = 0;  // first id in the parent namespace
  uint32_t count = 0;
};

// Whether this process lives in a user namespace other than the initial one (its uid map is not the
// identity).
bool InUserNamespace();

// The lines of a uid_map or gid_map file.
absl::StatusOr<std::vector<IdRange>> ReadIdMap(const char* path);

// The ranges that the text of /etc/subuid or /etc/subgid grants to the user, named or by number, in file
// order. Malformed lines are skipped, as newuidmap does; ranges that overflow 32 bits are too.
struct SubordinateRange {
  uint32_t start = 0;
  uint32_t count = 0;
};
std::vector<SubordinateRange> ParseSubordinateIds(absl::string_view text, absl::string_view user, uid_t uid);
// The name of `uid` in the text of /etc/passwd; empty if there is none.
std::string UserNameIn(absl::string_view passwd, uid_t uid);
// 0 -> `own`, then 1.. -> the ranges one after another.
std::vector<IdRange> RootlessMap(uint32_t own, absl::Span<const SubordinateRange> ranges);

// Writes the maps of the process `pid`, which has just entered a new user namespace made by us. Directly
// where we have the privilege, else through newuidmap and newgidmap. Errors: NotFound if a helper is needed
// and missing; else what the kernel or the helper said.
absl::Status WriteIdMaps(pid_t pid, absl::Span<const IdRange> uids, absl::Span<const IdRange> gids);

// A new user namespace with these maps, held by nothing but the descriptor: what an id-mapped mount asks for
// (mount_setattr(2), MOUNT_ATTR_IDMAP).
absl::StatusOr<UniqueFd> MakeUserNamespace(absl::Span<const IdRange> uids, absl::Span<const IdRange> gids);

struct RootlessIds {
  std::vector<IdRange> uids, gids;
  // Why only one's own id is mapped; empty if the subordinate ids are.
  std::string reduced_because;
};
// Puts this process, which is single-threaded and unprivileged, into new user and mount namespaces, as root
// there. Mounts are rslave. Without subordinate ids, or without the helpers, only one's own ids are mapped,
// and setgroups is off. Descriptors of directories opened before belong to the old mount namespace. Errors:
// PermissionDenied or ResourceExhausted with a hint that names the sysctl in the way, when user namespaces
// are forbidden. After an error past the unshare the process is of no use and should end.
absl::StatusOr<RootlessIds> EnterRootlessUserNamespace();

// Enters the user and mount namespaces of `pid` (a process of ours, such as a monitor), as root there.
// The working directory stays the same. The caller is single-threaded. Errors: NotFound if it has ended; else
// as setns(2).
absl::Status JoinUserNamespace(pid_t pid);

}  // namespace coracle::os

#endif  // CORACLE_OS_USER_NAMESPACE_H_
