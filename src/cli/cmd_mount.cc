// mount, unmount, image mount and image unmount.
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/commands_storage.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/host_mount.h"

namespace coracle::cli {
namespace {

using engine::ContainerView;
using image::ImageInfo;

// A mount made in the user namespace of this one command would be gone with it.
absl::Status CheckLasting(Invocation& invocation) {
  if (geteuid() == 0) return absl::OkStatus();
  return WithExitCode(absl::FailedPreconditionError(
                          absl::StrCat("cannot run command \"", invocation.parsed().typed_path(),
                                       "\" in rootless mode, must execute 'coracle unshare' first")),
                      125);
}

absl::Status PrintMounts(Invocation& invocation, const std::vector<Json>& rows, absl::string_view columns) {
  const std::string format = invocation.parsed().GetString("format");
  if (!format.empty() && format != "json") {
    return WithExitCode(
        absl::InvalidArgumentError(absl::StrCat("--format ", format, ": only json is understood")), 125);
  }
  const ListingFormat listing = {.headings = {}, .columns = columns, .quiet = columns};
  const auto text = RenderListing(listing, {.format = format, .no_heading = true}, rows);
  RETURN_IF_ERROR(text.status());
  invocation.out().Write(*text);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ContainerView>> ChosenContainers(Invocation& invocation, engine::Engine& engine) {
  if (invocation.parsed().GetBool("all")) return engine::LookAll(engine);
  std::vector<ContainerView> views;
  if (invocation.parsed().GetBool("latest")) {
    ASSIGN_OR_RETURN(ContainerView view, engine::Latest(engine));
    views.push_back(std::move(view));
  }
  for (const std::string& name : invocation.args()) {
    ASSIGN_OR_RETURN(ContainerView view, engine::Look(engine, name));
    views.push_back(std::move(view));
  }
  return views;
}

absl::StatusOr<std::vector<ImageInfo>> ChosenImages(Invocation& invocation, engine::Engine& engine) {
  if (invocation.parsed().GetBool("all")) return image::List(engine.store);
  std::vector<ImageInfo> images;
  for (const std::string& name : invocation.args()) {
    ASSIGN_OR_RETURN(ImageInfo info, image::Find(engine.store, name));
    images.push_back(std::move(info));
  }
  return images;
}

absl::Status ListContainerMounts(Invocation& invocation, engine::Engine& engine) {
  ASSIGN_OR_RETURN(const std::vector<ContainerView> views, engine::LookAll(engine));
  const bool whole = invocation.parsed().GetBool("no-trunc");
  std::vector<Json> rows;
  for (const ContainerView& view : views) {
    const std::string path = engine::ContainerMountPoint(engine, view.record.id());
    if (path.empty()) continue;
    const std::string& id = view.record.id();
    rows.push_back({{"id", whole ? id : std::string(ShortId(id))},
                    {"Names", Json::array({view.record.name()})},
                    {"mountpoint", path}});
  }
  return PrintMounts(invocation, rows, "{{.id}}\t{{.mountpoint}}");
}

absl::Status ListImageMounts(Invocation& invocation, engine::Engine& engine) {
  ASSIGN_OR_RETURN(const std::vector<ImageInfo> images, image::List(engine.store));
  std::vector<Json> rows;
  for (const ImageInfo& info : images) {
    const std::string path = engine::ImageMountPoint(engine, info.record.id());
    if (path.empty()) continue;
    rows.push_back({{"id", info.record.id()},
                    {"Repositories", info.names},
                    {"mountpoint", path},
                    {"name", info.names.empty() ? info.record.id() : info.names[0]}});
  }
  return PrintMounts(invocation, rows, "{{.name}}\t{{.mountpoint}}");
}

absl::Status Mount(Invocation& invocation) {
  RETURN_IF_ERROR(CheckLasting(invocation));
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const std::vector<ContainerView> views, ChosenContainers(invocation, engine));
  if (invocation.args().empty() && views.empty() && !invocation.parsed().GetBool("all")) {
    return ListContainerMounts(invocation, engine);
  }
  const bool named = invocation.args().size() > 1 || invocation.parsed().GetBool("all");
  for (const ContainerView& view : views) {
    ASSIGN_OR_RETURN(const std::string path, engine::MountContainer(engine, view));
    invocation.out().WriteLine(named ? absl::StrCat(view.record.id(), " ", path) : path);
  }
  return absl::OkStatus();
}

absl::Status Unmount(Invocation& invocation) {
  RETURN_IF_ERROR(CheckLasting(invocation));
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const std::vector<ContainerView> views, ChosenContainers(invocation, engine));
  const bool all = invocation.parsed().GetBool("all");
  for (const ContainerView& view : views) {
    ASSIGN_OR_RETURN(const bool was_mounted, engine::UnmountContainer(engine, view.record.id()));
    if (was_mounted || !all) invocation.out().WriteLine(view.record.id());
  }
  return absl::OkStatus();
}

absl::Status MountImages(Invocation& invocation) {
  RETURN_IF_ERROR(CheckLasting(invocation));
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const std::vector<ImageInfo> images, ChosenImages(invocation, engine));
  if (invocation.args().empty() && !invocation.parsed().GetBool("all")) {
    return ListImageMounts(invocation, engine);
  }
  const bool named = invocation.args().size() != 1;
  for (const ImageInfo& info : images) {
    ASSIGN_OR_RETURN(const std::string path, engine::MountImage(engine, info), "mount image ",
                     info.record.id());
    invocation.out().WriteLine(named ? absl::StrCat(info.record.id(), " ", path) : path);
  }
  return absl::OkStatus();
}

absl::Status UnmountImages(Invocation& invocation) {
  RETURN_IF_ERROR(CheckLasting(invocation));
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const std::vector<ImageInfo> images, ChosenImages(invocation, engine));
  const bool all = invocation.parsed().GetBool("all");
  for (const ImageInfo& info : images) {
    ASSIGN_OR_RETURN(const bool was_mounted, engine::UnmountImage(engine, info.record.id()));
    if (was_mounted || !all) invocation.out().WriteLine(info.record.id());
  }
  return absl::OkStatus();
}

absl::Status Coded(const absl::Status& status) { return status.ok() ? status : WithExitCode(status, 125); }

}  // namespace

int CmdMount(Invocation& invocation) { return invocation.Fail(Coded(Mount(invocation))); }
int CmdUnmount(Invocation& invocation) { return invocation.Fail(Coded(Unmount(invocation))); }
int CmdImageMount(Invocation& invocation) { return invocation.Fail(Coded(MountImages(invocation))); }
int CmdImageUnmount(Invocation& invocation) { return invocation.Fail(Coded(UnmountImages(invocation))); }

}  // namespace coracle::cli
