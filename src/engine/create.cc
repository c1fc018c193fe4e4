// Making a container: the image's defaults and the user's options become one record.
#include <sys/stat.h>

#include <algorithm>
#include <ctime>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/name_value.h"
#include "base/signal_name.h"
#include "base/status.h"
#include "engine/create_volumes.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/networks.h"
#include "engine/oci_runtime.h"
#include "image/image_store.h"
#include "oci/image_config.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

// The image's variables that the user neither sets nor unsets, then the user's.
void MergeEnvironment(const std::vector<std::string>& image_env, const CreateRequest& request,
                      ContainerConfig& config) {
  std::vector<std::string> own;
  for (const std::string& entry : config.env()) SetByName(own, entry);
  config.clear_env();
  for (const std::string& entry : request.default_env) {
    const absl::string_view name = NameOf(entry);
    if (FindByName(image_env, name) == nullptr && FindByName(own, name) == nullptr) config.add_env(entry);
  }
  const auto is_unset = [&request](absl::string_view name) {
    return request.unset_env_all ||
           std::find(request.unset_env.begin(), request.unset_env.end(), name) != request.unset_env.end();
  };
  for (const std::string& entry : image_env) {
    const absl::string_view name = NameOf(entry);
    if (FindByName(own, name) == nullptr && !is_unset(name)) config.add_env(entry);
  }
  for (std::string& entry : own) config.add_env(std::move(entry));
}

void MergeLabels(const oci::ImageConfig& image, ContainerConfig& config) {
  for (const auto& [key, value] : image.config.labels) {
    const bool overridden =
        std::any_of(config.labels().begin(), config.labels().end(),
                    [&key = key](const store::StringPair& pair) { return pair.key() == key; });
    if (overridden) continue;
    store::StringPair* pair = config.add_labels();
    pair->set_key(key);
    pair->set_value(value);
  }
}

// A user's --entrypoint drops the image's command; a user's command replaces only the image's (docker run).
void MergeCommand(const oci::ImageConfig& image, const CreateRequest& request, ContainerConfig& config) {
  if (!request.entrypoint_given) {
    for (const std::string& arg : image.config.entrypoint) config.add_entrypoint(arg);
    if (config.command().empty()) {
      for (const std::string& arg : image.config.cmd) config.add_command(arg);
    }
  }
}

absl::Status MergeImage(Engine& engine, const CreateRequest& request, store::ContainerRecord& record,
                        oci::ImageConfig& config) {
  auto found = image::FindForRun(engine.store, request.image);
  if (absl::IsNotFound(found.status()) && request.fetch_image != nullptr) {
    ASSIGN_OR_RETURN(const std::string fetched, request.fetch_image());
    found = image::FindForRun(engine.store, fetched);
  }
  if (!found.ok()) return found.status();
  const image::ImageForRun& image = *found;
  ASSIGN_OR_RETURN(config, oci::ParseImageConfig(image.config_json), "image ", request.image);
  record.set_image_id(image.id);
  record.set_image_name(image.name.empty() ? request.image : image.name);
  for (const std::string& layer : image.layer_ids) record.add_layer_ids(layer);
  ContainerConfig& merged = *record.mutable_config();
  MergeCommand(config, request, merged);
  MergeEnvironment(config.config.env, request, merged);
  MergeLabels(config, merged);
  if (merged.workdir().empty()) merged.set_workdir(config.config.working_dir);
  if (merged.user().empty()) merged.set_user(config.config.user);
  if (merged.stop_signal().empty()) merged.set_stop_signal(config.config.stop_signal);
  if (config.config.healthcheck.has_value()) MergeHealth(*config.config.healthcheck, merged);
  for (const auto& [port, nothing] : config.config.exposed_ports) {
    const bool given = std::find(merged.exposed_ports().begin(), merged.exposed_ports().end(), port) !=
                       merged.exposed_ports().end();
    if (!given) merged.add_exposed_ports(port);
  }
  return absl::OkStatus();
}

absl::Status UseRootfs(const CreateRequest& request, store::ContainerRecord& record) {
  struct stat info;
  if (stat(request.rootfs.c_str(), &info) != 0) {
    return WithExitCode(ErrnoStatus(errno, absl::StrCat("rootfs ", request.rootfs)), 125);
  }
  if (!S_ISDIR(info.st_mode)) return Refuse(absl::StrCat("rootfs ", request.rootfs, ": is not a directory"));
  record.set_rootfs(request.rootfs);
  MergeEnvironment({}, request, *record.mutable_config());
  return absl::OkStatus();
}

