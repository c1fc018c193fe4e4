// The environment of a container's processes.
#ifndef CORACLE_ENGINE_ENVIRONMENT_H_
#define CORACLE_ENGINE_ENVIRONMENT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "store/records.pb.h"

namespace coracle::engine {

// --hostname, else the short id.
std::string HostnameOf(const store::ContainerRecord& record);

// The container's variables, then `own` (which win), then defaults for PATH, container, TERM with `tty`,
// HOSTNAME and HOME where neither sets them.
std::vector<std::string> Environment(const store::ContainerRecord& record,
                                     const std::vector<std::string>& own, absl::string_view home, bool tty);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_ENVIRONMENT_H_
