#include "network/sysctl.h"

#include <fcntl.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"
#include "os/user_namespace.h"

namespace coracle::network {

std::string ReadSysctl(absl::string_view name) {
  const auto value = os::ReadFileAt(AT_FDCWD, absl::StrCat("/proc/sys/net/", name), 4096);
  return value.ok() ? std::string(absl::StripAsciiWhitespace(*value)) : std::string();
}

absl::Status WriteSysctl(absl::string_view name, absl::string_view value) {
  if (ReadSysctl(name) == value) return absl::OkStatus();
  const absl::Status status = os::WriteControlFileAt(AT_FDCWD, absl::StrCat("/proc/sys/net/", name), value);
  if (status.ok()) return status;
  return ErrnoStatus(ErrnoOf(status), absl::StrCat("set net/", name, " to ", value));
}

absl::Status EnableForwarding(bool ipv6) {
  const absl::Status status = WriteSysctl("ipv4/ip_forward", "1");
  if (!status.ok())
    return WithHint(status, "containers on bridges need forwarding: sysctl -w net.ipv4.ip_forward=1");
  if (!ipv6 || ReadSysctl("ipv6/conf/all/forwarding") == "1") return absl::OkStatus();
  const auto links = os::ListDirectoryAt(AT_FDCWD, "/proc/sys/net/ipv6/conf");
  if (links.ok()) {
    // ip-sysctl.rst, accept_ra: 2 listens to them although forwarding is on.
    for (const std::string& link : *links) {
      if (link == "all" || link == "default") continue;
      const std::string name = absl::StrCat("ipv6/conf/", link, "/accept_ra");
      if (ReadSysctl(name) == "1") RETURN_IF_ERROR(WriteSysctl(name, "2"));
    }
  }
  return WriteSysctl("ipv6/conf/all/forwarding", "1");
}

void AllowPingAndPorts() {
  // In a user namespace both ends of the range must be mapped there.
  (void)WriteSysctl("ipv4/ping_group_range", os::InUserNamespace() ? "0\t0" : "0\t2147483647");
  (void)WriteSysctl("ipv4/ip_unprivileged_port_start", "0");
}

}  // namespace coracle::network
