// Mounts and devices.
#include <fcntl.h>
#include <fnmatch.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/size.h"
#include "base/status.h"
#include "cli/container_options.h"
#include "cli/device_option.h"
#include "cli/mount_syntax.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

using engine::CreateRequest;
using store::ContainerConfig;
using store::Mount;

absl::StatusOr<std::string> HostPath(absl::string_view option, const std::string& path) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr) {
    return WithExitCode(ErrnoStatus(errno, absl::StrCat("--", option, ": ", path)), 125);
  }
  return std::string(resolved);
}

// type=glob: each match becomes a bind below the destination.
absl::Status AddGlob(absl::string_view option, const Mount& pattern, CreateRequest& create) {
  const size_t slash = pattern.source().rfind('/');
  const std::string directory = slash == std::string::npos ? "." : pattern.source().substr(0, slash + 1);
  const std::string wanted =
      slash == std::string::npos ? pattern.source() : pattern.source().substr(slash + 1);
  if (directory.find_first_of("*?[") != std::string::npos) {
    return NotSupportedYet("--mount type=glob with a pattern in a directory's name");
  }
  ASSIGN_OR_RETURN(std::vector<std::string> names, os::ListDirectoryAt(AT_FDCWD, directory), "--", option);
  std::sort(names.begin(), names.end());
  bool any = false;
  for (const std::string& name : names) {
    if (fnmatch(wanted.c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
    any = true;
    Mount mount = pattern;
    mount.set_type("bind");
    ASSIGN_OR_RETURN(const std::string source, HostPath(option, absl::StrCat(directory, "/", name)));
    mount.set_source(source);
    mount.set_destination(absl::StrCat(pattern.destination(), "/", name));
    *create.config.add_mounts() = std::move(mount);
  }
  if (any) return absl::OkStatus();
  return OptionError(option, pattern.source(), "no file matches");
}

// A source of the host: its real path, so that what the container mounts does not change when a link does.
absl::Status ResolveSource(absl::string_view option, Mount& mount) {
  if (!mount.no_dereference()) {
    ASSIGN_OR_RETURN(const std::string source, HostPath(option, mount.source()));
    mount.set_source(source);
    return absl::OkStatus();
  }
  const size_t slash = mount.source().rfind('/');
  const std::string parent = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : mount.source().substr(0, slash);
  ASSIGN_OR_RETURN(const std::string resolved, HostPath(option, parent));
  const std::string name = slash == std::string::npos ? mount.source() : mount.source().substr(slash + 1);
  mount.set_source(absl::StrCat(resolved == "/" ? "" : resolved, "/", name));
  return absl::OkStatus();
}

absl::Status AddMount(absl::string_view option, MountRequest request, CreateRequest& create) {
  if (request.mount.type() == "bind") RETURN_IF_ERROR(ResolveSource(option, request.mount));
  if (request.mount.type() == "glob") return AddGlob(option, request.mount, create);
  if (!request.volume_labels.empty() || !request.volume_options.empty()) {
    create.new_volumes[request.mount.destination()] = {request.volume_labels, request.volume_options};
  }
  // The same twice is once.
  for (const Mount& other : create.config.mounts()) {
    if (other.SerializeAsString() == request.mount.SerializeAsString()) return absl::OkStatus();
  }
  *create.config.add_mounts() = std::move(request.mount);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadDevice(const std::string& text, DeviceList& devices) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() > 3 || parts[0].empty())
    return OptionError("device", text, "expected HOST[:CONTAINER[:rwm]]");
  if (parts[0][0] != '/') return NotSupportedYet(absl::StrCat("a CDI device (--device ", text, ")"));
  store::DeviceRequest device;
  ASSIGN_OR_RETURN(const std::string host, HostPath("device", parts[0]));
  device.set_host_path(host);
  device.set_container_path(parts[0]);
  device.set_access("rwm");
  const auto is_access = [](const std::string& part) {
    return !part.empty() && part.find_first_not_of("rwm") == std::string::npos;
  };
  if (parts.size() == 2 && is_access(parts[1])) {
    device.set_access(parts[1]);
  } else if (parts.size() >= 2) {
    if (parts[1].empty() || parts[1][0] != '/')
      return OptionError("device", text, "the path in the container must be absolute");
    device.set_container_path(CleanContainerPath(parts[1]));
  }
  if (parts.size() == 3) {
    if (!is_access(parts[2])) return OptionError("device", text, "access is made of r, w and m");
    device.set_access(parts[2]);
  }
  *devices.Add() = std::move(device);
  return absl::OkStatus();
}

namespace {

absl::Status CheckNoTwice(const ContainerConfig& config) {
  for (int i = 0; i < config.mounts_size(); ++i) {
    for (int j = 0; j < i; ++j) {
      if (config.mounts(i).destination() == config.mounts(j).destination()) {
        return WithExitCode(absl::InvalidArgumentError(absl::StrCat(config.mounts(i).destination(),
                                                                    ": duplicate mount destination")),
                            125);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadStorageOptions(const ParsedCommand& parsed, CreateRequest& request) {
  ContainerConfig& config = request.config;
  for (const std::string& text : parsed.GetList("volume")) {
    ASSIGN_OR_RETURN(MountRequest mount, ParseVolumeOption(text));
    RETURN_IF_ERROR(AddMount("volume", std::move(mount), request));
  }
  for (const std::string& text : parsed.GetList("mount")) {
    ASSIGN_OR_RETURN(MountRequest mount, ParseMountOption(text));
    RETURN_IF_ERROR(AddMount("mount", std::move(mount), request));
  }
  for (const std::string& text : parsed.GetList("tmpfs")) {
    ASSIGN_OR_RETURN(MountRequest mount, ParseTmpfsOption(text));
    RETURN_IF_ERROR(AddMount("tmpfs", std::move(mount), request));
  }
  request.volumes_from = parsed.GetList("volumes-from");
  request.image_volumes = parsed.GetString("image-volume");
  if (request.image_volumes == "bind") request.image_volumes = "anonymous";
  if (request.image_volumes != "anonymous" && request.image_volumes != "tmpfs" &&
      request.image_volumes != "ignore") {
    return OptionError("image-volume", request.image_volumes, "expected anonymous, tmpfs or ignore");
  }
  for (const std::string& text : parsed.GetList("device"))
    RETURN_IF_ERROR(ReadDevice(text, *config.mutable_devices()));
  RETURN_IF_ERROR(CheckNoTwice(config));
  config.set_read_only(parsed.GetBool("read-only"));
  config.set_read_only_tmpfs(parsed.GetBool("read-only-tmpfs"));
  if (parsed.WasSet("shm-size")) {
    ASSIGN_OR_RETURN(const int64_t bytes, ParseSize(parsed.GetString("shm-size")), "--shm-size");
    if (bytes <= 0) return OptionError("shm-size", parsed.GetString("shm-size"), "must be more than 0");
    config.set_shm_size_bytes(static_cast<uint64_t>(bytes));
  }
  return absl::OkStatus();
}

}  // namespace coracle::cli
