#include "engine/name_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/environment.h"
#include "engine/networks.h"
#include "engine/shared_network.h"
#include "network/published_names.h"
#include "os/file.h"
#include "store/network.h"

namespace coracle::engine {
namespace {

constexpr size_t kMaxHostFileBytes = 1 << 20;
constexpr char kHostNames[] = "host.containers.internal host.docker.internal";

std::string HostFile(const char* path) {
  auto text = os::ReadFileAt(AT_FDCWD, path, kMaxHostFileBytes);
  if (!text.ok()) return "";
  if (!text->empty() && text->back() != '\n') *text += '\n';
  return *std::move(text);
}

// Without its prefix length.
std::string Bare(const std::string& address) { return address.substr(0, address.find('/')); }

bool SharesNetwork(absl::string_view mode) { return absl::StartsWith(mode, "container:"); }

// The lines that begin with `keyword`, each with its line end.
std::string LinesOf(absl::string_view text, absl::string_view keyword) {
  std::string lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (!words.empty() && words[0] == keyword) absl::StrAppend(&lines, line, "\n");
  }
  return lines;
}

// Addresses of another running container on networks that `networks` has too; the first is that of IPv4, if
// it has one.
std::vector<std::string> SharedAddresses(const store::Store& store, absl::string_view id,
                                         absl::Span<const store::NetworkStatus> networks) {
  std::vector<std::string> addresses;
  if (!store::MonitorAlive(store, id)) return addresses;
  const auto state = store::ReadState(store, id);
  if (!state.ok()) return addresses;
  for (const store::NetworkStatus& theirs : state->networks()) {
    const bool shared = std::any_of(networks.begin(), networks.end(), [&](const store::NetworkStatus& ours) {
      return ours.network_id() == theirs.network_id();
    });
    if (!shared) continue;
    for (const std::string& address : theirs.addresses()) addresses.push_back(Bare(address));
  }
  return addresses;
}

void AppendLinks(const store::Store& store, const NameFiles& files,
                 absl::Span<const store::NetworkStatus> networks, std::string* text) {
  for (const std::string& link : files.links) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(link, absl::MaxSplits(':', 1));
    const auto record = store::ReadContainer(store, parts.first);
    if (!record.ok()) continue;
    for (const std::string& address : SharedAddresses(store, parts.first, networks)) {
      absl::StrAppend(text, address, "\t", parts.second);
      if (record->name() != parts.second) absl::StrAppend(text, " ", record->name());
      absl::StrAppend(text, " ", ShortId(parts.first), "\n");
    }
  }
}

// In place: the file is mounted. Shrinking comes last, so that no reader ever finds it empty.
absl::Status WriteInPlace(const std::string& path, absl::string_view text) {
  ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT, 0644));
  if (fchmod(fd.get(), 0644) != 0) return ErrnoStatus(errno, absl::StrCat("set the mode of ", path));
  RETURN_IF_ERROR(os::WriteAll(fd.get(), text), path);
  if (ftruncate(fd.get(), static_cast<off_t>(text.size())) != 0) {
    return ErrnoStatus(errno, absl::StrCat("write ", path));
  }
  return absl::OkStatus();
}

}  // namespace

NameFiles NameFilesOf(const store::Store& store, const store::ContainerRecord& record) {
  const store::ContainerConfig& config = record.config();
  NameFiles files;
  files.id = record.id();
  files.name = record.name();
  files.hostname = HostnameOf(record);
  files.run_dir = store.ContainerRunDir(record.id());
  files.network_mode = config.network_mode();
  files.host_entries.assign(config.host_entries().begin(), config.host_entries().end());
  files.links.assign(config.links().begin(), config.links().end());
  files.dns_servers.assign(config.dns_servers().begin(), config.dns_servers().end());
  files.dns_searches.assign(config.dns_searches().begin(), config.dns_searches().end());
  files.dns_options.assign(config.dns_options().begin(), config.dns_options().end());
  const std::string& mode = config.network_mode();
  files.hosts = !config.no_hosts() && !SharesNetwork(mode);
  if (IsBridgeMode(mode)) {
    for (const store::NetworkAttachment& attachment : config.networks()) {
      const auto network = store::ReadNetwork(store, attachment.network_name());
      files.resolver |= network.ok() && network->dns_enabled();
    }
  } else if (mode == "pasta" || mode == "slirp4netns") {
    files.resolver = config.dns_servers().empty();
  }
  files.resolv = files.resolver || IsBridgeMode(mode) || mode == "host" || !files.dns_servers.empty() ||
                 !files.dns_searches.empty() || !files.dns_options.empty();
  return files;
}

