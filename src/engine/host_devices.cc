#include "engine/host_devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::engine {
namespace {

absl::Status AddDevice(const std::string& path, SpecInput& input) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return WithExitCode(ErrnoStatus(errno, absl::StrCat("device ", path)), 125);
  if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) {
    return WithExitCode(absl::InvalidArgumentError(absl::StrCat("not a device: ", path)), 125);
  }
  HostDevice device;
  device.type = S_ISBLK(info.st_mode) ? "b" : "c";
  device.major = major(info.st_rdev);
  device.minor = minor(info.st_rdev);
  device.mode = info.st_mode;
  device.uid = info.st_uid;
  device.gid = info.st_gid;
  input.devices[path] = device;
  return absl::OkStatus();
}

// All device nodes directly below `directory` of the host's /dev; ptys and what is mounted there are the
// container's own.
void AddAllDevices(const std::string& directory, int depth, SpecInput& input) {
  const auto names = os::ListDirectoryAt(AT_FDCWD, directory);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(directory, "/", name);
    if (path == "/dev/pts" || path == "/dev/shm" || path == "/dev/mqueue" || path == "/dev/console" ||
        path == "/dev/ptmx" || path == "/dev/fd") {
      continue;
    }
    struct stat info;
    if (lstat(path.c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode) && depth < 4) AddAllDevices(path, depth + 1, input);
    if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) continue;
    input.all_host_devices.push_back({S_ISBLK(info.st_mode) ? "b" : "c", path, major(info.st_rdev),
                                      minor(info.st_rdev), info.st_mode & 07777, info.st_uid, info.st_gid});
  }
}

}  // namespace

absl::Status AddDevices(const store::ContainerConfig& config, SpecInput& input) {
  for (const store::DeviceRequest& device : config.devices())
    RETURN_IF_ERROR(AddDevice(device.host_path(), input));
  const store::Limits& limits = config.limits();
  for (const auto* rates :
       {&limits.blkio_weight_device(), &limits.device_read_bps(), &limits.device_write_bps(),
        &limits.device_read_iops(), &limits.device_write_iops()}) {
    for (const store::DeviceRate& rate : *rates) RETURN_IF_ERROR(AddDevice(rate.path(), input));
  }
  if (config.privileged()) AddAllDevices("/dev", 0, input);
  return absl::OkStatus();
}

}  // namespace coracle::engine
