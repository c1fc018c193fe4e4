// Instead of fault.cc in the programs that tests kill.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atomic>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/fault.h"

namespace coracle {

void FaultPoint(const char* name) {
  const char* wanted = getenv("CORACLE_FAULT");
  if (wanted == nullptr) return;
  absl::string_view point = wanted;
  int nth = 1;
  const size_t colon = point.rfind(':');
  if (colon != absl::string_view::npos && absl::SimpleAtoi(point.substr(colon + 1), &nth)) {
    point = point.substr(0, colon);
  }
  if (point != "*" && point != name) return;
  static std::atomic<int> hits{0};
  if (++hits != nth) return;
  // For a test to tell which step it was, also of a process that it can't see.
  if (const char* log = getenv("CORACLE_FAULT_LOG"); log != nullptr) {
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) (void)!write(fd, absl::StrCat(name, "\n").c_str(), strlen(name) + 1);
  }
  kill(getpid(), SIGKILL);
}

}  // namespace coracle
