#include "monitor/idle_poll.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "os/unique_fd.h"

// The linker's name for the ELF header in memory.
extern "C" const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

namespace coracle::monitor {
namespace {

constexpr uintptr_t kPage = 4096;
constexpr uintptr_t kStackReach = 1 << 20;  // how deep the start may have gone
// Bit 61 of /proc/PID/pagemap: a page of a file, not a private copy.
// Source: Documentation/admin-guide/mm/pagemap.rst.
constexpr uint64_t kFilePage = 1ull << 61;

struct Range {
  uintptr_t begin, size;
};
constexpr size_t kMaxRanges = 64;

[[maybe_unused]] uintptr_t PageOf(uintptr_t address) { return address & ~(kPage - 1); }

#if defined(__SANITIZE_ADDRESS__) || !(defined(__x86_64__) || defined(__aarch64__))
#define CORACLE_NO_IDLE_PAGE 1
#endif

#ifndef CORACLE_NO_IDLE_PAGE

// A system call without libc, whose text would be mapped by it.
__attribute__((always_inline)) inline long RawCall(long number, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
#else
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
#endif
}

// Drops the ranges, then polls: everything that runs from the first drop to the end of the wait.
__attribute__((section(".text.coracle_idle"), aligned(4096), noinline, no_stack_protector)) long DropAndPoll(
    const Range* ranges, size_t range_count, pollfd* polls, size_t count, const timespec* timeout) {
  for (size_t i = 0; i < range_count; ++i) {
    RawCall(SYS_madvise, static_cast<long>(ranges[i].begin), static_cast<long>(ranges[i].size), MADV_DONTNEED,
            0, 0);
  }
  return RawCall(SYS_ppoll, reinterpret_cast<long>(polls), static_cast<long>(count),
                 reinterpret_cast<long>(timeout), 0, 8);
}
// The next function must not share the page.
__attribute__((section(".text.coracle_idle"), aligned(4096), noinline, used)) void EndOfIdlePage() {}

struct RangeList {
  Range ranges[kMaxRanges];
  size_t count = 0;

  void Add(uintptr_t begin, uintptr_t end) {
    if (end <= begin) return;
    if (count > 0 && ranges[count - 1].begin + ranges[count - 1].size == begin) {
      ranges[count - 1].size += end - begin;
    } else if (count < kMaxRanges) {
      ranges[count++] = Range{begin, end - begin};
    }
  }
};

// Of a writable segment only the pages that are still the file's.
void AddUnchanged(int pagemap, uintptr_t begin, uintptr_t end, RangeList* list) {
  uint64_t entries[64];
  while (begin < end) {
    const size_t pages = std::min<size_t>((end - begin) / kPage, 64);
    const ssize_t got = pread(pagemap, entries, pages * 8, static_cast<off_t>(begin / kPage * 8));
    if (got < 8) return;
    for (size_t i = 0; i < static_cast<size_t>(got) / 8; ++i) {
      if ((entries[i] & kFilePage) != 0) list->Add(begin + i * kPage, begin + (i + 1) * kPage);
    }
    begin += static_cast<size_t>(got) / 8 * kPage;
  }
}

void AddProgram(RangeList* list) {
  const uintptr_t header = reinterpret_cast<uintptr_t>(&__ehdr_start);
  const ElfW(Phdr)* segments = reinterpret_cast<const ElfW(Phdr)*>(header + __ehdr_start.e_phoff);
  uintptr_t first = UINTPTR_MAX;
  for (int i = 0; i < __ehdr_start.e_phnum; ++i) {
    if (segments[i].p_type == PT_LOAD) first = std::min<uintptr_t>(first, PageOf(segments[i].p_vaddr));
  }
  const os::UniqueFd pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  for (int i = 0; i < __ehdr_start.e_phnum; ++i) {
    const ElfW(Phdr)& segment = segments[i];
    if (segment.p_type != PT_LOAD) continue;
    const uintptr_t begin = PageOf(segment.p_vaddr) - first + header;
    const uintptr_t end = PageOf(segment.p_vaddr + segment.p_filesz + kPage - 1) - first + header;
    if ((segment.p_flags & PF_W) == 0) {
      list->Add(begin, end);
    } else if (pagemap.valid()) {
      AddUnchanged(pagemap.get(), begin, end, list);
    }
  }
}

#endif  // CORACLE_NO_IDLE_PAGE

}  // namespace

#ifdef CORACLE_NO_IDLE_PAGE
int IdlePoll(pollfd* polls, size_t count, int timeout_millis) { return poll(polls, count, timeout_millis); }
#else
int IdlePoll(pollfd* polls, size_t count, int timeout_millis) {
  malloc_trim(0);
  // Another advice makes the page a mapping of its own.
  (void)madvise(reinterpret_cast<void*>(&DropAndPoll), kPage, MADV_RANDOM);
  RangeList list;
  AddProgram(&list);
  // Below our own frames the stack holds nothing. The kernel keeps stacks far from other mappings
  // (stack_guard_gap), so that the range can't reach into one; a part that is not mapped is passed over.
  const uintptr_t here = PageOf(reinterpret_cast<uintptr_t>(&list));
  list.Add(here - kStackReach, here - kPage);
  const timespec timeout = {timeout_millis / 1000, timeout_millis % 1000 * 1000000L};
  const long result =
      DropAndPoll(list.ranges, list.count, polls, count, timeout_millis < 0 ? nullptr : &timeout);
  if (result < 0) errno = static_cast<int>(-result);
  return result < 0 ? -1 : static_cast<int>(result);
}
#endif

}  // namespace coracle::monitor
