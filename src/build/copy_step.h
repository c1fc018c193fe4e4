// COPY and ADD: what they take, what decides whether they took it before, and writing it into a layer.
#ifndef CORACLE_BUILD_COPY_STEP_H_
#define CORACLE_BUILD_COPY_STEP_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/layer_work.h"
#include "build/mode_change.h"
#include "build/source_root.h"
#include "build/source_walk.h"
#include "build/stage_run.h"
#include "build/step_cache.h"
#include "build/tree_writer.h"

namespace coracle::build {

class CopyStep {
 public:
  CopyStep(const StageInputs& in, const Step& step) : in_(in), step_(step) {}

  // Opens where the files come from. To be called first. Errors: as OpenSourceRoot.
  absl::Status Open();
  // Whether the layers that they come from say, without a look at any file, what is copied; then that goes
  // into `key`.
  bool AddOriginToKey(KeyMaker& key) const;
  // Finds and digests the sources; all that decides goes into `key`. Errors: NotFound naming the source.
  absl::Status Prepare(KeyMaker& key);
  // `owners`: directories (top first) with the files that tell what the names of --chown mean.
  absl::Status Make(LayerWork& work, const std::vector<std::string>& owners);

 private:
  // Where files are put from, and whose they are then.
  struct From {
    int root;
    bool keep_owner;
  };
  void AddWords(KeyMaker& key) const;
  absl::Status Put(TreeWriter& writer, const From& from, const FoundSource& source, const std::string& base);
  absl::Status PutSource(TreeWriter& writer, LayerWork& work, FoundSource& source);
  absl::Status PutArchive(TreeWriter& writer, LayerWork& work, int file);
  absl::Status PutHeredocs(TreeWriter& writer);
  const CopyBase& copy() const;
  const Add* add() const { return std::get_if<Add>(&step_.instruction.value); }
  bool parents() const;
  bool into_directory() const;

  const StageInputs& in_;
  const Step& step_;
  SourceRoot root_;
  std::vector<FoundSource> sources_;
  std::string destination_;
  ModeChange mode_;
  NodeAttributes owner_;
  int unpacked_ = 0;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_COPY_STEP_H_
