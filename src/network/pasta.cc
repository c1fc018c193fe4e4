#include "network/pasta.h"

#include <fcntl.h>

#include <algorithm>
#include <initializer_list>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "network/host_ports.h"
#include "os/run_program.h"
#include "os/unique_fd.h"

namespace coracle::network {
namespace {

constexpr char kTun[] = "/dev/net/tun";
constexpr char kInside[] = "eth0";
// pasta would take that of the host's interface, which has none if it is lo or a tunnel.
constexpr char kGatewayMac[] = "02:42:0a:00:02:02";

bool HasOption(absl::Span<const std::string> options, std::initializer_list<absl::string_view> names) {
  for (const std::string& option : options) {
    for (const absl::string_view name : names) {
      if (option == name || absl::StartsWith(option, absl::StrCat(name, "="))) return true;
    }
  }
  return false;
}

// The word behind one of `names`, or `otherwise`.
std::string ValueOf(absl::Span<const std::string> options, std::initializer_list<absl::string_view> names,
                    const std::string& otherwise) {
  for (size_t i = 0; i < options.size(); ++i) {
    for (const absl::string_view name : names) {
      if (options[i] == name && i + 1 < options.size()) return options[i + 1];
      if (absl::StartsWith(options[i], absl::StrCat(name, "="))) return options[i].substr(name.size() + 1);
    }
  }
  return otherwise;
}

// 127.0.0.1/8080-8081:80-81
std::string PortSpec(const store::PortMapping& port) {
  const uint32_t more = std::max<uint32_t>(port.count(), 1) - 1;
  const auto range = [more](uint32_t first) {
    return more == 0 ? absl::StrCat(first) : absl::StrCat(first, "-", first + more);
  };
  return absl::StrCat(port.host_ip(), port.host_ip().empty() ? "" : "/", range(port.host_port()), ":",
                      range(port.container_port()));
}

void AddPorts(absl::Span<const store::PortMapping> ports, bool udp, std::vector<std::string>* args) {
  const char* const flag = udp ? "-u" : "-t";
  bool any = false;
  for (const store::PortMapping& port : ports) {
    if ((port.protocol() == "udp") != udp) continue;
    any = true;
    args->insert(args->end(), {flag, PortSpec(port)});
  }
  if (!any) args->insert(args->end(), {flag, "none"});
}

bool KeepsHostAddress(absl::Span<const std::string> options) {
  return HasOption(options, {"-a", "--address", "-g", "--gateway", "-n", "--netmask", "-i", "--interface"});
}

}  // namespace

std::vector<std::string> PastaArguments(const UserNetRequest& request, const Uplink& uplink) {
  const std::vector<std::string>& options = request.options;
  std::vector<std::string> args = {"pasta",           "-f", "-q",         "--config-net",
                                   "--no-netns-quit", "-P", "/dev/stdout"};
  const auto add = [&](std::initializer_list<absl::string_view> names, const std::string& value) {
    if (HasOption(options, names)) return;
    args.emplace_back(*names.begin());
    if (!value.empty()) args.push_back(value);
  };
  // As root it would become nobody, who can't enter the namespace.
  add({"--runas"}, "0:0");
  if (!HasOption(options, {"--map-gw"})) add({"--no-map-gw"}, "");
  if (!KeepsHostAddress(options)) {
    if (uplink.interface_name.empty() && !uplink.has_v6) args.insert(args.end(), {"-i", "lo"});
    args.insert(args.end(),
                {"-a", kUserNetAddress, "-n", absl::StrCat(kUserNetPrefix), "-g", kUserNetGateway});
  }
  add({"-M", "--mac-addr"}, kGatewayMac);
  add({"-I", "--ns-ifname"}, kInside);
  add({"-T", "--tcp-ns"}, "none");
  add({"-U", "--udp-ns"}, "none");
  if (!HasOption(options, {"-t", "--tcp-ports"})) AddPorts(request.ports, /*udp=*/false, &args);
  if (!HasOption(options, {"-u", "--udp-ports"})) AddPorts(request.ports, /*udp=*/true, &args);
  for (const std::string& option : options) {
    if (option != "--map-gw") args.push_back(option);  // podman's word for the absence of --no-map-gw
  }
  args.insert(args.end(), {"--netns-only", "--netns", kHelperNetns});
  return args;
}

absl::Status CheckUserNet() {
  if (os::FindInPath("pasta").empty() && os::FindInPath("slirp4netns").empty()) {
    return WithHint(WithExitCode(absl::NotFoundError("pasta is not installed"), 125),
                    "install the package passt, or use --network none or host");
  }
  const os::UniqueFd tun(open(kTun, O_RDWR | O_CLOEXEC));
  if (tun.valid()) return absl::OkStatus();
  const absl::Status status = ErrnoStatus(errno, absl::StrCat("open ", kTun));
  return WithHint(
      WithExitCode(absl::FailedPreconditionError(StatusLine(status)), 125),
      errno == ENOENT
          ? "a user's own network needs it: load the kernel's module tun (modprobe tun), or use "
            "--network none or host"
          : "a user's own network needs it: let everybody open it (chmod 666 /dev/net/tun), or use "
            "--network none or host");
}

absl::StatusOr<UserNet> StartPasta(const UserNetRequest& request) {
  const std::string path = os::FindInPath("pasta");
  if (path.empty()) {
    return WithHint(WithExitCode(absl::NotFoundError("pasta is not installed"), 125),
                    "install the package passt, or use --network none or host");
  }
  RETURN_IF_ERROR(CheckUserNet());
  UserNet net;
  UserNetRequest resolved = request;
  ASSIGN_OR_RETURN(net.ports, FindHostPorts(request.ports));
  resolved.ports = net.ports;
  const Uplink uplink = FindUplink();
  auto helper = StartHelper(path, PastaArguments(resolved, uplink), request.netns);
  if (!helper.ok()) return WithExitCode(helper.status(), 125);
  net.helper = *std::move(helper);
  net.status.set_network_name("pasta");
  net.status.set_interface_name(ValueOf(request.options, {"-I", "--ns-ifname"}, kInside));
  if (!KeepsHostAddress(request.options)) {
    if (!uplink.interface_name.empty() || !uplink.has_v6) {
      net.status.add_addresses(absl::StrCat(kUserNetAddress, "/", kUserNetPrefix));
      net.status.add_gateways(kUserNetGateway);
    }
  } else {
    const std::string address = ValueOf(request.options, {"-a", "--address"}, uplink.address);
    if (!address.empty()) net.status.add_addresses(address);
  }
  return net;
}

absl::StatusOr<UserNet> StartUserNet(const UserNetRequest& request) {
  if (!os::FindInPath("pasta").empty()) return StartPasta(request);
  RETURN_IF_ERROR(CheckUserNet());
  if (!request.options.empty()) {
    return WithHint(WithExitCode(absl::InvalidArgumentError(absl::StrCat(
                                     "--network pasta:", request.options[0], ": pasta is not installed")),
                                 125),
                    "install the package passt");
  }
  return StartSlirp(request);
}

std::string UserNetHostAddress(absl::Span<const std::string> options) {
  const bool mapped = HasOption(options, {"--map-gw", "allow_host_loopback=true"});
  if (KeepsHostAddress(options)) return mapped ? ValueOf(options, {"-g", "--gateway"}, "") : "";
  return mapped ? kUserNetGateway : FindUplink().address;
}

}  // namespace coracle::network
