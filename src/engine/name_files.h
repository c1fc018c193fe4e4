// /etc/hosts and /etc/resolv.conf of a container, as text and as files. They lie in its run directory and are
// mounted into it, so they are written in place, and again whenever its networks change. Whoever mounts files
// of their own there does not see these.
#ifndef CORACLE_ENGINE_NAME_FILES_H_
#define CORACLE_ENGINE_NAME_FILES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "store/store.h"

namespace coracle::engine {

// What a monitor keeps of a record to write these files: it waits for hours with it.
struct NameFiles {
  std::string id, name, hostname, run_dir;
  std::string network_mode;
  std::vector<std::string> host_entries;  // name:address; an address may be host-gateway
  std::vector<std::string> links;         // container id:alias
  std::vector<std::string> dns_servers, dns_searches, dns_options;
  bool hosts = false;   // there is a hosts file
  bool resolv = false;  // there is a resolv.conf
  // Our resolver answers inside the container: resolv.conf names it. On networks of the store it forwards to
  // --dns; elsewhere --dns takes its place.
  bool resolver = false;
};
NameFiles NameFilesOf(const store::Store& store, const store::ContainerRecord& record);

// `networks`: what the container is on now, empty before it is connected. `host_address`: the host as the
// container reaches it (host.containers.internal, host-gateway); empty: not at all, and host-gateway is left
// out.
std::string HostsText(const store::Store& store, const NameFiles& files,
                      absl::Span<const store::NetworkStatus> networks, absl::string_view host_address);
// `host_resolv`: the text of the host's resolv.conf, for what the user did not say.
std::string ResolvText(const NameFiles& files, absl::string_view host_resolv);

// Writes both. Called before a start, when the container is connected, and when that changes.
absl::Status WriteNameFiles(const store::Store& store, const NameFiles& files,
                            absl::Span<const store::NetworkStatus> networks, absl::string_view host_address);

// The gateway of the first network that has one, for `host_address` of a container on bridges of this host.
std::string GatewayOf(absl::Span<const store::NetworkStatus> networks);

// The variables that docker gives a container for each --link: ALIAS_NAME, ALIAS_PORT, ALIAS_PORT_80_TCP...,
// ALIAS_ENV_X. Errors: FailedPrecondition if a linked container does not run. Source: docker, "Legacy
// container links".
absl::StatusOr<std::vector<std::string>> LinkEnvironment(const store::Store& store,
                                                         const store::ContainerRecord& record);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_NAME_FILES_H_
