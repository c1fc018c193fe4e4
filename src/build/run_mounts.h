// The mounts of a RUN, and the RUN itself.
#ifndef CORACLE_BUILD_RUN_MOUNTS_H_
#define CORACLE_BUILD_RUN_MOUNTS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/layer_work.h"
#include "build/source_root.h"
#include "build/stage_run.h"
#include "build/step_cache.h"
#include "oci/runtime_spec.h"
#include "os/unique_fd.h"

namespace coracle::build {

class RunMounts {
 public:
  RunMounts(const StageInputs& in, const Step& step) : in_(in), step_(step) {}

  // What of them decides what the step does: places, kinds and the content of bound files. Secrets and
  // caches don't.
  absl::Status AddToKey(KeyMaker& key);

  // Makes them. A process that needs memory for secrets gets a mount namespace of its own. What they need
  // lives as long as this object, or until Release.
  //
  // Nothing of the user's is ever mounted below `work`: that is deleted when the step is done.
  absl::Status Make(const LayerWork& work);
  // To be called before `work` goes.
  void Release();

  const std::vector<oci::Mount>& mounts() const { return mounts_; }
  // Sources of some of them by their target, as detached mounts: see runtime::CreateRequest.
  std::map<std::string, int> trees() const;
  const std::vector<std::string>& environment() const { return environment_; }

  // Where something is mounted, and as what: a place is made for it under the image.
  struct Target {
    std::string path;
    bool is_directory = true;
  };
  const std::vector<Target>& targets() const { return targets_; }

 private:
  absl::Status Bind(size_t index, const LayerWork& work);
  absl::StatusOr<os::UniqueFd> ContextTree(size_t index, const SourceRoot& root, const LayerWork& work,
                                           bool& is_directory) const;
  absl::StatusOr<os::UniqueFd> ImageTree(size_t index, SourceRoot& root, const LayerWork& work,
                                         bool& is_directory) const;
  absl::Status Cache(size_t index, const LayerWork& work);
  absl::Status MakeCache(size_t index, const LayerWork& work, const std::string& path);
  absl::Status Secret(size_t index, const LayerWork& work);
  absl::Status Ssh(size_t index);
  absl::Status Tmpfs(size_t index);
  absl::Status EnterMountNamespace();
  absl::StatusOr<std::string> MemoryDirectory(const LayerWork& work);
  std::string TargetOf(const RunMount& mount, const std::string& fallback) const;
  void Add(const std::string& source, const std::string& target, std::vector<std::string> options,
           bool is_directory);

  const StageInputs& in_;
  const Step& step_;
  std::vector<oci::Mount> mounts_;
  std::vector<std::string> environment_;
  std::vector<Target> targets_;
  std::vector<os::UniqueFd> held_;  // locks
  std::map<std::string, os::UniqueFd> trees_;
  std::vector<SourceRoot> roots_;
  std::string memory_;
  bool own_namespace_ = false;
};

// Runs `args` over `work`. `on_output` gets what it prints.
absl::Status RunInRoot(const StageInputs& in, const Step& step, const std::vector<std::string>& args,
                       const RunProgram& program, RunMounts& mounts, LayerWork& work,
                       const std::function<void(absl::string_view)>& on_output);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_RUN_MOUNTS_H_
