#include "cli/built_list.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/image_ends.h"
#include "engine/manifest_list.h"
#include "image/image_store.h"
#include "image/manifest_list.h"

namespace coracle::cli {

absl::Status MakeBuiltLists(engine::Engine& engine, engine::TransferContext& transfer,
                            const std::vector<std::string>& names, const std::vector<std::string>& images,
                            bool amend) {
  const engine::EndOptions ends = engine::EndsOf(engine, transfer);
  for (const std::string& name : names) {
    image::ManifestList list;
    ASSIGN_OR_RETURN(list.name, image::ManifestListName(name));
    if (!amend) {
      const absl::Status removed = image::RemoveManifestList(engine.store, list.name);
      if (!absl::IsNotFound(removed)) RETURN_IF_ERROR(removed);
      // The name means the list from now on.
      const auto named = image::Find(engine.store, list.name);
      if (named.ok()) (void)image::Untag(engine.store, list.name, {list.name});
    }
    RETURN_IF_ERROR(image::CreateManifestList(engine.store, list, /*amend=*/true));
    for (const std::string& id : images) {
      RETURN_IF_ERROR(engine::AddToManifestList(engine, ends, list.name, id, {}).status(), "list ", name);
    }
  }
  return absl::OkStatus();
}

absl::Status PushBuiltLists(engine::Engine& engine, engine::TransferContext& transfer,
                            const std::vector<std::string>& names) {
  const engine::EndOptions ends = engine::EndsOf(engine, transfer);
  for (const std::string& name : names) {
    image::CopyOptions options;
    options.progress = transfer.progress;
    options.cancel = transfer.cancel;
    options.all = true;
    RETURN_IF_ERROR(engine::PushManifestList(engine, ends, name, "", options).status(), "push ", name);
  }
  return absl::OkStatus();
}

}  // namespace coracle::cli
