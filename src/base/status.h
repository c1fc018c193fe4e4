// Errors as values: absl::Status with context added on the way up, errno, an exit code and a hint as
// payloads.
//
// A leaf names operation and object, errno last ("open /x: No such file or directory"). Each layer adds what
// it was doing in front. Nobody compares message text; codes and payloads carry meaning.
#ifndef CORACLE_BASE_STATUS_H_
#define CORACLE_BASE_STATUS_H_

#include <optional>
#include <string>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace coracle {

// "<message>: <strerror(error)>", its code mapped from `error` (ENOENT: NotFound, EEXIST: AlreadyExists,
// EACCES and EPERM: PermissionDenied, EINVAL: InvalidArgument, ENOSPC, EDQUOT, EMFILE, ENOMEM:
// ResourceExhausted, EBUSY and ETXTBSY: FailedPrecondition, EINTR and EAGAIN: Unavailable, ENOSYS,
// EOPNOTSUPP: Unimplemented; else Unknown). The number itself is kept: see ErrnoOf.
absl::Status ErrnoStatus(int error, absl::string_view message);

// The errno that `status` was made from; 0 if from none.
int ErrnoOf(const absl::Status& status);

// A copy of `status` that says `code` is the process's exit code (125 engine, 126 not executable, 127 not
// found).
absl::Status WithExitCode(absl::Status status, int code);
// The exit code `status` carries, or nothing.
std::optional<int> ExitCodeOf(const absl::Status& status);

// A copy of `status` whose printed line ends in ": try '<hint>'"-like advice. The whole sentence is given.
absl::Status WithHint(absl::Status status, absl::string_view hint);

// The line that a person reads: message and, if any, hint, joined by ": ". Control characters are escaped.
std::string StatusLine(const absl::Status& status);

// `status` with "<context>: " in front of its message; code and payloads stay. OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

namespace status_internal {
inline absl::Status Context(const absl::Status& s) { return s; }
template <typename... Args>
absl::Status Context(const absl::Status& s, const Args&... args) {
  return Annotate(s, absl::StrCat(args...));
}
}  // namespace status_internal
}  // namespace coracle

// RETURN_IF_ERROR(expr) or RETURN_IF_ERROR(expr, "store layer ", digest).
#define RETURN_IF_ERROR(expr, ...)                                                           \
  do {                                                                                       \
    const absl::Status coracle_status = (expr);                                              \
    if (ABSL_PREDICT_FALSE(!coracle_status.ok()))                                            \
      return ::coracle::status_internal::Context(coracle_status __VA_OPT__(, ) __VA_ARGS__); \
  } while (false)

#define CORACLE_CONCAT_INNER(a, b) a##b
#define CORACLE_CONCAT(a, b) CORACLE_CONCAT_INNER(a, b)
// ASSIGN_OR_RETURN(UniqueFd fd, Open(path)) or with context: ASSIGN_OR_RETURN(auto fd, Open(p), "read ", p).
#define ASSIGN_OR_RETURN(lhs, expr, ...) \
  CORACLE_ASSIGN_OR_RETURN(CORACLE_CONCAT(coracle_result_, __LINE__), lhs, expr __VA_OPT__(, ) __VA_ARGS__)
#define CORACLE_ASSIGN_OR_RETURN(result, lhs, expr, ...)                                    \
  auto result = (expr);                                                                     \
  if (ABSL_PREDICT_FALSE(!result.ok()))                                                     \
    return ::coracle::status_internal::Context(result.status() __VA_OPT__(, ) __VA_ARGS__); \
  lhs = std::move(result).value()

#endif  // CORACLE_BASE_STATUS_H_
