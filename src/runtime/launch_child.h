// The child side of Create: everything between clone and exec.
//
// The child is a copy of its single-threaded parent: it reads the plan and what the parent opened in its own
// memory. It allocates next to nothing, returns no Status and logs nothing; a failed step goes up the channel
// and ends it.
#ifndef CORACLE_RUNTIME_LAUNCH_CHILD_H_
#define CORACLE_RUNTIME_LAUNCH_CHILD_H_

#include <string>
#include <vector>

#include "oci/runtime_spec.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"
#include "runtime/handover.h"
#include "runtime/launch_plan.h"
#include "runtime/seccomp.h"
#include "runtime/setup_step.h"

namespace coracle::runtime {

// One directory of the container's cgroup, to be shown in it.
struct CgroupView {
  std::string name;  // "memory"; empty: the only one (pure cgroup v2)
  int tree = -1;     // a clone of the mount at that directory
};

// What the parent opened and decided, for the child. Nothing here is owned.
struct ChildContext {
  const CreateRequest* request = nullptr;
  const LaunchPlan* plan = nullptr;
  int channel = -1;
  int root_tree = -1;      // detached mount of the root; -1: no mount namespace of its own
  std::vector<int> trees;  // as plan->mounts: the clone of a bind's source, or -1
  std::vector<CgroupView> cgroup_views;
  std::vector<int> join;  // as plan->joined
  const CgroupEntry* cgroup = nullptr;
  bool join_v2_by_file = false;  // the clone could not enter the v2 cgroup
  uint64_t clone_flags = 0;      // for the staged clone
  bool staged = false;
  bool ask_namespaces = false;    // the parent has work once the namespaces exist
  bool ask_before_pivot = false;  // prestart or createRuntime hooks
  int gate = -1;                  // wait here before exec
  Handover handover;
};

// The mounts of the root that later steps work on; -1 where there is none.
struct RootView {
  int root = -1;
  int proc = -1, sys = -1, dev = -1, pts = -1;
  bool dev_is_fresh = false;  // a tmpfs that we have just made
};

// Enters the cgroups, joins what is to be joined, and goes on as the first process, in a further clone if the
// plan needs a stage.
[[noreturn]] void RunChild(const ChildContext& context);

// The parts of it, each in its own file. They return on success and end the process otherwise.
void AttachRoot(const ChildContext& context, RootView& view);
void MakeMounts(const ChildContext& context, RootView& view);
void MakeDevices(const ChildContext& context, const RootView& view);
// Masked and read-only paths.
void CoverPaths(const ChildContext& context, const RootView& view);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_LAUNCH_CHILD_H_
