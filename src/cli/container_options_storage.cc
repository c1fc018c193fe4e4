// Mounts and devices.
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

namespace coracle::cli {
namespace {

using store::ContainerConfig;
using store::Mount;

// "/a/../b/" -> "/b": lexically, since the path is one inside the container.
std::string CleanPath(absl::string_view path) {
  std::vector<absl::string_view> kept;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
      continue;
    }
    kept.push_back(part);
  }
  std::string clean;
  for (const absl::string_view part : kept) absl::StrAppend(&clean, "/", part);
  return clean.empty() ? "/" : clean;
}

absl::Status CheckDestination(absl::string_view option, const std::string& text, Mount& mount) {
  if (mount.destination().empty() || mount.destination()[0] != '/') {
    return OptionError(option, text, "the path in the container must be absolute");
  }
  mount.set_destination(CleanPath(mount.destination()));
  if (mount.destination() == "/") return OptionError(option, text, "cannot mount over the container's root");
  return absl::OkStatus();
}

absl::StatusOr<std::string> HostPath(absl::string_view option, const std::string& path) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr) {
    return WithExitCode(ErrnoStatus(errno, absl::StrCat("--", option, ": ", path)), 125);
  }
  return std::string(resolved);
}

// Options after the second colon of -v, and the like of --mount.
absl::Status AddVolumeOption(const std::string& text, const std::string& option, Mount& mount) {
  static constexpr absl::string_view kPlain[] = {
      "ro",       "rw",         "rro",         "shared",  "rshared", "slave",    "rslave",    "private",
      "rprivate", "unbindable", "runbindable", "exec",    "noexec",  "dev",      "nodev",     "suid",
      "nosuid",   "bind",       "rbind",       "noatime", "atime",   "relatime", "norelatime"};
  for (const absl::string_view known : kPlain) {
    if (option == known) {
      mount.add_options(option);
      return absl::OkStatus();
    }
  }
  // Relabelling is for SELinux, copying for named volumes: there is nothing to do for a bind mount without
  // SELinux.
  if (option == "z" || option == "Z" || option == "nocopy" || option == "copy" || option == "cached" ||
      option == "consistent" || option == "delegated") {
    return absl::OkStatus();
  }
  if (option == "U" || option == "O" || absl::StartsWith(option, "idmap") ||
      absl::StartsWith(option, "upperdir=") || absl::StartsWith(option, "workdir=")) {
    return NotSupportedYet(absl::StrCat("--volume option '", option, "'"));
  }
  return OptionError("volume", text, absl::StrCat("unknown option '", option, "'"));
}

absl::Status ReadVolume(const std::string& text, ContainerConfig& config) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() == 1) return NotSupportedYet(absl::StrCat("an anonymous volume (--volume ", text, ")"));
  if (parts.size() > 3) return OptionError("volume", text, "expected SOURCE:DIR[:OPTIONS]");
  if (parts[0].empty()) return OptionError("volume", text, "the source is empty");
  if (parts[0][0] != '/' && parts[0][0] != '.') {
    return NotSupportedYet(absl::StrCat("a named volume (--volume ", text, ")"));
  }
  Mount mount;
  mount.set_type("bind");
  ASSIGN_OR_RETURN(const std::string source, HostPath("volume", parts[0]));
  mount.set_source(source);
  mount.set_destination(parts[1]);
  RETURN_IF_ERROR(CheckDestination("volume", text, mount));
  if (parts.size() == 3) {
    for (const std::string& option :
         std::vector<std::string>(absl::StrSplit(parts[2], ',', absl::SkipEmpty()))) {
      RETURN_IF_ERROR(AddVolumeOption(text, option, mount));
    }
  }
  *config.add_mounts() = std::move(mount);
  return absl::OkStatus();
}

void AddTmpfsDefaults(Mount& mount) {
  const auto has = [&mount](absl::string_view a, absl::string_view b) {
    for (const std::string& option : mount.options()) {
      if (option == a || option == b) return true;
    }
    return false;
  };
  if (!has("exec", "noexec")) mount.add_options("noexec");
  if (!has("suid", "nosuid")) mount.add_options("nosuid");
  if (!has("dev", "nodev")) mount.add_options("nodev");
  if (!has("notmpcopyup", "tmpcopyup")) mount.add_options("tmpcopyup");
}

absl::Status ReadTmpfs(const std::string& text, ContainerConfig& config) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  Mount mount;
  mount.set_type("tmpfs");
  mount.set_source("tmpfs");
  mount.set_destination(parts.first);
  RETURN_IF_ERROR(CheckDestination("tmpfs", text, mount));
  for (const absl::string_view option : absl::StrSplit(parts.second, ',', absl::SkipEmpty())) {
    mount.add_options(std::string(option));
  }
  AddTmpfsDefaults(mount);
  *config.add_mounts() = std::move(mount);
  return absl::OkStatus();
}

