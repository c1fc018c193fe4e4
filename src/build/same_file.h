// Whether two stat(2) tell of one file with one content.
#ifndef CORACLE_BUILD_SAME_FILE_H_
#define CORACLE_BUILD_SAME_FILE_H_

#include <sys/stat.h>

namespace coracle::build {

inline bool SameFile(const struct stat& a, const struct stat& b) {
  const auto same_time = [](const timespec& x, const timespec& y) {
    return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
  };
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         same_time(a.st_mtim, b.st_mtim) && same_time(a.st_ctim, b.st_ctim);
}

}  // namespace coracle::build

#endif  // CORACLE_BUILD_SAME_FILE_H_