std::string HostsText(const store::Store& store, const NameFiles& files,
                      absl::Span<const store::NetworkStatus> networks, absl::string_view host_address) {
  const bool is_host = files.network_mode == "host";
  std::string text =
      is_host ? HostFile("/etc/hosts") : "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  bool names_host = false;
  for (const std::string& entry : files.host_entries) {
    const std::pair<std::string, absl::string_view> parts = absl::StrSplit(entry, absl::MaxSplits(':', 1));
    const absl::string_view address = parts.second == "host-gateway" ? host_address : parts.second;
    names_host |= absl::StrContains(kHostNames, parts.first);
    if (!address.empty()) absl::StrAppend(&text, address, "\t", parts.first, "\n");
  }
  if (!host_address.empty() && !is_host && !names_host) {
    absl::StrAppend(&text, host_address, "\t", kHostNames, "\n");
  }
  AppendLinks(store, files, networks, &text);
  if (is_host) return text;
  bool has_address = false;
  for (const store::NetworkStatus& network : networks) {
    for (const std::string& address : network.addresses()) {
      absl::StrAppend(&text, Bare(address), "\t", files.hostname, " ", files.name, "\n");
      has_address = true;
    }
  }
  if (!has_address) absl::StrAppend(&text, "127.0.0.1\t", files.hostname, " ", files.name, "\n");
  return text;
}

std::string ResolvText(const NameFiles& files, absl::string_view host_resolv) {
  const bool is_host = files.network_mode == "host";
  // Nothing of the host is of use where there is no way to its servers.
  const bool use_hosts = is_host || files.resolver || IsBridgeMode(files.network_mode);
  std::string text;
  if (!files.dns_searches.empty()) {
    // "." asks for none.
    if (files.dns_searches != std::vector<std::string>{"."}) {
      absl::StrAppend(&text, "search ", absl::StrJoin(files.dns_searches, " "), "\n");
    }
  } else if (use_hosts) {
    absl::StrAppend(&text, LinesOf(host_resolv, "search"), LinesOf(host_resolv, "domain"));
  }
  if (files.resolver) {
    absl::StrAppend(&text, "nameserver ", network::kResolverAddress, "\n");
  } else if (!files.dns_servers.empty()) {
    for (const std::string& server : files.dns_servers) absl::StrAppend(&text, "nameserver ", server, "\n");
  } else if (use_hosts) {
    absl::StrAppend(&text, LinesOf(host_resolv, "nameserver"));
  }
  if (!files.dns_options.empty()) {
    absl::StrAppend(&text, "options ", absl::StrJoin(files.dns_options, " "), "\n");
  } else if (use_hosts) {
    absl::StrAppend(&text, LinesOf(host_resolv, "options"));
  }
  return text;
}

absl::Status WriteNameFiles(const store::Store& store, const NameFiles& files,
                            absl::Span<const store::NetworkStatus> networks, absl::string_view host_address) {
  if (files.hosts) {
    // The gateway of a bridge in the user's own namespace is not the host.
    const bool elsewhere = IsBridgeMode(files.network_mode) && !host_address.empty() && UsesSharedNetwork();
    RETURN_IF_ERROR(WriteInPlace(
        absl::StrCat(files.run_dir, "/hosts"),
        HostsText(store, files, networks, elsewhere ? SharedNetworkHostAddress(store) : host_address)));
  }
  if (!files.resolv) return absl::OkStatus();
  return WriteInPlace(absl::StrCat(files.run_dir, "/resolv.conf"),
                      ResolvText(files, HostFile("/etc/resolv.conf")));
}

std::string GatewayOf(absl::Span<const store::NetworkStatus> networks) {
  for (const store::NetworkStatus& network : networks) {
    for (const std::string& gateway : network.gateways()) {
      if (!gateway.empty()) return Bare(gateway);
    }
  }
  return "";
}

namespace {

std::string UpperName(absl::string_view alias) {
  std::string name = absl::AsciiStrToUpper(alias);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !absl::ascii_isalnum(static_cast<unsigned char>(c)); },
      '_');
  return name;
}

// A port that the linked container listens at, as far as is known.
struct LinkedPort {
  uint32_t port = 0;
  std::string protocol;
};

