// Telling how far long work is. Who works knows nothing of how, or whether, it is shown.
#ifndef CORACLE_BASE_PROGRESS_H_
#define CORACLE_BASE_PROGRESS_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace coracle {

// All calls from any thread, at any time; cheap enough for every buffer.
class ProgressObserver {
 public:
  virtual ~ProgressObserver() = default;
  // A new piece of work, a layer for instance, of `total_bytes` (-1: unknown). Gives its number.
  virtual int Begin(absl::string_view label, int64_t total_bytes) = 0;
  // `bytes` more are done.
  virtual void Advance(int item, int64_t bytes) = 0;
  // What is being done with it now: "downloading", "waiting for 123 (coracle pull x)".
  virtual void State(int item, absl::string_view state) = 0;
  // It is over: "done", "already exists".
  virtual void End(int item, absl::string_view outcome) = 0;
  // A line that stays: "Trying to pull docker.io/library/debian:latest...".
  virtual void Note(absl::string_view line) = 0;
};

}  // namespace coracle

#endif  // CORACLE_BASE_PROGRESS_H_
