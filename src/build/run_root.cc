// Running a RUN over its layers.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "build/run_mounts.h"
#include "build/tree_writer.h"
#include "os/file.h"
#include "storage/copy_tree.h"
#include "storage/driver.h"

namespace coracle::build {
namespace {

using Target = RunMounts::Target;

// What every container has mounted in it.
const Target kSystemTargets[] = {
    {"/dev", true},        {"/proc", true},          {"/sys", true},
    {"/etc/hosts", false}, {"/etc/hostname", false}, {"/etc/resolv.conf", false},
};

// Places for mounts in a directory that lies below all layers: what the image has itself shows through, and
// nothing is ever made in the new layer, whose times and directories stay untouched.
absl::StatusOr<std::string> MakePlaces(const LayerWork& work, const std::vector<Target>& targets) {
  ASSIGN_OR_RETURN(const TreeWriter tree, TreeWriter::Open(work));
  ASSIGN_OR_RETURN(const std::string root, work.MakeDirectory("places", 0755));
  for (const Target& target : targets) {
    ASSIGN_OR_RETURN(const TreeWriter::Place place, tree.Resolve(target.path), "mount ", target.path);
    if (place.exists) continue;
    const std::string path = absl::StrCat(root, "/", place.path);
    if (target.is_directory) {
      RETURN_IF_ERROR(os::MakeDirectories(path, 0755));
      continue;
    }
    RETURN_IF_ERROR(os::MakeDirectories(path.substr(0, path.rfind('/')), 0755));
    RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, path, "", 0644));
  }
  return root;
}

absl::StatusOr<os::OverlayOptions> OverlayOf(const LayerWork& work, const std::vector<Target>& targets) {
  ASSIGN_OR_RETURN(const std::string places, MakePlaces(work, targets));
  os::OverlayOptions overlay;
  overlay.lower = work.lower();
  overlay.lower.push_back(places);
  overlay.upper = work.upper();
  ASSIGN_OR_RETURN(overlay.work, work.MakeDirectory("overlay"));
  overlay.user_xattr = work.user_xattr();
  overlay.is_volatile = true;  // all of it is synced once, when it is a layer
  return overlay;
}

// ---- where no overlay can be mounted ----

// The step gets a copy of its layers, and what it changes there becomes the layer.
absl::StatusOr<std::string> CopyLayers(const LayerWork& work) {
  std::string root = absl::StrCat(work.work_dir(), "/copy");
  for (auto layer = work.lower().rbegin(); layer != work.lower().rend(); ++layer)
    RETURN_IF_ERROR(storage::CopyLayer(*layer, root, work.user_xattr()), "copy layer");
  return root;
}

// What has to be made for `targets`: of each the first part that is not there.
absl::StatusOr<std::set<std::string>> MissingPlaces(const LayerWork& work,
                                                    const std::vector<Target>& targets) {
  ASSIGN_OR_RETURN(const TreeWriter tree, TreeWriter::Open(work));
  std::set<std::string> missing;
  for (const Target& target : targets) {
    ASSIGN_OR_RETURN(const TreeWriter::Place place, tree.Resolve(target.path), "mount ", target.path);
    for (size_t end = 0; !place.exists && end < place.path.size(); ++end) {
      end = std::min(place.path.find('/', end), place.path.size());
      const std::string part = place.path.substr(0, end);
      ASSIGN_OR_RETURN(const TreeWriter::Place there, tree.Resolve(absl::StrCat("/", part)));
      if (there.exists) continue;
      missing.insert(part);
      break;
    }
  }
  return missing;
}

void FillConfig(const StageInputs& in, const Step& step, const std::vector<std::string>& args,
                store::ContainerConfig& config) {
  config = in.request->run_config;
  for (const std::string& arg : args) config.add_args(arg);
  for (const std::string& entry : step.environment) config.add_env(entry);
  for (const std::string& entry : in.request->proxy_environment) config.add_env(entry);
  config.set_workdir(step.workdir);
  config.set_user(step.user);
  // Always the same: it can end up in files.
  if (config.hostname().empty()) config.set_hostname("buildkitsandbox");
  switch (step.run()->network) {
    case RunNetwork::kDefault:
      break;
    case RunNetwork::kNone:
      config.set_network_mode("none");
      config.clear_networks();
      break;
    case RunNetwork::kHost:
      config.set_network_mode("host");
      config.clear_networks();
      break;
  }
  if (step.run()->insecure) config.set_privileged(true);
}

}  // namespace

absl::Status RunInRoot(const StageInputs& in, const Step& step, const std::vector<std::string>& args,
                       const RunProgram& program, RunMounts& mounts, LayerWork& work,
                       const std::function<void(absl::string_view)>& on_output) {
  const absl::Cleanup release = [&mounts] { mounts.Release(); };
  RETURN_IF_ERROR(mounts.Make(work));
  RunStep run;
  FillConfig(in, step, args, run.config);
  for (const std::string& entry : mounts.environment()) run.config.add_env(entry);
  run.mounts = in.request->volumes;
  for (const oci::Mount& mount : mounts.mounts()) run.mounts.push_back(mount);
  run.trees = mounts.trees();
  std::vector<Target> targets(std::begin(kSystemTargets), std::end(kSystemTargets));
  targets.insert(targets.end(), mounts.targets().begin(), mounts.targets().end());
  for (const oci::Mount& mount : in.request->volumes) {
    struct stat info;
    if (stat(mount.source.c_str(), &info) != 0)
      return ErrnoStatus(errno, absl::StrCat("--volume ", mount.source));
    targets.push_back({mount.destination, S_ISDIR(info.st_mode)});
  }
  ASSIGN_OR_RETURN(run.scratch_dir, work.MakeDirectory("run"));
  if (!program.script_name.empty()) {
    const std::string path = absl::StrCat(run.scratch_dir, "/script");
    RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, path, program.script, 0755));
    if (chmod(path.c_str(), 0755) != 0) return ErrnoStatus(errno, "set the mode of the script");
    // /dev is a tmpfs of the container's: its place is made there.
    run.mounts.push_back({args[0], "bind", path, {"rbind", "ro"}, {}, {}});
  }
  std::set<std::string> made;  // in a copy, by the runtime
  if (in.driver == storage::Driver::kOverlay) {
    ASSIGN_OR_RETURN(run.overlay, OverlayOf(work, targets));
  } else {
    ASSIGN_OR_RETURN(made, MissingPlaces(work, targets));
    ASSIGN_OR_RETURN(run.root_path, CopyLayers(work));
  }
  run.root_dirs = work.lower();
  run.chroot_isolation = in.request->chroot_isolation;
  run.on_output = on_output;
  ASSIGN_OR_RETURN(const int code, in.host->run(run));
  if (!run.root_path.empty()) {
    RETURN_IF_ERROR(
        work.TakeChangesOf(run.root_path, [&](const std::string& path) { return made.count(path) != 0; }));
  }
  if (code == 0) return absl::OkStatus();
  return StepExitError(absl::StrJoin(args, " "), code);
}

}  // namespace coracle::build
