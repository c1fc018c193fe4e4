#include "base/status.h"

#include <cerrno>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "base/text.h"

namespace coracle {
namespace {

constexpr char kErrno[] = "coracle/errno";
constexpr char kExitCode[] = "coracle/exit-code";
constexpr char kHint[] = "coracle/hint";

absl::StatusCode CodeOfErrno(int error) {
  switch (error) {
    case ENOENT:
    case ESRCH:
    case ENODEV:
    case ENXIO:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case EINVAL:
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
      return absl::StatusCode::kInvalidArgument;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case EBUSY:
    case ETXTBSY:
    case ENOTEMPTY:
      return absl::StatusCode::kFailedPrecondition;
    case EINTR:
    case EAGAIN:
    case ECONNREFUSED:
    case ECONNRESET:
      return absl::StatusCode::kUnavailable;
    case ENOSYS:
    case EOPNOTSUPP:
      return absl::StatusCode::kUnimplemented;
    default:
      return absl::StatusCode::kUnknown;
  }
}

std::optional<int> IntPayload(const absl::Status& status, const char* key) {
  const auto payload = status.GetPayload(key);
  int value = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &value)) return std::nullopt;
  return value;
}

}  // namespace

absl::Status ErrnoStatus(int error, absl::string_view message) {
  char buffer[128];
  absl::Status status(CodeOfErrno(error),
                      absl::StrCat(message, ": ", strerror_r(error, buffer, sizeof(buffer))));
  status.SetPayload(kErrno, absl::Cord(absl::StrCat(error)));
  return status;
}

int ErrnoOf(const absl::Status& status) { return IntPayload(status, kErrno).value_or(0); }

absl::Status WithExitCode(absl::Status status, int code) {
  status.SetPayload(kExitCode, absl::Cord(absl::StrCat(code)));
  return status;
}

std::optional<int> ExitCodeOf(const absl::Status& status) { return IntPayload(status, kExitCode); }

absl::Status WithHint(absl::Status status, absl::string_view hint) {
  status.SetPayload(kHint, absl::Cord(hint));
  return status;
}

std::string StatusLine(const absl::Status& status) {
  std::string line(status.message());
  if (const auto hint = status.GetPayload(kHint); hint.has_value())
    absl::StrAppend(&line, ": ", std::string(*hint));
  return Printable(line);
}

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload(
      [&](absl::string_view key, const absl::Cord& payload) { annotated.SetPayload(key, payload); });
  return annotated;
}

}  // namespace coracle
