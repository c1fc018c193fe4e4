#include "base/fault.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace coracle {

void FaultPointReached(const char* name) {
  const char* wanted = getenv("CORACLE_FAULT");
  if (wanted == nullptr) return;
  absl::string_view point = wanted;
  int nth = 1;
  const size_t colon = point.rfind(':');
  if (colon != absl::string_view::npos && absl::SimpleAtoi(point.substr(colon + 1), &nth)) {
    point = point.substr(0, colon);
  }
  if (point != "*" && point != name) return;
  static int hits = 0;
  if (++hits == nth) kill(getpid(), SIGKILL);
}

}  // namespace coracle
