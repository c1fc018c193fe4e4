// Ownership of a file descriptor.
#ifndef CORACLE_OS_UNIQUE_FD_H_
#define CORACLE_OS_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace coracle::os {

// Invariants: holds either -1 or an open descriptor that nobody else closes. Errors of close(2) are ignored:
// where they matter (a written file), fsync or check first.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace coracle::os

#endif  // CORACLE_OS_UNIQUE_FD_H_
