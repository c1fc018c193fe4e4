// Carrying out a plan of control-file writes.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/user_namespace.h"
#include "runtime/cgroup_devices.h"
#include "runtime/cgroup_state.h"

namespace coracle::runtime {
namespace {

const CgroupDirectory* DirectoryOf(absl::Span<const CgroupDirectory> dirs, const CgroupWrite& w) {
  for (const CgroupDirectory& d : dirs) {
    if (d.v2 != w.v2) continue;
    if (w.v2 && w.controller == "cgroup") return &d;
    if (std::find(d.controllers.begin(), d.controllers.end(), w.controller) != d.controllers.end()) return &d;
  }
  return nullptr;
}

int WriteOne(const std::string& path, const CgroupWrite& w) {
  int error = WriteCgroupFile(path, w.file, w.value);
  if (error == ENOENT && !w.fallback_file.empty())
    error = WriteCgroupFile(path, w.fallback_file, w.fallback_value);
  return error == ENOENT && w.optional ? 0 : error;
}

absl::Status Explain(const CgroupWrite& w, int error) {
  if (error == ENOENT) {
    return absl::FailedPreconditionError(
        absl::StrCat("the kernel has no cgroup file ", w.file, ": cannot apply ", w.option));
  }
  return ErrnoStatus(error, absl::StrCat("write '", w.value, "' to cgroup file ", w.file, " for ", w.option));
}

}  // namespace

absl::Status ApplyCgroupWrites(absl::Span<const CgroupDirectory> dirs, absl::Span<const CgroupWrite> writes) {
  std::vector<const CgroupWrite*> again;
  for (int round = 0; round < 2; ++round) {
    for (const CgroupWrite& w : writes) {
      if (round == 1 && std::find(again.begin(), again.end(), &w) == again.end()) continue;
      const CgroupDirectory* d = DirectoryOf(dirs, w);
      if (d == nullptr) {
        return absl::FailedPreconditionError(absl::StrCat("cgroup controller '", w.controller,
                                                          "' is not writable here: cannot apply ", w.option));
      }
      const int error = WriteOne(d->path, w);
      if (error == EINVAL && w.retry && round == 0) {
        again.push_back(&w);
      } else if (error != 0) {
        return Explain(w, error);
      }
    }
  }
  return absl::OkStatus();
}

absl::Status ApplyDeviceRules(absl::Span<const CgroupDirectory> dirs,
                              const std::vector<oci::DeviceCgroupRule>& rules) {
  if (rules.empty()) return absl::OkStatus();
  const std::vector<oci::DeviceCgroupRule> all = WithDefaultDevices(rules);
  const CgroupDirectory* v2 = nullptr;
  for (const CgroupDirectory& d : dirs) {
    if (d.v2) v2 = &d;
    if (std::find(d.controllers.begin(), d.controllers.end(), "devices") == d.controllers.end()) continue;
    ASSIGN_OR_RETURN(const std::vector<DeviceWrite> writes,
                     PlanDevicesV1(all, ReadCgroupFile(d.path, "devices.list").value_or("a *:* rwm\n")));
    // A dozen rules: each file is opened once.
    const os::UniqueFd allow(open(absl::StrCat(d.path, "/devices.allow").c_str(), O_WRONLY | O_CLOEXEC));
    const os::UniqueFd deny(open(absl::StrCat(d.path, "/devices.deny").c_str(), O_WRONLY | O_CLOEXEC));
    for (const DeviceWrite& w : writes) {
      const ssize_t size = static_cast<ssize_t>(w.value.size());
      const ssize_t written = write((w.allow ? allow : deny).get(), w.value.data(), w.value.size());
      const int error = written == size ? 0 : errno;
      // A nested container can't allow more than its host does; it gets what there is, and cannot use the
      // rest.
      if (error == EPERM && os::InUserNamespace()) continue;
      if (error != 0) {
        return ErrnoStatus(error, absl::StrCat(w.allow ? "allow" : "deny", " device '", w.value, "'"));
      }
    }
    return absl::OkStatus();
  }
  if (v2 == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<bpf_insn> program, BuildDeviceProgram(all));
  os::UniqueFd fd(open(v2->path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", v2->path));
  const absl::Status status = AttachDeviceProgram(fd.get(), program);
  // In a user namespace no device node can be made, and those bound in have the host's own permissions: the
  // filter is only a second wall there, which needs CAP_SYS_ADMIN over the whole machine.
  if (ErrnoOf(status) == EPERM && os::InUserNamespace()) return absl::OkStatus();
  return status;
}

}  // namespace coracle::runtime
