// Making, opening, changing and removing a container's cgroup over all hierarchies.
//
// Which v1 hierarchies a container joins is a matter of time: on the development machine each costs 35 to 55
// us for mkdir, open, the child's write and rmdir together (cpu 29, cpuset 35, memory 43, devices 21, freezer
// 20, blkio 29, pids 21, systemd 20; 320 us for all ten). Always joined are those that a container without
// limits needs as well: devices (security), memory, pids and blkio (statistics, OOM detection). cpu, cpuset
// and the others come when a limit asks for them, at Create or later at Update, which then moves the
// processes. cpuacct, freezer and name=systemd are joined only where there is no v2 tree: its cpu.stat,
// cgroup.freeze and cgroup.kill need no controller.
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "runtime/cgroup_devices.h"
#include "runtime/cgroup_host.h"
#include "runtime/cgroup_signal.h"
#include "runtime/cgroup_split.h"
#include "runtime/cgroup_state.h"
#include "runtime/cgroup_systemd.h"
#include "runtime/cgroup_v2.h"

namespace coracle::runtime {
namespace {

constexpr absl::string_view kAlways[] = {"devices", "memory", "pids", "blkio"};
constexpr absl::string_view kWithoutV2[] = {"cpuacct", "freezer", "name=systemd"};
constexpr absl::string_view kWantedV2[] = {"cpu", "io", "memory", "pids"};

template <typename List>
bool Contains(const List& list, absl::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

bool IsRefusal(int error) { return error == EACCES || error == EPERM || error == EROFS; }

ControllerPlace Place(const CgroupLayout& layout, absl::string_view controller) {
  if (controller == "cgroup") return layout.v2.has_value() ? ControllerPlace::kV2 : ControllerPlace::kNone;
  if (layout.FindV1(controller) != nullptr) return ControllerPlace::kV1;
  return layout.V2Has(controller) ? ControllerPlace::kV2 : ControllerPlace::kNone;
}

// The first write that needs this hierarchy, or null.
const CgroupWrite* WriteFor(absl::Span<const CgroupWrite> writes, const CgroupHierarchy& h) {
  for (const CgroupWrite& w : writes) {
    if (w.v2 == h.v2 && Contains(h.controllers, w.controller)) return &w;
  }
  return nullptr;
}

bool JoinsV1(const CgroupHierarchy& h, bool has_v2, absl::Span<const CgroupWrite> writes) {
  for (const std::string& name : h.controllers) {
    if (Contains(kAlways, name) || (!has_v2 && Contains(kWithoutV2, name))) return true;
  }
  return WriteFor(writes, h) != nullptr;
}

absl::Status InUse(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat("cgroup ", path, ": has other processes in it"));
}

// Makes the directory `relative` in a v1 hierarchy. An absent directory with OK: not permitted, and nobody
// asked.
absl::Status MakeV1(const CgroupHierarchy& h, const std::string& relative, bool below_own,
                    const CgroupWrite* asked, std::vector<CgroupDirectory>* dirs) {
  CgroupDirectory d;
  d.controllers = h.controllers;
  d.mount = h.mount;
  d.path = absl::StrCat(below_own ? h.own : h.mount, relative);
  int error = MakeCgroupDirectory(h.mount, d.path, &d.made);
  if (IsRefusal(error) && !below_own && h.own != h.mount) {
    d.path = absl::StrCat(h.own, relative);
    error = MakeCgroupDirectory(h.mount, d.path, &d.made);
  }
  if (error == 0 && Contains(h.controllers, "cpuset")) error = InheritCpuset(h.mount, d.path);
  if (error != 0 && d.made) (void)rmdir(d.path.c_str());
  if (IsRefusal(error) && asked == nullptr) return absl::OkStatus();
  if (error != 0) {
    return ErrnoStatus(error, absl::StrCat("create cgroup ", d.path,
                                           asked == nullptr ? "" : absl::StrCat(" for ", asked->option)));
  }
  dirs->push_back(std::move(d));
  return absl::OkStatus();
}

// Fails for the first write whose v2 controller was not passed down to `available`.
absl::Status CheckPassedDown(const std::vector<std::string>& available,
                             absl::Span<const CgroupWrite> writes) {
  for (const CgroupWrite& w : writes) {
    if (!w.v2 || w.controller == "cgroup" || Contains(available, w.controller)) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "cgroup controller '", w.controller, "' is not available (not delegated): cannot apply ", w.option));
  }
  return absl::OkStatus();
}

