#include "engine/build_run.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/build_run_child.h"
#include "engine/cgroup_of.h"
#include "engine/host.h"
#include "engine/host_devices.h"
#include "engine/identity.h"
#include "engine/joined_namespaces.h"
#include "engine/made_files.h"
#include "engine/security.h"
#include "engine/spec_builder.h"
#include "engine/step_network.h"
#include "os/file.h"
#include "os/file_wait.h"
#include "os/process.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"

namespace coracle::engine {
namespace {

// Steps that have a cgroup, by their id; each file is locked as long as its step's process lives.
std::string MarksDirectory(const Engine& engine) {
  return absl::StrCat(engine.store.runroot(), "/build-runs");
}

// The cgroup of one step, and the mark that lets others remove it if we are killed.
struct StepCgroup {
  std::unique_ptr<runtime::Cgroup> cgroup;
  os::UniqueFd mark;
  std::string mark_path;
};

absl::StatusOr<StepCgroup> MakeCgroup(Engine& engine, const store::ContainerRecord& record,
                                      const oci::Spec& spec) {
  StepCgroup made;
  runtime::CgroupRequest request = CgroupOf(engine, record);
  if (spec.linux_config.resources.has_value()) request.resources = *spec.linux_config.resources;
  RETURN_IF_ERROR(os::MakeDirectories(MarksDirectory(engine), 0700));
  made.mark_path = absl::StrCat(MarksDirectory(engine), "/", record.id());
  ASSIGN_OR_RETURN(made.mark, os::TryLockFile(made.mark_path));
  auto cgroup = runtime::Cgroup::Create(request);
  if (!cgroup.ok()) {
    (void)unlink(made.mark_path.c_str());
    return cgroup.status();
  }
  made.cgroup = *std::move(cgroup);
  return made;
}

bool HasLimits(const store::ContainerConfig& config) {
  return config.has_limits() && config.limits().ByteSizeLong() > 0;
}

// Copies what the step prints until it has ended, and serves its network meanwhile.
void Relay(int output, int pidfd, StepNetwork& network,
           const std::function<void(absl::string_view)>& on_output) {
  char buffer[16384];
  bool ended = false;
  std::vector<pollfd> fds;
  while (true) {
    int timeout = ended ? 0 : -1;
    fds.assign({{output, POLLIN, 0}, {ended ? -1 : pidfd, POLLIN, 0}});
    const size_t own = fds.size();
    if (!ended) network.Prepare(&fds, &timeout);
    const int ready = poll(fds.data(), fds.size(), timeout);
    if (ready < 0 && errno != EINTR) return;
    if (ready < 0) continue;
    if (!ended) network.Dispatch(fds.data() + own, fds.size() - own);
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      const ssize_t count = read(output, buffer, sizeof(buffer));
      // Its output is closed: its end is still to come.
      if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) output = -1;
      if (count > 0 && on_output != nullptr) on_output({buffer, static_cast<size_t>(count)});
      continue;
    }
    // Whoever else holds the pipe then does not belong to the step.
    if (ended) return;
    if (fds[1].revents != 0) ended = true;
  }
}

absl::StatusOr<oci::Spec> SpecOf(Engine& engine, const build::RunStep& step,
                                 const store::ContainerRecord& record, const Security& security,
                                 const std::string& run_dir, SpecInput& input) {
  input.record = &record;
  input.host = ProbeHost();
  input.root_path = step.overlay.has_value() ? absl::StrCat(step.scratch_dir, "/root") : step.root_path;
  ASSIGN_OR_RETURN(Identity identity, ResolveIdentity(record.config(), RootFiles(step.root_dirs)));
  input.user = std::move(identity.user);
  input.home = std::move(identity.home);
  input.user_mounts = step.mounts;
  RETURN_IF_ERROR(AddDevices(record.config(), input));
  RETURN_IF_ERROR(MakeFiles(engine.store, record, run_dir.empty() ? step.scratch_dir : run_dir, input));
  RETURN_IF_ERROR(AddNamespaces(engine, record.config(), input));
  RETURN_IF_ERROR(ShareNameFiles(engine, record.config(), input));
  input.containerenv_file.clear();  // it names an id that differs from build to build
  input.capabilities = security.capabilities;
  input.added_capabilities = security.added;
  return BuildSpec(input);
}

