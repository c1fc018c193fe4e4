// `--init`: a first process for programs that were not written to be one. usage: init -- COMMAND [ARG...]
//
// The kernel gives process 1 of a pid namespace two duties that ordinary programs don't know: it inherits
// every orphan and must wait for it, and signals without a handler do nothing to it. So this one starts the
// command as its child, passes every signal on to it, reaps all others, and ends as the command ended: with
// its status, or 128 + signal. The kernel then kills what is left in the namespace.
#include <asm/ioctls.h>
#include <linux/prctl.h>

#include "programs/sys.h"

static const char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
enum { kMaxPath = 4096, kExitUsage = 125, kExitCannotRun = 126, kExitNotFound = 127 };

static int HasSlash(const char* text) {
  for (; *text != '\0'; text++) {
    if (*text == '/') return 1;
  }
  return 0;
}

static const char* FindPath(char** env) {
  for (; *env != 0; env++) {
    const char* e = *env;
    if (e[0] == 'P' && e[1] == 'A' && e[2] == 'T' && e[3] == 'H' && e[4] == '=') return e + 5;
  }
  return kDefaultPath;
}

// The next element of the search path `*path` with "/name" after it, in `out`. Returns 0 if it would be too
// long.
static int JoinNext(const char** path, const char* name, char* out) {
  unsigned long n = 0;
  const char* p = *path;
  int fits = 1;
  for (; *p != '\0' && *p != ':'; p++) {
    if (n + 2 < kMaxPath) {
      out[n++] = *p;
    } else {
      fits = 0;
    }
  }
  *path = *p == ':' ? p + 1 : 0;
  if (n == 0) out[n++] = '.';  // an empty element is the working directory, as in execvp(3)
  out[n++] = '/';
  for (; *name != '\0'; name++) {
    if (n + 1 >= kMaxPath) return 0;
    out[n++] = *name;
  }
  out[n] = '\0';
  return fits;
}

// execvp(3) without its fallback to a shell: a file that is no program is an error, as without --init.
// Returns only on error, with its errno; EACCES wins over ENOENT of later directories.
static long Exec(char** argv, char** env) {
  if (argv[0][0] == '\0') return ENOENT;
  if (HasSlash(argv[0])) return -CALL3(__NR_execve, argv[0], argv, env);
  long result = ENOENT;
  for (const char* path = FindPath(env); path != 0;) {
    char file[kMaxPath];
    if (!JoinNext(&path, argv[0], file)) continue;
    long error = -CALL3(__NR_execve, file, argv, env);
    if (error == EACCES) {
      result = EACCES;
    } else if (error != ENOENT && error != ENOTDIR) {
      return error;
    }
  }
  return result;
}

static const char* ErrorText(long error) {
  switch (error) {
    case ENOENT:
      return "No such file or directory";
    case ENOTDIR:
      return "Not a directory";
    case EACCES:
      return "Permission denied";
    case ENOEXEC:
      return "Exec format error";
    case E2BIG:
      return "Argument list too long";
    case ENOMEM:
      return "Cannot allocate memory";
    case ELOOP:
      return "Too many levels of symbolic links";
    case EISDIR:
      return "Is a directory";
    case EAGAIN:
      return "Resource temporarily unavailable";
    default:
      return 0;
  }
}

// "init: exec foo: No such file or directory" on stderr.
static __attribute__((noreturn)) void Fail(const char* operation, const char* object, long error, int code) {
  struct Line line;
  line.size = 0;
  AddText(&line, "init: ");
  AddText(&line, operation);
  AddText(&line, object);
  AddText(&line, ": ");
  if (ErrorText(error) != 0) {
    AddText(&line, ErrorText(error));
  } else {
    AddText(&line, "errno ");
    AddNumber(&line, (unsigned long)error);
  }
  if (line.size == sizeof line.data) line.size--;
  line.data[line.size++] = '\n';
  Write(2, line.data, line.size);
  Exit(code);
}

// The command, in a process group of its own that is the terminal's foreground group, so that Ctrl-C reaches
// it once: from the terminal, not from init too.
static __attribute__((noreturn)) void RunChild(char** argv, char** env, const SignalSet* mask,
                                               const struct SignalAction* child_action) {
  CALL2(__NR_setpgid, 0, 0);
  int group = (int)CALL1(__NR_getpid, 0);
  // SIGTTOU is still blocked here, so a background group may do this. Without a terminal it is ENOTTY.
  CALL3(__NR_ioctl, 0, TIOCSPGRP, &group);
  CALL4(__NR_rt_sigaction, SIGCHLD, child_action, 0, sizeof(SignalSet));
  CALL4(__NR_rt_sigprocmask, SIG_SETMASK, mask, 0, sizeof(SignalSet));
  long error = Exec(argv, env);
  Fail("exec ", argv[0], error, error == ENOENT || error == ENOTDIR ? kExitNotFound : kExitCannotRun);
}

// Waits for whoever has ended. If `child` is among them, ends as it did.
static void Reap(long child) {
  for (;;) {
    int status = 0;
    long pid = CALL4(__NR_wait4, -1, &status, WNOHANG, 0);
    if (pid == -EINTR) continue;
    if (pid <= 0) return;
    if (pid != child) continue;
    int signal = status & 0x7f;
    Exit(signal == 0 ? (status >> 8) & 0xff : 128 + signal);
  }
}

void Start(long* stack) {
  long argc = stack[0];
  char** argv = (char**)(stack + 1);
  char** env = argv + argc + 1;
  if (argc < 3 || argv[1][0] != '-' || argv[1][1] != '-' || argv[1][2] != '\0') {
    static const char kUsage[] = "usage: init -- COMMAND [ARG...]\n";
    Write(2, kUsage, sizeof kUsage - 1);
    Exit(kExitUsage);
  }
  // With the host's pid namespace (--pid host) this is not process 1: orphans come here all the same.
  if (CALL1(__NR_getpid, 0) != 1) CALL5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  // An inherited "ignore SIGCHLD" would reap children behind our back; the command gets it back as it was.
  struct SignalAction by_default = {0, 0, 0, 0}, inherited = {0, 0, 0, 0};
  CALL4(__NR_rt_sigaction, SIGCHLD, &by_default, &inherited, sizeof(SignalSet));
  // All are blocked and fetched one by one. A fault of our own still kills: the kernel unblocks a forced
  // signal.
  SignalSet all = ~0UL, mask = 0;
  CALL4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &mask, sizeof(SignalSet));
  long child = CALL5(__NR_clone, SIGCHLD, 0, 0, 0, 0);  // fork: aarch64 has no call of that name
  if (child < 0) Fail("fork", "", -child, kExitCannotRun);
  if (child == 0) RunChild(argv + 2, env, &mask, &inherited);
  for (;;) {
    long signal = CALL4(__NR_rt_sigtimedwait, &all, 0, 0, sizeof(SignalSet));
    if (signal == SIGCHLD) {
      Reap(child);
    } else if (signal > 0) {
      CALL2(__NR_kill, child, signal);
    }
  }
}
