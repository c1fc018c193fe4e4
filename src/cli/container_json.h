// What inspect and ps say about containers, as JSON with the member names of podman and docker.
#ifndef CORACLE_CLI_CONTAINER_JSON_H_
#define CORACLE_CLI_CONTAINER_JSON_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/listed_fields.h"
#include "engine/engine.h"

namespace coracle::cli {

// The object of `container inspect`. `size_bytes`: what was written, with --size.
Json InspectJson(const engine::Engine& engine, const engine::ContainerView& view,
                 std::optional<int64_t> size_bytes);

// The parts of both about networks and ports.
Json NetworkSettingsJson(const engine::Engine& engine, const engine::ContainerView& view);
Json PortBindingsJson(const engine::ContainerView& view);
std::vector<std::string> NetworkNames(const engine::ContainerView& view);
Json PsPortsJson(const engine::ContainerView& view);
std::string PsPortsText(const engine::ContainerView& view);
// Each published port of `port`, sorted: 80, tcp, 0.0.0.0:8080.
struct ShownPort {
  uint32_t port = 0;
  std::string protocol, host;
};
std::vector<ShownPort> PublishedPorts(const engine::ContainerView& view);

// An element of `ps --format json`.
Json PsJson(const engine::ContainerView& view, std::optional<int64_t> size_bytes);
// Those fields of a `ps --format` template. `truncate`: short ids and commands.
Json PsRow(const engine::ContainerView& view, std::optional<int64_t> size_bytes, bool truncate,
           const ListedFields& fields);

// "Up 5 minutes", "Exited (0) 2 hours ago", "Created", "Up 3 seconds (Paused)".
std::string StatusText(const engine::ContainerView& view);

// RFC 3339 with nanoseconds in the local zone; Go's zero time for 0.
std::string TimeText(int64_t unix_nanos);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_CONTAINER_JSON_H_
