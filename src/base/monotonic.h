// The clock for waiting and for how long something took: it never jumps.
#ifndef CORACLE_BASE_MONOTONIC_H_
#define CORACLE_BASE_MONOTONIC_H_

#include <time.h>

#include <cstdint>

namespace coracle {

// CLOCK_MONOTONIC in milliseconds.
inline int64_t MonotonicMillis() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace coracle

#endif  // CORACLE_BASE_MONOTONIC_H_