// A profile that nobody would apply confines nothing.
absl::Status CheckAppArmor(const ContainerConfig& config) {
  const std::string& profile = config.apparmor_profile();
  if (profile.empty() || profile == "unconfined") return absl::OkStatus();
  const auto enabled = os::ReadFileAt(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16);
  if (enabled.ok() && enabled->substr(0, 1) == "Y") return absl::OkStatus();
  return Refuse(absl::StrCat("--security-opt apparmor=", profile, ": AppArmor is not enabled on this host"));
}

absl::Status CheckConfig(const Settings& settings, ContainerConfig& config) {
  if (config.runtime().empty()) config.set_runtime(settings.runtime);
  // Later commands, which may have other settings, have to find the same cgroup.
  if (config.cgroup_manager().empty()) config.set_cgroup_manager(settings.cgroup_manager);
  RETURN_IF_ERROR(ResolveRuntime(config.runtime()).status());
  for (const std::string& arg : config.entrypoint()) config.add_args(arg);
  for (const std::string& arg : config.command()) config.add_args(arg);
  if (config.args().empty()) {
    return Refuse("no command specified on command line or as CMD or ENTRYPOINT in the image");
  }
  if (!config.workdir().empty() && config.workdir()[0] != '/') {
    return Refuse(absl::StrCat("the working directory '", config.workdir(),
                               "' is invalid, it needs to be an absolute path"));
  }
  RETURN_IF_ERROR(CheckAppArmor(config));
  RETURN_IF_ERROR(CompleteHealth(config));
  if (!config.stop_signal().empty()) {
    RETURN_IF_ERROR(ParseSignal(config.stop_signal()).status(), "--stop-signal");
  }
  for (const store::Mount& mount : config.mounts()) {
    if (mount.type() != "bind") continue;
    struct stat info;
    if (lstat(mount.source().c_str(), &info) != 0) {
      return WithExitCode(ErrnoStatus(errno, absl::StrCat("statfs ", mount.source())), 125);
    }
  }
  return absl::OkStatus();
}

int64_t NowNanos() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * int64_t{1000000000} + now.tv_nsec;
}

absl::Status RemoveReplaced(Engine& engine, const CreateRequest& request) {
  if (!request.replace || request.name.empty()) return absl::OkStatus();
  const auto view = Look(engine, request.name);
  if (absl::IsNotFound(view.status())) return absl::OkStatus();
  RETURN_IF_ERROR(view.status());
  if (view->record.name() != request.name) return absl::OkStatus();  // an id prefix that looks like the name
  return RemoveContainer(engine, *view, {.force = true});
}

}  // namespace

absl::StatusOr<Created> CreateContainer(Engine& engine, CreateRequest request) {
  Created created;
  store::ContainerRecord& record = created.record;
  *record.mutable_config() = std::move(request.config);
  RETURN_IF_ERROR(engine.store.EnsureExists());
  oci::ImageConfig image;
  if (request.rootfs.empty()) {
    RETURN_IF_ERROR(MergeImage(engine, request, record, image));
  } else {
    RETURN_IF_ERROR(UseRootfs(request, record));
  }
  RETURN_IF_ERROR(AddImpliedMounts(engine, request, image, record));
  RETURN_IF_ERROR(CheckConfig(engine.settings, *record.mutable_config()));
  RETURN_IF_ERROR(RemoveReplaced(engine, request));
  HeldNetworks networks;
  RETURN_IF_ERROR(networks.Take(engine, *record.mutable_config()));
  record.set_id(store::NewContainerId());
  record.set_name(request.name);
  record.set_created_unix_nanos(NowNanos());
  record.set_auto_remove(request.auto_remove);
  record.set_started_by_creator(request.start_at_once);
  for (std::string& arg : request.create_command) record.add_create_command(std::move(arg));
  const bool durable = request.durable && !request.auto_remove;
  HeldVolumes volumes;
  RETURN_IF_ERROR(volumes.Take(engine, request, record, durable));
  absl::StatusOr<store::FileLock> lock = store::CreateContainer(
      engine.store, record, durable ? os::Durability::kDurable : os::Durability::kVolatile);
  if (!lock.ok()) {
    volumes.Undo(engine);
    return lock.status();
  }
  created.op_lock = *std::move(lock);
  std::vector<store::EventRecord> events;
  for (const std::string& volume : volumes.made()) {
    events.push_back(store::ObjectEvent("volume", "create", "", volume));
  }
  events.push_back(store::ContainerEvent(record, "create"));
  store::AppendEvents(engine.store, events);
  return created;
}

}  // namespace coracle::engine
