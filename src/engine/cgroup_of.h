// Which cgroup a container gets.
#ifndef CORACLE_ENGINE_CGROUP_OF_H_
#define CORACLE_ENGINE_CGROUP_OF_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/engine.h"
#include "runtime/cgroup.h"

namespace coracle::engine {

// Without limits, which the spec has. Its path ends in the container's id, so it is nobody else's.
runtime::CgroupRequest CgroupOf(const Engine& engine, const store::ContainerRecord& record);

// Kills and removes what a monitor that was killed before it recorded its cgroup's paths left of it. Nothing
// there is fine. Errors: as Cgroup::Remove.
absl::Status RemoveUnrecordedCgroup(const Engine& engine, const store::ContainerRecord& record);

// The same for a monitor that was killed after it recorded them; `state` is its last. Nothing there is fine.
absl::Status RemoveRecordedCgroup(const store::ContainerState& state, absl::string_view id);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_CGROUP_OF_H_
