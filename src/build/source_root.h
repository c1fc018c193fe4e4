// The directory that COPY or a mount takes its files from: the context, a stage, an image.
#ifndef CORACLE_BUILD_SOURCE_ROOT_H_
#define CORACLE_BUILD_SOURCE_ROOT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/ignore_patterns.h"
#include "build/stage_graph.h"
#include "build/stage_run.h"
#include "os/unique_fd.h"
#include "storage/root_view.h"

namespace coracle::build {

struct SourceRoot {
  std::unique_ptr<storage::RootView> view;
  bool is_context = false;                 // files of the user's, not of an image
  std::string directory;                   // of a context: where it is
  const IgnorePatterns* ignore = nullptr;  // of a context; null: nothing is left out
  std::vector<LayerRef> layers;            // else what it is made of, bottom first
  int fd() const { return view->fd.get(); }
};

absl::StatusOr<SourceRoot> OpenSourceRoot(const StageInputs& in, const SourceRef& ref);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_SOURCE_ROOT_H_