std::vector<LinkedPort> PortsOf(const store::ContainerConfig& config) {
  std::vector<LinkedPort> ports;
  const auto add = [&ports](uint32_t first, uint32_t last, const std::string& protocol) {
    for (uint32_t port = first; port <= last; ++port) {
      const bool known = std::any_of(ports.begin(), ports.end(), [&](const LinkedPort& other) {
        return other.port == port && other.protocol == protocol;
      });
      if (!known) ports.push_back({port, protocol});
    }
  };
  for (const std::string& text : config.exposed_ports()) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
    const std::vector<std::string> ends = absl::StrSplit(parts.first, '-');
    uint32_t first = 0, last = 0;
    if (!absl::SimpleAtoi(ends.front(), &first) || !absl::SimpleAtoi(ends.back(), &last) || last > 65535)
      continue;
    add(first, last, parts.second.empty() ? "tcp" : parts.second);
  }
  for (const store::PortMapping& mapping : config.ports()) {
    add(mapping.container_port(), mapping.container_port() + mapping.count() - 1, mapping.protocol());
  }
  std::sort(ports.begin(), ports.end(), [](const LinkedPort& a, const LinkedPort& b) {
    return a.port != b.port ? a.port < b.port : a.protocol < b.protocol;
  });
  return ports;
}

// An address of the linked container on a network that the other is going to be on; IPv4 first.
std::string LinkAddress(const store::ContainerState& state, const store::ContainerRecord& record) {
  std::string found;
  for (const store::NetworkStatus& status : state.networks()) {
    if (!store::UsesNetwork(record, status.network_name())) continue;
    for (const std::string& address : status.addresses()) {
      if (!absl::StrContains(address, ':')) return Bare(address);
      if (found.empty()) found = Bare(address);
    }
  }
  return found;
}

void AddPorts(const std::string& prefix, const std::string& address, const std::vector<LinkedPort>& ports,
              std::vector<std::string>& env) {
  const std::string host = absl::StrContains(address, ':') ? absl::StrCat("[", address, "]") : address;
  const auto url = [&](const LinkedPort& port) {
    return absl::StrCat(port.protocol, "://", host, ":", port.port);
  };
  if (!ports.empty()) env.push_back(absl::StrCat(prefix, "_PORT=", url(ports.front())));
  for (const LinkedPort& port : ports) {
    const std::string name =
        absl::StrCat(prefix, "_PORT_", port.port, "_", absl::AsciiStrToUpper(port.protocol));
    env.push_back(absl::StrCat(name, "=", url(port)));
    env.push_back(absl::StrCat(name, "_ADDR=", address));
    env.push_back(absl::StrCat(name, "_PORT=", port.port));
    env.push_back(absl::StrCat(name, "_PROTO=", port.protocol));
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> LinkEnvironment(const store::Store& store,
                                                         const store::ContainerRecord& record) {
  std::vector<std::string> env;
  for (const std::string& link : record.config().links()) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(link, absl::MaxSplits(':', 1));
    ASSIGN_OR_RETURN(const store::ContainerRecord other, store::ReadContainer(store, parts.first), "--link");
    ASSIGN_OR_RETURN(const store::ContainerState state, store::ReadState(store, parts.first), "--link");
    if (!store::MonitorAlive(store, parts.first)) {
      return WithExitCode(absl::FailedPreconditionError(
                              absl::StrCat("cannot link to container ", other.name(), ": it is not running")),
                          125);
    }
    const std::string prefix = UpperName(parts.second);
    AddPorts(prefix, LinkAddress(state, record), PortsOf(other.config()), env);
    env.push_back(absl::StrCat(prefix, "_NAME=/", record.name(), "/", parts.second));
    for (const std::string& entry : other.config().env()) {
      if (absl::StartsWith(entry, "HOME=") || absl::StartsWith(entry, "PATH=")) continue;
      env.push_back(absl::StrCat(prefix, "_ENV_", entry));
    }
  }
  // What the user sets for this container wins.
  env.erase(std::remove_if(env.begin(), env.end(),
                           [&](const std::string& entry) {
                             const std::string start = entry.substr(0, entry.find('=') + 1);
                             return std::any_of(
                                 record.config().env().begin(), record.config().env().end(),
                                 [&](const std::string& own) { return absl::StartsWith(own, start); });
                           }),
            env.end());
  return env;
}

}  // namespace coracle::engine
