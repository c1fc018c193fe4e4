// For the tests of this folder only.
#ifndef CORACLE_MONITOR_TEST_UTIL_H_
#define CORACLE_MONITOR_TEST_UTIL_H_

#include <fcntl.h>
#include <stdlib.h>

#include <string>

#include "os/file.h"

namespace coracle::monitor {

struct TestDir {
  std::string path;
  TestDir() {
    char name[] = "/tmp/coracle-monitor-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~TestDir() { (void)os::RemoveTreeAt(AT_FDCWD, path); }
  std::string Path(const std::string& name) const { return path + "/" + name; }
  std::string Read(const std::string& name) const {
    return os::ReadFileAt(AT_FDCWD, Path(name)).value_or("(missing)");
  }
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_TEST_UTIL_H_
