// Telling what a build does. Who builds knows nothing of how, or whether, it is shown.
#ifndef CORACLE_BUILD_PROGRESS_H_
#define CORACLE_BUILD_PROGRESS_H_

#include "absl/strings/string_view.h"

namespace coracle::build {

// All calls from one thread. Steps are numbered from 1 in the order in which they begin.
class BuildProgress {
 public:
  virtual ~BuildProgress() = default;
  // "[builder 2/3] RUN make".
  virtual void Begin(int step, absl::string_view name) = 0;
  // What it prints: any bytes.
  virtual void Output(int step, absl::string_view text) = 0;
  virtual void End(int step, bool cached) = 0;
  virtual void Fail(int step, absl::string_view message) = 0;
  virtual void Warn(absl::string_view line) = 0;
  // Called about ten times a second while something runs.
  virtual void Tick() = 0;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_PROGRESS_H_
