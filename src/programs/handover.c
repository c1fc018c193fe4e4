// The last program of ours in a container's first process. It runs from a sealed file of its own, so that for
// the container's program, and for an interpreter of it that is called /proc/self/exe, the executing program
// is this one and never the coracle binary on the host (CVE-2019-5736).
//
// handover CHANNEL SEARCHED COUNT CANDIDATE... ARG...
//
// Executes the first of COUNT candidates that it can, with ARG... and its own environment; SEARCHED is 1
// where they come from $PATH, so that one that may not be executed is passed over. CHANNEL, a connected
// socket, is closed by a successful exec; else it gets one HandoverMessage.
#include "programs/handover.h"

#include <linux/fcntl.h>

#include "programs/sys.h"

static int Number(const char* text) {
  int value = 0;
  while (*text >= '0' && *text <= '9') value = value * 10 + (*text++ - '0');
  return value;
}

static __attribute__((noreturn)) void Report(int channel, int error, int candidate, int exists) {
  struct HandoverMessage message = {0};
  message.kind = CORACLE_HANDOVER_KIND;
  message.error = error;
  message.candidate = candidate;
  message.exists = exists;
  CALL3(__NR_write, channel, &message, sizeof message);
  Exit(125);
}

void Start(long* stack) {
  char** argv = (char**)(stack + 1);
  char** environment = argv + stack[0] + 1;
  if (stack[0] < 5) Exit(125);
  const int channel = Number(argv[1]), searched = Number(argv[2]), count = Number(argv[3]);
  char** candidates = argv + 4;
  CALL3(__NR_fcntl, channel, F_SETFD, FD_CLOEXEC);
  int denied = 0;
  for (int i = 0; i < count; i++) {
    const int error = (int)-CALL3(__NR_execve, candidates[i], candidates + count, environment);
    if (error == ENOENT && CALL4(__NR_faccessat, AT_FDCWD, candidates[i], 0, 0) == 0)
      Report(channel, error, i, 1);
    if (error == EACCES) denied = 1;
    if (error != ENOENT && error != ENOTDIR && !(error == EACCES && searched)) Report(channel, error, i, 0);
  }
  Report(channel, denied ? EACCES : ENOENT, -1, 0);
}
