// commit: an image of what a container wrote.
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/fault.h"
#include "base/name_value.h"
#include "base/status.h"
#include "base/time_format.h"
#include "engine/changes.h"
#include "engine/pause_guard.h"
#include "image/derived_image.h"
#include "image/image_store.h"
#include "oci/change.h"
#include "oci/platform.h"
#include "os/user_namespace.h"
#include "storage/lower_dirs.h"
#include "storage/stage_diff.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;

// Of the host that ran the container, not of the image.
bool IsProxyVariable(absl::string_view entry) {
  const std::string name = absl::AsciiStrToLower(NameOf(entry));
  return name == "http_proxy" || name == "https_proxy" || name == "ftp_proxy" || name == "no_proxy";
}

void TakeFromContainer(const ContainerConfig& container, bool include_volumes,
                       oci::ContainerDefaults& image) {
  std::vector<std::string> env;
  for (const std::string& entry : container.env()) {
    const bool of_image = std::find(image.env.begin(), image.env.end(), entry) != image.env.end();
    if (of_image || !IsProxyVariable(entry)) env.push_back(entry);
  }
  image.env = std::move(env);
  image.entrypoint.assign(container.entrypoint().begin(), container.entrypoint().end());
  image.cmd.assign(container.command().begin(), container.command().end());
  image.user = container.user();
  image.working_dir = container.workdir();
  if (!container.stop_signal().empty()) image.stop_signal = container.stop_signal();
  for (const store::StringPair& label : container.labels()) image.labels[label.key()] = label.value();
  for (const std::string& port : container.exposed_ports()) {
    const auto ports = oci::ParseExposedPorts(port);
    if (!ports.ok()) continue;  // it was accepted when the container was made
    for (const std::string& one : *ports) image.exposed_ports[one] = {};
  }
  if (!include_volumes) return;
  for (const store::Mount& mount : container.mounts()) {
    if (mount.type() == "volume") image.volumes[mount.destination()] = {};
  }
}

absl::StatusOr<image::DerivedSpec> SpecOf(Engine& engine, const store::ContainerRecord& record,
                                          const CommitRequest& request) {
  image::DerivedSpec spec;
  ASSIGN_OR_RETURN(spec.tag, image::NewImageName(request.reference));
  ASSIGN_OR_RETURN(const image::ImageInfo base, image::Find(engine.store, record.image_id()));
  ASSIGN_OR_RETURN(const std::string json, image::ReadConfig(engine.store, base.record));
  ASSIGN_OR_RETURN(spec.config, oci::ParseImageConfig(json), "image ", base.record.id());
  TakeFromContainer(record.config(), request.include_volumes, spec.config.config);
  RETURN_IF_ERROR(oci::ApplyChanges(request.changes, &spec.config.config));
  if (request.squash) {
    spec.config.diff_ids.clear();
    spec.config.history.clear();
  } else {
    spec.base_id = base.record.id();
  }
  if (!request.author.empty()) spec.config.author = request.author;
  spec.config.created = FormatRfc3339Nano(absl::Now());
  spec.history.created = spec.config.created;
  spec.history.created_by = absl::StrJoin(record.config().args(), " ");
  spec.history.author = request.author;
  spec.history.comment = request.message;
  spec.docker_format = request.docker_format;
  return spec;
}

// Nothing to pause is fine; what can't be paused is fine unless it was asked for: files are copied whole, but
// maybe of different moments.
absl::StatusOr<std::optional<PauseGuard>> PauseFor(Engine& engine, const ContainerView& view,
                                                   const CommitRequest& request) {
  if (view.state.status() != store::RUNNING || !request.pause.value_or(true)) return std::nullopt;
  auto paused = PauseGuard::Pause(engine, view);
  if (paused.ok()) return std::make_optional(*std::move(paused));
  if (!request.pause.has_value()) return std::nullopt;
  return paused.status();
}

absl::Status StageContainer(Engine& engine, const store::Lease& lease, const store::ContainerRecord& record,
                            bool squash) {
  const bool user_xattr = os::InUserNamespace();
  ASSIGN_OR_RETURN(const std::vector<std::string> all, storage::RootDirs(engine.store, record));
  std::vector<std::string> below;
  if (!squash) {
    ASSIGN_OR_RETURN(below, storage::LowerDirs(engine.store, record));
  }
  ASSIGN_OR_RETURN(const storage::MergedTree newer, storage::MergedTree::Open(all, user_xattr));
  ASSIGN_OR_RETURN(const storage::MergedTree older, storage::MergedTree::Open(below, user_xattr));
  ASSIGN_OR_RETURN(const std::vector<storage::Change> changes, storage::DiffTrees(newer, older));
  return storage::StageChanges(lease, newer, changes, user_xattr);
}

absl::StatusOr<std::string> DoCommit(Engine& engine, const ContainerView& view,
                                     const CommitRequest& request) {
  // What the user got wrong is found before the long work.
  ASSIGN_OR_RETURN(image::DerivedSpec spec, SpecOf(engine, view.record, request));
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(engine.store, "commit"));
  {
    // Nobody starts or removes it meanwhile.
    ASSIGN_OR_RETURN(const store::FileLock lock, store::LockContainer(engine.store, view.record.id()));
    ASSIGN_OR_RETURN(const ContainerView now, Look(engine, view.record.id()));
    ASSIGN_OR_RETURN(std::optional<PauseGuard> paused, PauseFor(engine, now, request));
    const absl::Status staged = StageContainer(engine, lease, now.record, request.squash);
    FaultPoint("engine.commit.staged");
    absl::Status unpaused;
    if (paused.has_value()) unpaused = paused->Unpause();
    RETURN_IF_ERROR(staged);
    RETURN_IF_ERROR(unpaused);
  }
  ASSIGN_OR_RETURN(const storage::StagedLayer layer, storage::DigestStaged(lease, os::InUserNamespace()));
  return image::StoreDerivedImage(engine.store, lease, layer, std::move(spec));
}

}  // namespace

absl::StatusOr<std::string> Commit(Engine& engine, const ContainerView& view, const CommitRequest& request) {
  if (view.record.image_id().empty()) {
    return WithExitCode(absl::UnimplementedError(absl::StrCat("cannot commit container ", view.record.name(),
                                                              ": its root is a directory of "
                                                              "the host (--rootfs), not an image")),
                        125);
  }
  auto id = DoCommit(engine, view, request);
  if (id.ok()) store::AppendEvent(engine.store, store::ContainerEvent(view.record, "commit"));
  if (id.ok()) return id;
  return WithExitCode(Annotate(id.status(), absl::StrCat("commit container ", view.record.name())), 125);
}

}  // namespace coracle::engine
