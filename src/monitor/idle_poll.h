// Waiting for hours without holding memory.
//
// What a process costs is what it alone has mapped. A monitor is forked from a command that had parsed
// options, read records and laid out a plan; for the rest of its life it polls a few descriptors. Before a
// long wait it gives back free heap pages, unused stack, and every page of the program file that it has not
// changed. The last of this and the poll itself are one function on a page of its own, so that nothing else
// of the program is mapped while it waits: around a page fault the kernel maps its whole neighbourhood of 64
// KiB (fault_around_bytes), unless, as here, a one-page mapping ends it. Typical: 140 KiB, against 650 KiB
// before.
#ifndef CORACLE_MONITOR_IDLE_POLL_H_
#define CORACLE_MONITOR_IDLE_POLL_H_

#include <poll.h>

#include <cstddef>

namespace coracle::monitor {

// poll(2), after giving memory back. Takes some 50 microseconds: for waits that are expected to be long.
int IdlePoll(pollfd* polls, size_t count, int timeout_millis);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_IDLE_POLL_H_
