// What every process of ours that stays behind does to itself first.
#ifndef CORACLE_MONITOR_BACKGROUND_H_
#define CORACLE_MONITOR_BACKGROUND_H_

#include <vector>

namespace coracle::monitor {

// Own session, signals of a closing session caught, umask 022, cwd /.
//
// The process outlives the terminal and whoever started it; nothing that a closing session sends may end it:
// SIGHUP, SIGINT, SIGQUIT and, without PassOnTerm, SIGTERM do nothing and are not forwarded. The way to end a
// container is to signal the container. They have handlers, not SIG_IGN, because execve(2) resets handlers
// and a container must not inherit ignored signals.
void BecomeBackground();

// From now on SIGTERM is passed on as `signal` to the process of `pidfd` (-1: there is none at the moment).
// For a process in another cgroup than ours: systemd asks only those in a unit's own cgroup to end, and then
// waits for us.
void PassOnTerm(int pidfd, int signal);
// Whether SIGTERM came since the first PassOnTerm.
bool TermAsked();

// 0, 1 and 2 become /dev/null; all other descriptors but the first `preserved` after them and `keep` (-1 is
// fine) are closed: nothing of the caller's lives on, in particular none of its locks.
void StdioToNull();
void CloseAllBut(std::vector<int> keep, int preserved);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_BACKGROUND_H_
