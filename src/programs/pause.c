// The first process of a pod: holds the namespaces open, reaps what is orphaned into them, ends on SIGTERM or
// SIGINT.
#include "programs/sys.h"

void Start(long* stack) {
  (void)stack;
  // An ignored SIGCHLD may be inherited; it would never be delivered.
  struct SignalAction by_default = {0, 0, 0, 0};
  CALL4(__NR_rt_sigaction, SIGCHLD, &by_default, 0, sizeof(SignalSet));
  SignalSet all = ~0UL;
  CALL4(__NR_rt_sigprocmask, SIG_BLOCK, &all, 0, sizeof(SignalSet));
  for (;;) {
    long signal = CALL4(__NR_rt_sigtimedwait, &all, 0, 0, sizeof(SignalSet));
    if (signal == SIGTERM || signal == SIGINT) Exit(0);
    if (signal == SIGCHLD) {
      while (CALL4(__NR_wait4, -1, 0, WNOHANG, 0) > 0) {
      }
    }
  }
}
