// The few system calls that the embedded programs make, with no libc: they must run in any root file system,
// and every KB of them stands in the coracle binary. x86_64 and aarch64.
//
// Each returns what the kernel returns: a negative errno on error.
#ifndef CORACLE_PROGRAMS_SYS_H_
#define CORACLE_PROGRAMS_SYS_H_

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/signal.h>
#include <linux/wait.h>

#if defined(__x86_64__)
static inline long Call6(long n, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call Start\n"
    "  hlt\n");
#elif defined(__aarch64__)
static inline long Call6(long n, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = n;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  mov x0, sp\n"
    "  bl Start\n"
    "  brk #0\n");
#else
#error "the embedded programs know x86_64 and aarch64 only"
#endif

#define CALL1(n, a) Call6(n, (long)(a), 0, 0, 0, 0, 0)
#define CALL2(n, a, b) Call6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define CALL3(n, a, b, c) Call6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CALL4(n, a, b, c, d) Call6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define CALL5(n, a, b, c, d, e) Call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

// The kernel's signal set and action, not libc's: 64 bits, and `restorer` in the middle on both
// architectures.
typedef unsigned long SignalSet;
struct SignalAction {
  void* handler;
  unsigned long flags;
  void* restorer;
  SignalSet mask;
};

static inline __attribute__((noreturn)) void Exit(int code) {
  for (;;) CALL1(__NR_exit_group, code);
}

static inline unsigned long Length(const char* text) {
  unsigned long n = 0;
  while (text[n] != '\0') {
    n++;
    __asm__ volatile("");  // keeps the compiler from making a call to strlen of it
  }
  return n;
}

// Writes all of `data`, going on after short writes and EINTR. Other errors end it silently: nobody is there
// to tell.
static inline void Write(int fd, const char* data, unsigned long size) {
  while (size > 0) {
    long n = CALL3(__NR_write, fd, data, size);
    if (n == -EINTR) continue;
    if (n <= 0) return;
    data += n;
    size -= (unsigned long)n;
  }
}

// A line put together in place; what does not fit is cut.
struct Line {
  unsigned long size;
  char data[2048];
};

static inline void AddText(struct Line* line, const char* text) {
  for (unsigned long i = 0; text[i] != '\0' && line->size < sizeof line->data; i++) {
    line->data[line->size++] = text[i];
  }
}

static inline void AddNumber(struct Line* line, unsigned long value) {
  char digits[24];
  unsigned i = sizeof digits - 1;
  digits[i] = '\0';
  do {
    digits[--i] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  AddText(line, &digits[i]);
}

// Called by _start; stack[0] is argc, then argv, a null, the environment, a null.
__attribute__((noreturn, used)) void Start(long* stack);

#endif  // CORACLE_PROGRAMS_SYS_H_
