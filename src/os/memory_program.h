// Programs that are executed from memory: sealed files that no process can change and that have no name.
#ifndef CORACLE_OS_MEMORY_PROGRAM_H_
#define CORACLE_OS_MEMORY_PROGRAM_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/unique_fd.h"

namespace coracle::os {

// An executable file of the caller's to fill, close-on-exec; `name` shows in /proc/PID/maps. Errors: EACCES
// where /proc/sys/vm/memfd_noexec forbids it. Source: memfd_create(2).
absl::StatusOr<UniqueFd> MakeMemoryProgram(const char* name);

// Takes the right to change it from everyone, also from us. Errors: as fcntl(2), F_ADD_SEALS.
absl::Status SealMemoryProgram(const UniqueFd& program);

// Both, with `elf` as its content. For execveat(2) with AT_EMPTY_PATH.
absl::StatusOr<UniqueFd> MemoryProgram(absl::string_view elf, const char* name);

}  // namespace coracle::os

#endif  // CORACLE_OS_MEMORY_PROGRAM_H_
