// Locking a file, and waiting for that in one thread of many.
#ifndef CORACLE_OS_FILE_WAIT_H_
#define CORACLE_OS_FILE_WAIT_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "os/cancel.h"
#include "os/unique_fd.h"

namespace coracle::os {

// Locks `path` exclusively, making the file (0600) if need be; the lock lives as long as the descriptor. If
// somebody else unlinks the file while we wait, the next file of that name is locked.
//
// `cancel`, if given, ends the wait with its error within half a second. `waiting`, if given, is called once,
// with a descriptor of the locked file, when the wait has lasted a second. Meanwhile the process's action for
// SIGALRM is one that does nothing.
// Source: fcntl_locking(2); timer_create(2), SIGEV_THREAD_ID.
absl::StatusOr<UniqueFd> LockFile(const std::string& path, const CancelFlag* cancel = nullptr,
                                  const std::function<void(int fd)>& waiting = nullptr);

// The same without waiting. Errors: FailedPrecondition if somebody holds it.
absl::StatusOr<UniqueFd> TryLockFile(const std::string& path);

}  // namespace coracle::os

#endif  // CORACLE_OS_FILE_WAIT_H_
