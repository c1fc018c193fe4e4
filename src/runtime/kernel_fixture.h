// For tests on the real kernel: a root file system of busybox, a config, and a run to the end.
#ifndef CORACLE_RUNTIME_KERNEL_FIXTURE_H_
#define CORACLE_RUNTIME_KERNEL_FIXTURE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "oci/runtime_spec.h"
#include "runtime/container.h"

namespace coracle::runtime {

// A scratch directory with a root file system in "root"; gone afterwards. The destructor checks that the
// mounts and children of this process are what they were.
class Fixture {
 public:
  Fixture();
  ~Fixture();
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  const std::string& dir() const { return dir_; }
  std::string root() const { return dir_ + "/root"; }
  void Write(const std::string& path, const std::string& text, mode_t mode = 0644) const;
  std::string Read(const std::string& path) const;
  bool Exists(const std::string& path) const;

  // Namespaces and mounts as an ordinary container's; runs `args`.
  oci::Spec MakeSpec(std::vector<std::string> args) const;
  // The same for a shell script.
  oci::Spec Shell(const std::string& script) const { return MakeSpec({"/bin/sh", "-c", script}); }

 private:
  std::string dir_, mounts_;
};

struct Outcome {
  absl::Status status;  // of Create
  int code = -1;        // exit code of the process, or of the error
  std::string output;   // stdout and stderr
};
// Creates, waits to the end. `request.spec` and the rest may be set; stdio is ours.
Outcome RunToEnd(CreateRequest request);
Outcome RunToEnd(const Fixture& fixture, const oci::Spec& spec);

// A container that runs on until it is destroyed (killed and reaped).
class Running {
 public:
  Running(const Fixture& fixture, const oci::Spec& spec);
  ~Running();
  Container container;
};
Outcome ExecToEnd(const ExecRequest& request);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_KERNEL_FIXTURE_H_
