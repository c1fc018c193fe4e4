// COPY and ADD: what they take, what decides whether they took it before, and writing it into a layer.
#ifndef CORACLE_BUILD_COPY_STEP_H_
#define CORACLE_BUILD_COPY_STEP_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "build/copy_ahead.h"
#include "build/fetch_url.h"
#include "build/git_source.h"
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
  // --link: it is made over nothing.
  static bool IsLinked(const Step& step);
  // `scratch`: a path beside which nothing begins with the same name; what is fetched goes there. `is_new`:
  // whether it probably has to be made, asked when that is worth to know early.
  CopyStep(const StageInputs& in, const Step& step, const std::string& scratch, std::function<bool()> is_new)
      : in_(in), step_(step), scratch_(scratch), ahead_(absl::StrCat(scratch, "-ahead"), std::move(is_new)) {}

  // Opens where the files come from. To be called first. Errors: as OpenSourceRoot.
  absl::Status Open();
  // Whether the layers that they come from say, without a look at any file, what is copied; then that goes
  // into `key`.
  bool AddOriginToKey(KeyMaker& key) const;
  // Whether the image's files tell whose the copies are.
  bool needs_names() const;
  // Finds, fetches and digests the sources; all that decides goes into `key`. Errors: NotFound naming the
  // source; of a download.
  absl::Status Prepare(KeyMaker& key);
  // `owners`: directories (top first) with the files that tell what the names of --chown mean.
  absl::Status Make(LayerWork& work, const std::vector<std::string>& owners);

 private:
  // Where files are put from, and whose they are then.
  struct From {
    int root;
    bool keep_owner;
  };
  // A source of ADD that is elsewhere.
  struct Remote {
    std::string url;
    std::string directory;         // where it is, once it is fetched
    std::optional<GitSource> git;  // else a file:
    std::string commit;
    std::optional<FetchedFile> file;
  };
  void AddWords(KeyMaker& key) const;
  absl::Status PrepareRemote(const std::string& url, KeyMaker& key);
  absl::Status FetchFile(Remote& remote);
  absl::Status PutRemote(TreeWriter& writer, LayerWork& work, Remote& remote);
  absl::Status Put(TreeWriter& writer, const From& from, const FoundSource& source, const std::string& base);
  // A regular file of ADD that is an archive is unpacked if `unpack`.
  absl::Status PutSource(TreeWriter& writer, LayerWork& work, const From& from, FoundSource& source,
                         bool unpack);
  absl::Status PutArchive(TreeWriter& writer, LayerWork& work, int file);
  absl::Status PutHeredocs(TreeWriter& writer);
  const CopyBase& copy() const;
  const Add* add() const { return std::get_if<Add>(&step_.instruction.value); }
  bool parents() const;
  bool into_directory() const;

  const StageInputs& in_;
  const Step& step_;
  std::string scratch_;
  SourceRoot root_;
  CopyAhead ahead_;
  std::vector<FoundSource> sources_;
  std::vector<Remote> remotes_;
  std::string destination_;
  ModeChange mode_;
  NodeAttributes owner_;
  int unpacked_ = 0;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_COPY_STEP_H_