std::vector<std::string> V2Required(absl::Span<const CgroupWrite> writes) {
  std::vector<std::string> names;
  for (const CgroupWrite& w : writes) {
    if (w.v2 && w.controller != "cgroup" && !Contains(names, w.controller)) names.push_back(w.controller);
  }
  return names;
}

// What a container should have in v2, whether or not there are limits.
std::vector<std::string> V2Wanted(const CgroupHierarchy& v2, const std::vector<std::string>& required) {
  std::vector<std::string> names = required;
  for (const absl::string_view name : kWantedV2) {
    if (Contains(v2.controllers, name) && !Contains(names, name)) names.emplace_back(name);
  }
  return names;
}

// Where the cgroup goes.
struct CgroupPlace {
  std::string relative;  // below the hierarchy's mount, our own cgroup or `v2_base`
  bool below_own = false;
  std::string v2_base;  // empty: to be chosen
};

absl::StatusOr<CgroupPlace> SystemdPlace(const CgroupRequest& request, const CgroupLayout& layout) {
  if (!layout.v2.has_value() || !layout.v1.empty()) {
    return absl::FailedPreconditionError(
        "cgroup manager systemd needs a host with cgroup v2 only: use --cgroup-manager cgroupfs");
  }
  ASSIGN_OR_RETURN(SystemdScope scope, ParseSystemdPath(request.path, UsesUserManager()));
  scope.stop_signal = request.stop_signal;
  scope.stop_timeout_seconds = request.stop_timeout_seconds;
  CgroupPlace place;
  ASSIGN_OR_RETURN(place.v2_base, EnterSystemdScope(scope, layout.v2->mount));
  place.relative = "/container";
  return place;
}

absl::Status MakeV2(const CgroupHierarchy& v2, const CgroupPlace& place, absl::Span<const CgroupWrite> writes,
                    std::vector<CgroupDirectory>* dirs) {
  const std::vector<std::string> required = V2Required(writes);
  const std::vector<std::string> wanted = V2Wanted(v2, required);
  const std::string base = !place.v2_base.empty()                   ? place.v2_base
                           : place.below_own && IsDelegated(v2.own) ? v2.own
                                                                    : ChooseV2Base(v2, required, wanted);
  if (base.empty()) return CheckPassedDown({}, writes);
  CgroupDirectory d;
  d.v2 = true;
  d.mount = v2.mount;
  d.path = absl::StrCat(base, place.relative);
  const int error = MakeCgroupDirectory(v2.mount, d.path, &d.made);
  if (IsRefusal(error) && required.empty()) return absl::OkStatus();
  if (error != 0) return ErrnoStatus(error, absl::StrCat("create cgroup ", d.path));
  if (!wanted.empty()) {
    EnableControllers(base, d.path, wanted);
    d.controllers = AvailableControllers(d.path);
  }
  absl::Status status = CheckPassedDown(d.controllers, writes);
  if (!status.ok() && d.made) (void)rmdir(d.path.c_str());
  if (status.ok()) dirs->push_back(std::move(d));
  return status;
}

// A directory that was there before may be a leftover of ours, or anything: entering one that is in use would
// make Remove kill strangers.
absl::Status CheckUnused(absl::Span<const CgroupDirectory> dirs) {
  for (const CgroupDirectory& d : dirs) {
    if (d.made) continue;
    const std::optional<std::string> procs = ReadCgroupFile(d.path, "cgroup.procs");
    if (procs.has_value() && !procs->empty()) return InUse(d.path);
  }
  return absl::OkStatus();
}

