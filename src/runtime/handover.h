// Executing a container's program not from ours but from the embedded program `handover`, so that the
// container never sees the file that runs the host's coracle (os/read_only_self.h has the attack). It spares
// the second start of ourselves from a read-only mount, the dearest single step of a run.
#ifndef CORACLE_RUNTIME_HANDOVER_H_
#define CORACLE_RUNTIME_HANDOVER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"
#include "runtime/container.h"
#include "runtime/launch_plan.h"

namespace coracle::runtime {

// For the child; nothing is owned.
struct Handover {
  int program = -1;  // -1: it executes the container's program itself
  char* const* argv = nullptr;
};

// In the child: its channel has this number now.
void SayChannel(const Handover& handover, int channel);

class PreparedHandover {
 public:
  Handover get() const { return {.program = program_.get(), .argv = argv_.data()}; }

 private:
  friend absl::StatusOr<PreparedHandover> PrepareHandover(const CreateRequest& request,
                                                          const LaunchPlan& plan, int channel);
  os::UniqueFd program_;
  std::vector<std::string> words_;
  std::vector<char*> argv_;
};

// For a child that will have `channel` open by that number. Nothing to do, and an empty one, if we run from a
// read-only file. Errors: FailedPrecondition if we don't and the first process would be seen by others before
// its program runs (it joins a pid namespace, or waits to be started), or is to change its security label
// with its first exec; as os::MemoryProgram.
absl::StatusOr<PreparedHandover> PrepareHandover(const CreateRequest& request, const LaunchPlan& plan,
                                                 int channel);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_HANDOVER_H_
