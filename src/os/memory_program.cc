#include "os/memory_program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/status.h"
#include "os/file.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // linux/memfd.h since Linux 6.3; older kernels answer EINVAL
#endif

namespace coracle::os {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

absl::StatusOr<UniqueFd> MakeMemoryProgram(const char* name) {
  UniqueFd program(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC));
  if (!program.valid() && errno == EINVAL) program.Reset(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!program.valid()) return ErrnoStatus(errno, "make a program in memory");
  return program;
}

absl::Status SealMemoryProgram(const UniqueFd& program) {
  if (fcntl(program.get(), F_ADD_SEALS, kSeals) != 0) return ErrnoStatus(errno, "seal the program in memory");
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> MemoryProgram(absl::string_view elf, const char* name) {
  ASSIGN_OR_RETURN(UniqueFd program, MakeMemoryProgram(name));
  RETURN_IF_ERROR(WriteAll(program.get(), elf), "make a program in memory");
  RETURN_IF_ERROR(SealMemoryProgram(program));
  return program;
}

}  // namespace coracle::os