// Best effort, all of it: nobody asked.
void ApplyDefaults(const CgroupRequest& request, absl::Span<const CgroupDirectory> dirs) {
  const int64_t memory =
      request.resources.memory.has_value() ? request.resources.memory->limit.value_or(0) : 0;
  for (const CgroupDirectory& d : dirs) {
    if (request.default_pids_limit.has_value() && Contains(d.controllers, "pids")) {
      (void)WriteCgroupFile(d.path, "pids.max", absl::StrCat(*request.default_pids_limit));
    }
    if (request.default_memory_swap.has_value() && memory > 0 && Contains(d.controllers, "memory")) {
      const int64_t swap = *request.default_memory_swap;
      (void)WriteCgroupFile(d.path, d.v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
                            absl::StrCat(d.v2 ? swap - memory : swap));
    }
  }
}

// Where swap is counted at all. As a limit like others, since its order with that of memory matters.
void AddDefaultSwap(std::optional<int64_t> default_swap, absl::Span<const CgroupDirectory> dirs,
                    oci::Resources& resources) {
  if (!default_swap.has_value() || !resources.memory.has_value() || resources.memory->swap.has_value())
    return;
  for (const CgroupDirectory& d : dirs) {
    if (!Contains(d.controllers, "memory")) continue;
    const char* file = d.v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes";
    if (ReadCgroupFile(d.path, file).has_value()) resources.memory->swap = default_swap;
  }
}

void RemoveMade(absl::Span<const CgroupDirectory> dirs) {
  for (const CgroupDirectory& d : dirs) {
    if (d.made) (void)rmdir(d.path.c_str());
  }
}