// One key[=value] of --mount.
absl::Status AddMountField(const std::string& text, const std::string& key, const std::string& value,
                           Mount& mount) {
  const bool yes = value.empty() || value == "true" || value == "1";
  if (key == "type") {
    mount.set_type(value);
  } else if (key == "source" || key == "src") {
    mount.set_source(value);
  } else if (key == "destination" || key == "dst" || key == "target") {
    mount.set_destination(value);
  } else if (key == "ro" || key == "readonly") {
    mount.add_options(yes ? "ro" : "rw");
  } else if (key == "rw") {
    mount.add_options(yes ? "rw" : "ro");
  } else if (key == "bind-propagation") {
    mount.add_options(value);
  } else if (key == "bind-nonrecursive") {
    if (yes) mount.add_options("bind");
  } else if (key == "bind-recursive") {
    if (value == "disabled") mount.add_options("bind");
    if (value == "readonly") mount.add_options("rro");
  } else if (key == "tmpfs-size") {
    ASSIGN_OR_RETURN(const int64_t bytes, ParseSize(value), "--mount ", text);
    mount.add_options(absl::StrCat("size=", bytes));
  } else if (key == "tmpfs-mode") {
    mount.add_options(absl::StrCat("mode=", value));
  } else if (key == "tmpcopyup" || key == "notmpcopyup") {
    mount.add_options(key);
  } else if (key == "relabel" || key == "consistency") {
    return absl::OkStatus();  // as z and Z of --volume
  } else if (key == "uid" || key == "gid" || key == "mode" || key == "max") {
    mount.add_options(absl::StrCat(key, "=", value));
  } else if (value.empty()) {
    return AddVolumeOption(text, key, mount);
  } else {
    return OptionError("mount", text, absl::StrCat("unknown field '", key, "'"));
  }
  return absl::OkStatus();
}

absl::Status FinishMount(const std::string& text, Mount& mount) {
  if (mount.type().empty()) mount.set_type("volume");
  if (mount.type() == "volume" || mount.type() == "image" || mount.type() == "glob" ||
      mount.type() == "artifact" || mount.type() == "cache") {
    return NotSupportedYet(absl::StrCat("--mount type=", mount.type()));
  }
  RETURN_IF_ERROR(CheckDestination("mount", text, mount));
  if (mount.type() == "bind") {
    if (mount.source().empty()) return OptionError("mount", text, "no source");
    ASSIGN_OR_RETURN(const std::string source, HostPath("mount", mount.source()));
    mount.set_source(source);
    return absl::OkStatus();
  }
  if (mount.type() != "tmpfs" && mount.type() != "ramfs" && mount.type() != "devpts" &&
      mount.type() != "mqueue") {
    return OptionError("mount", text, absl::StrCat("unknown type '", mount.type(), "'"));
  }
  mount.set_source(mount.type());
  if (mount.type() == "tmpfs") AddTmpfsDefaults(mount);
  return absl::OkStatus();
}

absl::Status ReadMount(const std::string& text, ContainerConfig& config) {
  Mount mount;
  for (const absl::string_view field : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(field, absl::MaxSplits('=', 1));
    RETURN_IF_ERROR(AddMountField(text, absl::AsciiStrToLower(parts.first), parts.second, mount));
  }
  RETURN_IF_ERROR(FinishMount(text, mount));
  *config.add_mounts() = std::move(mount);
  return absl::OkStatus();
}

absl::Status ReadDevice(const std::string& text, ContainerConfig& config) {
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
    device.set_container_path(CleanPath(parts[1]));
  }
  if (parts.size() == 3) {
    if (!is_access(parts[2])) return OptionError("device", text, "access is made of r, w and m");
    device.set_access(parts[2]);
  }
  *config.add_devices() = std::move(device);
  return absl::OkStatus();
}

absl::Status CheckNoTwice(const ContainerConfig& config) {
  for (int i = 0; i < config.mounts_size(); ++i) {
    for (int j = 0; j < i; ++j) {
      if (config.mounts(i).destination() == config.mounts(j).destination()) {
        return WithExitCode(
            absl::InvalidArgumentError(absl::StrCat("two mounts at ", config.mounts(i).destination(),
                                                    ": a path can be mounted on only once")),
            125);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadStorageOptions(const ParsedCommand& parsed, ContainerConfig& config) {
  for (const std::string& text : parsed.GetList("volume")) RETURN_IF_ERROR(ReadVolume(text, config));
  for (const std::string& text : parsed.GetList("mount")) RETURN_IF_ERROR(ReadMount(text, config));
  for (const std::string& text : parsed.GetList("tmpfs")) RETURN_IF_ERROR(ReadTmpfs(text, config));
  for (const std::string& text : parsed.GetList("device")) RETURN_IF_ERROR(ReadDevice(text, config));
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
