// Gives back the memory that a monitor's start used and its long life does not.
#ifndef CORACLE_MONITOR_SHRINK_MEMORY_H_
#define CORACLE_MONITOR_SHRINK_MEMORY_H_

namespace coracle::monitor {

// Free heap, unused stack, and the pages of the binary: those come back from the page cache when touched.
void ShrinkMemory();

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_SHRINK_MEMORY_H_