absl::Status CheckUsageBelow(const oci::Resources& resources, absl::Span<const CgroupDirectory> dirs) {
  const bool check = resources.memory.has_value() && resources.memory->check_before_update.value_or(false) &&
                     resources.memory->limit.value_or(0) > 0;
  if (!check) return absl::OkStatus();
  for (const CgroupDirectory& d : dirs) {
    if (!Contains(d.controllers, "memory")) continue;
    const uint64_t usage =
        ReadCgroupNumber(d.path, d.v2 ? "memory.current" : "memory.usage_in_bytes").value_or(0);
    if (usage > static_cast<uint64_t>(*resources.memory->limit)) {
      return absl::FailedPreconditionError(
          absl::StrCat("memory limit ", *resources.memory->limit, ": ", usage, " bytes are in use"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

const CgroupDirectory* Cgroup::State::V1(absl::string_view controller) const {
  for (const CgroupDirectory& d : dirs) {
    if (!d.v2 && Contains(d.controllers, controller)) return &d;
  }
  return nullptr;
}

bool Cgroup::State::Has(const CgroupDirectory& directory, absl::string_view controller) const {
  return Contains(directory.controllers, controller);
}

absl::Status Cgroup::State::OpenEntry(bool missing_is_fine) {
  paths.clear();
  entry = CgroupEntry();
  for (CgroupDirectory& d : dirs) {
    paths.push_back(d.path);
    os::UniqueFd& fd = d.v2 ? d.dir : d.tasks;
    const std::string path = d.v2 ? d.path : absl::StrCat(d.path, "/tasks");
    const int flags = d.v2 ? O_RDONLY | O_DIRECTORY : O_WRONLY;
    if (!fd.valid()) fd.Reset(open(path.c_str(), flags | O_CLOEXEC));
    if (!fd.valid() && errno == ENOENT && missing_is_fine) continue;
    if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path));
    if (d.v2) {
      entry.v2_dir = fd.get();
    } else {
      entry.v1_tasks.push_back(fd.get());
    }
  }
  return absl::OkStatus();
}

bool CgroupControllerUsable(absl::string_view controller) {
  const absl::StatusOr<CgroupLayout> layout = DiscoverCgroups();
  if (!layout.ok()) return false;
  const CgroupHierarchy* h = layout->FindV1(controller);
  if (h == nullptr && layout->V2Has(controller)) h = &*layout->v2;
  return h != nullptr && (access(h->mount.c_str(), W_OK) == 0 || access(h->own.c_str(), W_OK) == 0);
}

Cgroup::Cgroup(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cgroup::~Cgroup() = default;

const CgroupEntry& Cgroup::entry() const { return state_->entry; }
const std::vector<std::string>& Cgroup::paths() const { return state_->paths; }

absl::StatusOr<std::unique_ptr<Cgroup>> Cgroup::Create(const CgroupRequest& request) {
  auto state = std::make_unique<State>();
  if (request.disabled) return std::unique_ptr<Cgroup>(new Cgroup(std::move(state)));
  ASSIGN_OR_RETURN(CgroupLayout layout, DiscoverCgroups());
  CgroupPlace place;
  if (request.systemd) {
    ASSIGN_OR_RETURN(place, SystemdPlace(request, layout));
    layout.v1.clear();  // systemd has one tree
  } else if (request.split) {
    ASSIGN_OR_RETURN(place.v2_base, EnterSupervisorLeaf(layout));
    place.relative = absl::StrCat("/payload-", request.path.substr(request.path.rfind('/') + 1));
  } else {
    ASSIGN_OR_RETURN(place.relative, CleanCgroupPath(request.path));
    place.below_own = !absl::StartsWith(request.path, "/");
  }
  ASSIGN_OR_RETURN(
      const std::vector<CgroupWrite> writes,
      PlanCgroup(request.resources, [&](absl::string_view name) { return Place(layout, name); }));
  absl::Status status;
  if (layout.v2.has_value()) status = MakeV2(*layout.v2, place, writes, &state->dirs);
  const bool has_v2 = state->V2() != nullptr;
  for (const CgroupHierarchy& h : layout.v1) {
    if (!status.ok()) break;
    if (!request.all_hierarchies && !JoinsV1(h, has_v2, writes)) continue;
    status = MakeV1(h, place.relative, place.below_own, WriteFor(writes, h), &state->dirs);
  }
  if (status.ok()) status = CheckUnused(state->dirs);
  if (status.ok()) status = ApplyCgroupWrites(state->dirs, writes);
  if (status.ok()) ApplyDefaults(request, state->dirs);
  if (status.ok()) status = ApplyDeviceRules(state->dirs, request.resources.devices);
  if (status.ok()) status = state->OpenEntry(/*missing_is_fine=*/false);
  if (!status.ok()) {
    RemoveMade(state->dirs);
    return status;
  }
  return std::unique_ptr<Cgroup>(new Cgroup(std::move(state)));
}

absl::StatusOr<std::unique_ptr<Cgroup>> Cgroup::Open(const std::vector<std::string>& paths) {
  auto state = std::make_unique<State>();
  ASSIGN_OR_RETURN(CgroupLayout layout, DiscoverCgroups());
  std::set<std::string> relatives;
  const auto relative_to = [](const CgroupHierarchy& h, const std::string& path) -> std::string {
    return absl::StartsWith(path, h.mount + "/") ? path.substr(h.mount.size()) : "";
  };
  for (const std::string& path : paths) {
    const CgroupHierarchy* best = nullptr;
    if (layout.v2.has_value() && !relative_to(*layout.v2, path).empty()) best = &*layout.v2;
    for (const CgroupHierarchy& h : layout.v1) {
      if (!relative_to(h, path).empty() && (best == nullptr || h.mount.size() > best->mount.size()))
        best = &h;
    }
    if (best == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("cgroup ", path, ": in no hierarchy here"));
    RETURN_IF_ERROR(CleanCgroupPath(path).status());
    relatives.insert(relative_to(*best, path));
    CgroupDirectory d;
    d.v2 = best->v2;
    d.mount = best->mount;
    d.path = path;
    d.controllers = d.v2 ? AvailableControllers(path) : best->controllers;
    state->dirs.insert(d.v2 ? state->dirs.begin() : state->dirs.end(), std::move(d));
  }
  // A hierarchy that an Update joined later, which the caller's record may not know.
  for (const CgroupHierarchy& h : layout.v1) {
    if (std::any_of(state->dirs.begin(), state->dirs.end(),
                    [&](const CgroupDirectory& d) { return d.mount == h.mount; })) {
      continue;
    }
    for (const std::string& relative : relatives) {
      CgroupDirectory d;
      d.mount = h.mount;
      d.path = absl::StrCat(h.mount, relative);
      d.controllers = h.controllers;
      if (access(d.path.c_str(), F_OK) == 0) {
        state->dirs.push_back(std::move(d));
        break;
      }
    }
  }
  RETURN_IF_ERROR(state->OpenEntry(/*missing_is_fine=*/true));
  return std::unique_ptr<Cgroup>(new Cgroup(std::move(state)));
}

absl::StatusOr<std::unique_ptr<Cgroup>> Cgroup::Find(const CgroupRequest& request) {
  std::vector<std::string> paths;
  if (request.disabled || request.systemd || request.split) return Open(paths);
  ASSIGN_OR_RETURN(const std::string relative, CleanCgroupPath(request.path));
  ASSIGN_OR_RETURN(const CgroupLayout layout, DiscoverCgroups());
  const auto add = [&](const std::string& base) {
    std::string path = absl::StrCat(base, relative);
    if (!Contains(paths, path) && access(path.c_str(), F_OK) == 0) paths.push_back(std::move(path));
  };
  if (layout.v2.has_value()) {
    add(layout.v2->mount);
    // As ChooseV2Base looks: our own cgroup and what is above it.
    for (std::string at = layout.v2->own; at.size() > layout.v2->mount.size();
         at = at.substr(0, at.rfind('/'))) {
      add(at);
    }
  }
  for (const CgroupHierarchy& h : layout.v1) {
    add(h.mount);
    add(h.own);
  }
  return Open(paths);
}

absl::Status PrepareToEnter(const std::vector<std::string>& paths) {
  // Root may enter anything.
  if (paths.empty() || !UsesUserManager()) return absl::OkStatus();
  return AttachToSystemdScope(paths[0]);
}

absl::Status Cgroup::Update(const oci::Resources& given, std::optional<int64_t> default_memory_swap) {
  oci::Resources resources = given;
  AddDefaultSwap(default_memory_swap, state_->dirs, resources);
  if (state_->dirs.empty()) return absl::FailedPreconditionError("no cgroup: cannot change limits");
  ASSIGN_OR_RETURN(const CgroupLayout layout, DiscoverCgroups());
  CurrentLimits current;
  if (const CgroupDirectory* memory = state_->V1("memory"); memory != nullptr) {
    current.v1_memsw = ReadCgroupNumber(memory->path, "memory.memsw.limit_in_bytes");
    // v1 shows "unlimited" as the largest number of whole pages.
    if (current.v1_memsw.value_or(0) >= (uint64_t{1} << 62)) current.v1_memsw.reset();
  }
  if (const CgroupDirectory* v2 = state_->V2(); v2 != nullptr) {
    const std::string cpu_max = ReadCgroupFile(v2->path, "cpu.max").value_or("max");
    current.v2_cpu_quota = cpu_max.substr(0, cpu_max.find_first_of(" \n"));
  }
  ASSIGN_OR_RETURN(const std::vector<CgroupWrite> writes,
                   PlanCgroup(
                       resources, [&](absl::string_view name) { return Place(layout, name); }, current));
  if (!state_->dirs.empty() && state_->dirs[0].v2) {
    CgroupDirectory& v2 = state_->dirs[0];
    const std::vector<std::string> required = V2Required(writes);
    if (!required.empty()) EnableControllers(v2.mount, v2.path, required);
    v2.controllers = AvailableControllers(v2.path);
    RETURN_IF_ERROR(CheckPassedDown(v2.controllers, writes));
  }
  RETURN_IF_ERROR(CheckUsageBelow(resources, state_->dirs));
  const size_t had = state_->dirs.size();
  const std::string relative = state_->dirs[0].path.substr(state_->dirs[0].mount.size());
  for (const CgroupHierarchy& h : layout.v1) {
    const CgroupWrite* asked = WriteFor(writes, h);
    if (asked == nullptr || state_->V1(asked->controller) != nullptr) continue;
    RETURN_IF_ERROR(MakeV1(h, relative, /*below_own=*/false, asked, &state_->dirs));
  }
  RETURN_IF_ERROR(ApplyCgroupWrites(state_->dirs, writes));
  RETURN_IF_ERROR(ApplyDeviceRules(state_->dirs, resources.devices));
  if (state_->dirs.size() > had) {
    RETURN_IF_ERROR(MoveProcesses(had));
  }
  return absl::OkStatus();
}

// Puts the container's processes into the directories from number `first` on. Twice over: a fork during the
// first round has put its child where the parent was not yet.
absl::Status Cgroup::MoveProcesses(size_t first) {
  for (int round = 0; round < 2; ++round) {
    ASSIGN_OR_RETURN(const std::vector<int32_t> pids, Pids());
    for (const int32_t pid : pids) {
      for (size_t i = first; i < state_->dirs.size(); ++i) {
        const int error = WriteCgroupFile(state_->dirs[i].path, "cgroup.procs", absl::StrCat(pid));
        if (error != 0 && error != ESRCH) {
          return ErrnoStatus(error, absl::StrCat("move process ", pid, " to ", state_->dirs[i].path));
        }
      }
    }
  }
  return state_->OpenEntry(/*missing_is_fine=*/false);
}

absl::Status Cgroup::Freeze() { return FreezeCgroup(state_->dirs, /*freeze=*/true); }
absl::Status Cgroup::Thaw() { return FreezeCgroup(state_->dirs, /*freeze=*/false); }
bool Cgroup::Frozen() const { return IsCgroupFrozen(state_->dirs); }
absl::Status Cgroup::KillAll(int signal) { return SignalCgroup(state_->dirs, signal); }
absl::Status Cgroup::Remove() { return DestroyCgroup(state_->dirs); }

absl::StatusOr<std::vector<int32_t>> Cgroup::Pids() const {
  if (state_->dirs.empty()) return absl::FailedPreconditionError("no cgroup: no list of processes");
  return CgroupPids(state_->dirs[0].path);
}

CgroupHost ProbeCgroups() {
  CgroupHost host;
  host.version = "none";
  absl::StatusOr<CgroupLayout> layout = DiscoverCgroups();
  if (!layout.ok()) return host;
  const bool v1 = !layout->v1.empty(), v2 = layout->v2.has_value();
  if (v1 || v2) host.version = v1 && v2 ? "hybrid" : v1 ? "v1" : "v2";
  for (const CgroupHierarchy& h : layout->v1) {
    for (const std::string& name : h.controllers) {
      if (!absl::StartsWith(name, "name=")) host.controllers.push_back(name);
    }
    host.writable |= access(h.mount.c_str(), W_OK) == 0;
  }
  if (PrefersSystemdCgroups()) host.manager = "systemd";
  if (v2) {
    const std::string base = ChooseV2Base(*layout->v2, {}, {});
    host.writable |= !base.empty();
    const std::vector<std::string> names =
        base.empty() || base == layout->v2->mount ? layout->v2->controllers : AvailableControllers(base);
    host.controllers.insert(host.controllers.end(), names.begin(), names.end());
  }
  return host;
}

}  // namespace coracle::runtime
