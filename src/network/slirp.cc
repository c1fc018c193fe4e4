// slirp4netns: the port forwarder is asked over its control socket, one JSON object a connection.
// Source: slirp4netns(1), "API SOCKET".
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "network/host_ports.h"
#include "network/pasta.h"
#include "os/file.h"
#include "os/run_program.h"

namespace coracle::network {
namespace {

constexpr char kInside[] = "tap0";
// In the run directory, whose whole name may be too long for a socket: slirp4netns has it as its working
// directory, and we name it by a descriptor.
constexpr char kSocket[] = "slirp.sock";
constexpr size_t kMaxAnswerBytes = 4096;

absl::StatusOr<std::vector<std::string>> Arguments(const UserNetRequest& request, const char* api_socket) {
  std::vector<std::string> args = {"slirp4netns", "--configure", "--ready-fd=1", "--exit-fd=0",
                                   "--netns-type=path"};
  bool host_loopback = false, mtu = false;
  for (const std::string& option : request.options) {
    mtu = mtu || absl::StartsWith(option, "mtu=");
    if (option == "allow_host_loopback=true" || option == "allow_host_loopback=false") {
      host_loopback = absl::EndsWith(option, "=true");
    } else if (option == "enable_ipv6=true") {
      args.push_back("--enable-ipv6");
    } else if (absl::StartsWith(option, "mtu=") || absl::StartsWith(option, "cidr=")) {
      args.push_back(absl::StrCat("--", option));
    } else if (absl::StartsWith(option, "outbound_addr=") || absl::StartsWith(option, "outbound_addr6=")) {
      args.push_back(absl::StrCat("--outbound-addr", option.substr(strlen("outbound_addr"))));
    } else if (option != "enable_ipv6=false" && option != "port_handler=slirp4netns") {
      return WithExitCode(
          absl::InvalidArgumentError(absl::StrCat("--network slirp4netns:", option, ": unknown option")),
          125);
    }
  }
  if (!mtu) args.push_back("--mtu=65520");
  if (!host_loopback) args.push_back("--disable-host-loopback");
  if (!request.ports.empty()) args.push_back(absl::StrCat("--api-socket=", api_socket));
  args.insert(args.end(), {kHelperNetns, kInside});
  return args;
}

absl::StatusOr<std::string> Ask(const std::string& path, const std::string& request) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": too long for the name of a socket"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  const os::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() || connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, absl::StrCat("connect to ", path));
  }
  if (send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return ErrnoStatus(errno, absl::StrCat("write to ", path));
  }
  (void)shutdown(fd.get(), SHUT_WR);
  std::string answer;
  char buffer[512];
  while (answer.size() < kMaxAnswerBytes) {
    const ssize_t got = read(fd.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(buffer, static_cast<size_t>(got));
  }
  return answer;
}

absl::Status AddPorts(const std::string& api_socket, absl::Span<const store::PortMapping> ports) {
  for (const store::PortMapping& port : ports) {
    for (uint32_t i = 0; i < std::max<uint32_t>(port.count(), 1); ++i) {
      const std::string request = absl::StrCat(
          R"({"execute":"add_hostfwd","arguments":{"proto":")", port.protocol() == "udp" ? "udp" : "tcp",
          R"(","host_addr":")", port.host_ip().empty() ? "0.0.0.0" : port.host_ip(), R"(","host_port":)",
          port.host_port() + i, R"(,"guest_addr":")", kUserNetAddress, R"(","guest_port":)",
          port.container_port() + i, "}}");
      ASSIGN_OR_RETURN(const std::string answer, Ask(api_socket, request));
      if (!absl::StrContains(answer, "\"return\"")) {
        return absl::FailedPreconditionError(
            absl::StrCat("publish ", HostPortText(port), ": slirp4netns: ", answer));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UserNet> StartSlirp(const UserNetRequest& request) {
  const std::string path = os::FindInPath("slirp4netns");
  if (path.empty()) {
    return WithHint(WithExitCode(absl::NotFoundError("slirp4netns is not installed"), 125),
                    "install the package slirp4netns, or use --network pasta (package passt)");
  }
  RETURN_IF_ERROR(CheckUserNet());
  UserNet net;
  ASSIGN_OR_RETURN(net.ports, FindHostPorts(request.ports));
  ASSIGN_OR_RETURN(const os::UniqueFd directory, os::OpenAt(AT_FDCWD, request.run_dir, O_PATH | O_DIRECTORY));
  ASSIGN_OR_RETURN(std::vector<std::string> args, Arguments(request, kSocket));
  auto helper = StartHelper(path, std::move(args), request.netns, request.run_dir);
  if (!helper.ok()) return WithExitCode(helper.status(), 125);
  net.helper = *std::move(helper);
  const auto remove_socket = absl::MakeCleanup([&] { (void)unlinkat(directory.get(), kSocket, 0); });
  const absl::Status added =
      AddPorts(absl::StrCat("/proc/self/fd/", directory.get(), "/", kSocket), net.ports);
  if (!added.ok()) return WithExitCode(added, 125);
  net.status.set_network_name("slirp4netns");
  net.status.set_interface_name(kInside);
  net.status.add_addresses(absl::StrCat(kUserNetAddress, "/", kUserNetPrefix));
  net.status.add_gateways(kUserNetGateway);
  return net;
}

}  // namespace coracle::network
