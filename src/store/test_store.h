// For tests: a store in a fresh directory, and children that do something and die.
#ifndef CORACLE_STORE_TEST_STORE_H_
#define CORACLE_STORE_TEST_STORE_H_

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "store/store.h"

namespace coracle::store {

class TestStore {
 public:
  TestStore() : base_(MakeBase()), store_(base_ + "/root", base_ + "/run") {}
  TestStore(const TestStore&) = delete;
  TestStore& operator=(const TestStore&) = delete;
  ~TestStore() { (void)os::RemoveTreeAt(AT_FDCWD, base_); }

  const Store& operator*() const { return store_; }
  const Store* operator->() const { return &store_; }
  const std::string& base() const { return base_; }

 private:
  static std::string MakeBase() {
    char name[] = "/tmp/coracle-store-XXXXXX";
    return mkdtemp(name) == nullptr ? "/nonexistent" : name;
  }
  std::string base_;
  Store store_;
};

// Runs `body` in a child process and returns its wait status; the child's exit code is body's result.
template <typename Body>
int InChild(Body body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

// A record as `create` would give.
inline ContainerRecord RecordNamed(const std::string& name) {
  ContainerRecord record;
  record.set_id(NewContainerId());
  record.set_name(name);
  record.set_image_name("localhost/test:latest");
  return record;
}

}  // namespace coracle::store

#endif  // CORACLE_STORE_TEST_STORE_H_
