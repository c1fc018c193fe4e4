#include "build/source_root.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::build {
namespace {

absl::StatusOr<SourceRoot> OfLayers(const StageInputs& in, const std::vector<LayerRef>& layers) {
  SourceRoot root;
  root.layers = layers;
  std::vector<std::string> ids;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) ids.push_back(layer->id);
  ASSIGN_OR_RETURN(storage::RootView view,
                   storage::ViewImageRoot(*in.store, ids, in.request->storage_driver));
  root.view = std::make_unique<storage::RootView>(std::move(view));
  return root;
}

absl::StatusOr<SourceRoot> OfDirectory(const StageInputs& in, const std::string& name,
                                       const std::string& path) {
  SourceRoot root;
  root.is_context = true;
  root.directory = path;
  const auto ignore = in.request->ignores.find(name);
  if (ignore != in.request->ignores.end() && !ignore->second.empty()) root.ignore = &ignore->second;
  root.view = std::make_unique<storage::RootView>();
  ASSIGN_OR_RETURN(root.view->fd, os::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  return root;
}

}  // namespace

absl::StatusOr<SourceRoot> OpenSourceRoot(const StageInputs& in, const SourceRef& ref) {
  switch (ref.kind) {
    case SourceRef::Kind::kStage:
      return OfLayers(in, in.stages.at(ref.stage));
    case SourceRef::Kind::kScratch:
      return OfLayers(in, {});
    case SourceRef::Kind::kImage:
      return OfLayers(in, in.images.at(ref.name));
    case SourceRef::Kind::kContext:
      break;
  }
  if (ref.name.empty()) {
    if (in.request->context_dir.empty()) {
      return absl::FailedPreconditionError("there is no build context: the Dockerfile came without one");
    }
    return OfDirectory(in, "", in.request->context_dir);
  }
  const auto image = in.images.find(ref.name);
  if (image != in.images.end()) return OfLayers(in, image->second);
  return OfDirectory(in, ref.name, in.request->build_contexts.at(ref.name));
}

}  // namespace coracle::build
