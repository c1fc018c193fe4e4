#include "monitor/shrink_memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

// The linker's names for the ends of the program's read-only part.
extern "C" const char __executable_start, etext;

namespace coracle::monitor {
namespace {

constexpr uintptr_t kPage = 4096;
constexpr uintptr_t kStackReach = 1 << 20;  // how deep the start may have gone
constexpr uintptr_t kStackKept = 16 << 10;

}  // namespace

void ShrinkMemory() {
  malloc_trim(0);
  // Below our own frames the stack holds nothing. The kernel keeps stacks far from other mappings
  // (stack_guard_gap), so that the range can't reach into one; a part that is not mapped is passed over.
  const uintptr_t here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) & ~(kPage - 1);
  (void)madvise(reinterpret_cast<void*>(here - kStackReach), kStackReach - kStackKept, MADV_DONTNEED);
  const uintptr_t begin = reinterpret_cast<uintptr_t>(&__executable_start) & ~(kPage - 1);
  const uintptr_t end = reinterpret_cast<uintptr_t>(&etext) & ~(kPage - 1);
  if (end > begin) (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace coracle::monitor