// No namespace but a mount one, and no cgroup: for hosts that forbid them.
void ShareWithHost(store::ContainerConfig& config) {
  for (std::string* mode :
       {config.mutable_network_mode(), config.mutable_pid_mode(), config.mutable_ipc_mode(),
        config.mutable_uts_mode(), config.mutable_cgroupns_mode()}) {
    *mode = "host";
  }
  config.clear_networks();
  config.clear_hostname();
}

absl::StatusOr<int> RunHere(Engine& engine, const build::RunStep& step) {
  store::ContainerRecord record;
  *record.mutable_config() = step.config;
  record.set_id(store::NewContainerId());
  record.set_name(absl::StrCat("build-", record.id().substr(0, 12)));
  if (step.chroot_isolation) ShareWithHost(*record.mutable_config());
  ASSIGN_OR_RETURN(const std::unique_ptr<StepNetwork> network, StepNetwork::Plan(engine, record));
  ASSIGN_OR_RETURN(const Security security,
                   ResolveSecurity(engine.store, record.config(), /*want_profile=*/false));
  SpecInput input;
  ASSIGN_OR_RETURN(oci::Spec spec, SpecOf(engine, step, record, security, network->run_dir(), input));

  // Of the host's, which may have none.
  if (step.chroot_isolation) {
    std::erase_if(spec.mounts, [](const oci::Mount& mount) { return mount.destination == "/dev/mqueue"; });
  }

  runtime::CreateRequest request;
  StepCgroup cgroup;
  // Root's device nodes are guarded by a cgroup; in a user namespace nobody can make one.
  if (!step.chroot_isolation && (!input.host.user_namespace || HasLimits(step.config))) {
    ASSIGN_OR_RETURN(cgroup, MakeCgroup(engine, record, spec));
    request.cgroup = cgroup.cgroup.get();
    spec.linux_config.cgroups_path = CgroupOf(engine, record).path;
  }
  const absl::Cleanup remove = [&cgroup] {
    if (cgroup.cgroup != nullptr) (void)cgroup.cgroup->Remove();
    if (cgroup.mark.valid()) (void)unlink(cgroup.mark_path.c_str());
  };
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  const os::UniqueFd output(pipes[0]);
  os::UniqueFd input_end(pipes[1]);
  request.spec = &spec;
  request.id = record.id();
  request.bundle = step.scratch_dir;
  request.root_overlay = step.overlay;
  request.trees = step.trees;
  request.stdio = {-1, input_end.get(), input_end.get()};
  request.seccomp = security.filter.has_value() ? &*security.filter : nullptr;
  request.die_with_parent = true;
  if (!network->run_dir().empty())
    request.on_namespaces = [&network](pid_t pid) { return network->Connect(pid); };
  ASSIGN_OR_RETURN(runtime::Container container, runtime::Create(request));
  input_end.Reset();
  os::ChildProcess child(container.pid, std::move(container.pidfd));
  Relay(output.get(), child.pidfd(), *network, step.on_output);
  if (cgroup.cgroup != nullptr && cgroup.cgroup->OomKilled() && step.on_output != nullptr) {
    step.on_output("out of memory: a process of this step was killed\n");
  }
  ASSIGN_OR_RETURN(const os::ExitStatus status, child.Wait());
  return status.Code();
}

}  // namespace

absl::StatusOr<int> RunBuildStep(Engine& engine, const build::RunStep& step) {
  if (!MovesWithNetwork(step.config) || step.chroot_isolation) return RunHere(engine, step);
  return RunStepInChild(step, [&engine](const build::RunStep& same) { return RunHere(engine, same); });
}

void SweepBuildCgroups(Engine& engine) {
  const auto names = os::ListDirectoryAt(AT_FDCWD, MarksDirectory(engine));
  if (!names.ok()) return;
  for (const std::string& id : *names) {
    const std::string path = absl::StrCat(MarksDirectory(engine), "/", id);
    const auto mark = os::TryLockFile(path);
    if (!mark.ok()) continue;
    store::ContainerRecord record;
    record.set_id(id);
    if (RemoveUnrecordedCgroup(engine, record).ok()) (void)unlink(path.c_str());
  }
}

}  // namespace coracle::engine
