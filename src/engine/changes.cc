// diff and export.
#include "engine/changes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "archive/pack.h"
#include "base/status.h"
#include "engine/change_filter.h"
#include "image/image_store.h"
#include "os/user_namespace.h"
#include "storage/driver.h"
#include "storage/layer_store.h"
#include "storage/lower_dirs.h"
#include "storage/root_view.h"

namespace coracle::engine {
namespace {

// A container or image as stacked directories, top first.
struct Stack {
  std::vector<std::string> own, all;
};

absl::StatusOr<Stack> StackOf(Engine& engine, const std::string& name) {
  Stack stack;
  const auto view = Look(engine, name);
  if (view.ok()) {
    ASSIGN_OR_RETURN(stack.all, storage::RootDirs(engine.store, view->record));
    ASSIGN_OR_RETURN(stack.own, storage::LowerDirs(engine.store, view->record));
    return stack;
  }
  if (!absl::IsNotFound(view.status())) return view.status();
  const auto image = image::Find(engine.store, name);
  if (absl::IsNotFound(image.status())) {
    return WithExitCode(
        absl::NotFoundError(absl::StrCat("no container or image with name or ID \"", name, "\" found")), 125);
  }
  RETURN_IF_ERROR(image.status());
  for (const std::string& id : image->record.layer_ids()) {
    stack.all.insert(stack.all.begin(), storage::LayerDiffDir(engine.store, id));
  }
  stack.own = stack.all;
  if (!stack.own.empty()) stack.own.erase(stack.own.begin());
  return stack;
}

}  // namespace

absl::StatusOr<std::vector<storage::Change>> Diff(Engine& engine, const std::string& name,
                                                  const std::string& older) {
  ASSIGN_OR_RETURN(const Stack stack, StackOf(engine, name));
  std::vector<std::string> base = stack.own;
  if (!older.empty()) {
    ASSIGN_OR_RETURN(const Stack other, StackOf(engine, older));
    base = other.all;
  }
  const bool user_xattr = os::InUserNamespace();
  ASSIGN_OR_RETURN(const storage::MergedTree newer, storage::MergedTree::Open(stack.all, user_xattr), "diff ",
                   name);
  ASSIGN_OR_RETURN(const storage::MergedTree below, storage::MergedTree::Open(base, user_xattr), "diff ",
                   name);
  ASSIGN_OR_RETURN(std::vector<storage::Change> changes, storage::DiffTrees(newer, below), "diff ", name);
  changes.erase(std::remove_if(changes.begin(), changes.end(),
                               [](const storage::Change& change) {
                                 return change.path.empty() || IsMadeByUs(change.path);
                               }),
                changes.end());
  return changes;
}

absl::Status Export(Engine& engine, const ContainerView& view, archive::ByteSink& sink) {
  ASSIGN_OR_RETURN(const storage::RootView root,
                   storage::ViewContainerRoot(engine.store, view.record, engine.settings.storage_driver,
                                              storage::ViewAccess::kReadOnly));
  archive::PackOptions options;
  options.root_entry = true;
  options.subsecond_times = true;
  return archive::Pack(root.fd.get(), sink, options).status();
}

}  // namespace coracle::engine
