// The last steps of a process before its program, the same for a container's first process and for exec.
// Child side: see launch_child.h for its rules.
#ifndef CORACLE_RUNTIME_PROCESS_SETUP_H_
#define CORACLE_RUNTIME_PROCESS_SETUP_H_

#include "runtime/container.h"
#include "runtime/handover.h"
#include "runtime/process_plan.h"
#include "runtime/seccomp.h"

namespace coracle::runtime {

// Descriptors that must be opened while the host's /proc is still in view.
struct EarlyFiles {
  int apparmor = -1, selinux = -1;
};

// Default signal handling, nothing blocked; every descriptor but the standard ones and the preserved
// close-on-exec; oom_score_adj; a session keyring; a session of its own.
EarlyFiles StartProcess(int channel, const ProcessPlan& plan, int preserve_fds, bool new_keyring);

// Runs on `cpus`, if any.
void BindToCpus(int channel, const std::optional<cpu_set_t>& cpus);

// Puts `stdio` (or, with a terminal, `slave`) in place as 0, 1 and 2.
void PlaceStdio(int channel, const ProcessPlan& plan, const Stdio& stdio, int preserve_fds, int slave);

// Opens a pseudo-terminal on the devpts at `pts_dir` (AT_FDCWD-like: "ptmx" is looked up in it), sends its
// master up the channel and returns the slave, owned by the process's user.
int OpenTerminal(int channel, const ProcessPlan& plan, int pts_dir);

struct FinalWishes {
  const SeccompFilter* seccomp = nullptr;
  bool die_with_parent = false;
  int preserve_fds = 0;
  std::vector<int> passed;                        // become 3+preserve_fds and on
  int gate = -1;                                  // wait for a byte here; -1: go on
  const std::vector<oci::Hook>* hooks = nullptr;  // startContainer
  const CreateRequest* request = nullptr;         // for the hooks' state
  Handover handover;
};
// From limits to exec; never returns.
[[noreturn]] void BecomeProgram(int channel, const ProcessPlan& plan, EarlyFiles files, FinalWishes wishes);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_PROCESS_SETUP_H_
