#include "build/run_mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "build/source_key.h"
#include "build/source_walk.h"
#include "os/file.h"
#include "os/file_wait.h"
#include "os/mount.h"
#include "os/overlay_mount.h"
#include "storage/copy_files.h"
#include "storage/layer_store.h"

namespace coracle::build {
namespace {

constexpr size_t kMaxSecretBytes = 512 << 10;  // as BuildKit's

absl::StatusOr<std::string> SecretBytes(const SecretSource& source) {
  if (!source.variable.empty()) {
    const char* value = getenv(source.variable.c_str());
    if (value == nullptr) return absl::NotFoundError(absl::StrCat("$", source.variable, " is not set"));
    return std::string(value);
  }
  return os::ReadFileAt(AT_FDCWD, source.file, kMaxSecretBytes);
}

absl::Status SetOwner(const std::string& path, const RunMount& mount, mode_t fallback) {
  if (chown(path.c_str(), mount.uid.value_or(0), mount.gid.value_or(0)) != 0 ||
      chmod(path.c_str(), mount.mode.value_or(fallback)) != 0) {
    return ErrnoStatus(errno, absl::StrCat("set the owner of ", path));
  }
  return absl::OkStatus();
}

// Hides what is ignored below `path` of `root` by whiteouts in `shadow`, a layer above it; `any` is set if
// there is something. `above` is where `path` lies in the context.
absl::Status ShadowIgnored(int root, const std::string& path, const std::string& above,
                           const IgnorePatterns& ignore, const std::string& shadow, bool& any) {
  const std::string here = path.empty() ? "." : path;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(root, here));
  for (const std::string& name : names) {
    const std::string below = path.empty() ? name : absl::StrCat(path, "/", name);
    const std::string full = above.empty() ? below : absl::StrCat(above, "/", below);
    struct stat info;
    if (fstatat(root, below.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;  // removed just now
    const bool is_directory = S_ISDIR(info.st_mode);
    if (ignore.Ignores(full) && !(is_directory && ignore.MayTakeBackBelow(full))) {
      RETURN_IF_ERROR(os::MakeDirectories(path.empty() ? shadow : absl::StrCat(shadow, "/", path), 0755));
      if (mknod(absl::StrCat(shadow, "/", below).c_str(), S_IFCHR | 0600, makedev(0, 0)) != 0)
        return ErrnoStatus(errno, absl::StrCat("hide ", Printable(full)));
      any = true;
    } else if (is_directory) {
      RETURN_IF_ERROR(ShadowIgnored(root, below, above, ignore, shadow, any));
    }
  }
  return absl::OkStatus();
}

// The overlay gets a root and directories that look like those below it.
absl::Status LikeBelow(const std::string& path, const struct stat& info) {
  if (chown(path.c_str(), info.st_uid, info.st_gid) != 0 || chmod(path.c_str(), info.st_mode & 07777) != 0)
    return ErrnoStatus(errno, absl::StrCat("set the owner of ", path));
  return absl::OkStatus();
}

// What a step writes there is lost afterwards.
absl::Status AddUpper(size_t index, const LayerWork& work, const struct stat& info,
                      os::OverlayOptions& overlay) {
  ASSIGN_OR_RETURN(overlay.upper, work.MakeDirectory(absl::StrCat("bind-upper-", index), 0755));
  ASSIGN_OR_RETURN(overlay.work, work.MakeDirectory(absl::StrCat("bind-work-", index)));
  overlay.is_volatile = true;
  return LikeBelow(overlay.upper, info);
}

}  // namespace

std::string RunMounts::TargetOf(const RunMount& mount, const std::string& fallback) const {
  const std::string& target = mount.target.empty() ? fallback : mount.target;
  return absl::StartsWith(target, "/") ? target : absl::StrCat(step_.workdir, "/", target);
}

absl::Status RunMounts::AddToKey(KeyMaker& key) {
  for (size_t i = 0; i < step_.mounts.size(); ++i) {
    const RunMount& mount = step_.mounts[i];
    key.Add(absl::StrCat("mount ", static_cast<int>(mount.type), " ", mount.read_only ? "ro" : "rw"));
    key.Add(mount.target).Add(mount.id).Add(mount.env);
    if (mount.type != MountType::kBind) continue;
    key.Add(mount.source);
    ASSIGN_OR_RETURN(const SourceRoot root, OpenSourceRoot(in_, step_.mount_sources[i]));
    if (!root.is_context) {
      key.Add(ChainId(root.layers));
      continue;
    }
    // By what it leads to: a bound source is no pattern.
    auto path = ResolveBelow(root.fd(), mount.source, root.ignore);
    RETURN_IF_ERROR(path.status(), "--mount: bind ", Printable(mount.source));
    SourceQuery query;
    query.ignore = root.ignore;
    query.literal = true;
    ASSIGN_OR_RETURN(const std::vector<FoundSource> found, FindSources(root.fd(), *path, query), "--mount");
    RETURN_IF_ERROR(AddSourcesToKey(in_, root, found, key));
  }
  return absl::OkStatus();
}

// What is mounted for a step must not be seen by anybody else, and goes with this process.
absl::Status RunMounts::EnterMountNamespace() {
  if (own_namespace_) return absl::OkStatus();
  if (unshare(CLONE_NEWNS) != 0) return ErrnoStatus(errno, "make a mount namespace");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return ErrnoStatus(errno, "keep mounts to ourselves");
  }
  own_namespace_ = true;
  return absl::OkStatus();
}

void RunMounts::Add(const std::string& source, const std::string& target, std::vector<std::string> options,
                    bool is_directory) {
  mounts_.push_back({target, "bind", source, std::move(options), {}, {}});
  targets_.push_back({target, is_directory});
}

absl::StatusOr<os::UniqueFd> RunMounts::ContextTree(size_t index, const SourceRoot& root,
                                                    const LayerWork& work, bool& is_directory) const {
  const RunMount& wanted = step_.mounts[index];
  auto path = ResolveBelow(root.fd(), wanted.source, root.ignore);
  RETURN_IF_ERROR(path.status(), "bind ", Printable(wanted.source));
  ASSIGN_OR_RETURN(const os::UniqueFd source, os::OpenBeneath(root.fd(), path->empty() ? "." : *path, O_PATH,
                                                              RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
  struct stat info;
  if (fstat(source.get(), &info) != 0) return ErrnoStatus(errno, "stat the source");
  is_directory = S_ISDIR(info.st_mode);
  os::OverlayOptions overlay;
  overlay.user_xattr = work.user_xattr();
  bool hidden = false;
  if (is_directory && root.ignore != nullptr) {
    ASSIGN_OR_RETURN(const std::string shadow, work.MakeDirectory(absl::StrCat("bind-hidden-", index), 0755));
    ASSIGN_OR_RETURN(const os::UniqueFd directory, os::OpenAt(source.get(), ".", O_RDONLY | O_DIRECTORY));
    RETURN_IF_ERROR(ShadowIgnored(directory.get(), "", *path, *root.ignore, shadow, hidden));
    RETURN_IF_ERROR(LikeBelow(shadow, info));
    if (hidden) overlay.lower.push_back(shadow);
  }
  if (!is_directory || (wanted.read_only && !hidden)) {
    os::UniqueFd tree(os::CloneMount(source.get(), "", /*recursive=*/true));
    if (tree.get() < 0) return ErrnoStatus(-tree.Release(), "clone the mount of the source");
    return tree;
  }
  overlay.lower.push_back(absl::StrCat("/proc/self/fd/", source.get()));
  if (!wanted.read_only) RETURN_IF_ERROR(AddUpper(index, work, info, overlay));
  return os::MakeOverlay(overlay);
}

absl::StatusOr<os::UniqueFd> RunMounts::ImageTree(size_t index, SourceRoot& root, const LayerWork& work,
                                                  bool& is_directory) const {
  const RunMount& wanted = step_.mounts[index];
  struct stat info;
  if (fstat(root.fd(), &info) != 0) return ErrnoStatus(errno, "stat the source");
  os::UniqueFd top = std::move(root.view->fd);
  if (!wanted.read_only) {
    os::OverlayOptions overlay;
    overlay.user_xattr = work.user_xattr();
    for (auto layer = root.layers.rbegin(); layer != root.layers.rend(); ++layer)
      overlay.lower.push_back(storage::LayerDiffDir(*in_.store, layer->id));
    RETURN_IF_ERROR(AddUpper(index, work, info, overlay));
    ASSIGN_OR_RETURN(top, os::MakeOverlay(overlay));
  }
  is_directory = true;
  if (wanted.source.empty() || wanted.source == "/" || wanted.source == ".") return top;
  ASSIGN_OR_RETURN(const os::UniqueFd source,
                   os::OpenBeneath(top.get(), wanted.source, O_PATH, RESOLVE_IN_ROOT), "bind ",
                   Printable(wanted.source));
  if (fstat(source.get(), &info) != 0) return ErrnoStatus(errno, "stat the source");
  is_directory = S_ISDIR(info.st_mode);
  os::UniqueFd tree(os::CloneMount(source.get(), "", /*recursive=*/false));
  if (tree.get() < 0) return ErrnoStatus(-tree.Release(), "clone the mount of the source");
  return tree;
}

absl::Status RunMounts::Bind(size_t index, const LayerWork& work) {
  const RunMount& wanted = step_.mounts[index];
  ASSIGN_OR_RETURN(SourceRoot root, OpenSourceRoot(in_, step_.mount_sources[index]));
  bool is_directory = true;
  const std::string target = TargetOf(wanted, "");
  ASSIGN_OR_RETURN(os::UniqueFd tree, root.is_context ? ContextTree(index, root, work, is_directory)
                                                      : ImageTree(index, root, work, is_directory));
  std::vector<std::string> options = {"rbind"};
  // A file of the context itself is never written.
  if (wanted.read_only || (root.is_context && !is_directory)) options.push_back("ro");
  Add(wanted.source.empty() ? "/" : wanted.source, target, std::move(options), is_directory);
  trees_[target] = std::move(tree);
  roots_.push_back(std::move(root));
  return absl::OkStatus();
}

std::map<std::string, int> RunMounts::trees() const {
  std::map<std::string, int> trees;
  for (const auto& [target, tree] : trees_) trees[target] = tree.get();
  return trees;
}

void RunMounts::Release() {
  trees_.clear();
  roots_.clear();
  if (!memory_.empty()) (void)umount2(memory_.c_str(), MNT_DETACH);
  memory_.clear();
}

// Complete before it has its name. Whoever was quicker has made the one that counts.
absl::Status RunMounts::MakeCache(size_t index, const LayerWork& work, const std::string& path) {
  const RunMount& wanted = step_.mounts[index];
  ASSIGN_OR_RETURN(const std::string made, work.MakeDirectory(absl::StrCat("cache-", index), 0755));
  if (!wanted.from.empty()) {
    ASSIGN_OR_RETURN(const SourceRoot root, OpenSourceRoot(in_, step_.mount_sources[index]));
    ASSIGN_OR_RETURN(const os::UniqueFd from,
                     os::OpenBeneath(root.fd(), wanted.source.empty() ? "." : wanted.source,
                                     O_RDONLY | O_DIRECTORY, RESOLVE_IN_ROOT),
                     "cache from ", Printable(wanted.source));
    ASSIGN_OR_RETURN(const os::UniqueFd to, os::OpenAt(AT_FDCWD, made, O_RDONLY | O_DIRECTORY));
    RETURN_IF_ERROR(storage::CopyDirectoryContents(from.get(), to.get(), {}));
  }
  RETURN_IF_ERROR(SetOwner(made, wanted, 0755));
  RETURN_IF_ERROR(os::MakeDirectories(absl::StrCat(in_.store->root(), "/build-mounts"), 0700));
  if (rename(made.c_str(), path.c_str()) == 0 || os::ExistsAt(AT_FDCWD, path)) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("make ", path));
}

absl::Status RunMounts::Cache(size_t index, const LayerWork& work) {
  const RunMount& wanted = step_.mounts[index];
  const std::string target = TargetOf(wanted, "");
  const std::string id = Sha256Hex(wanted.id.empty() ? target : wanted.id);
  const CacheSharing sharing = wanted.sharing.value_or(CacheSharing::kShared);
  const std::string locks = absl::StrCat(in_.store->runroot(), "/build-mounts");
  RETURN_IF_ERROR(os::MakeDirectories(locks, 0700));
  std::string name = id;
  if (sharing == CacheSharing::kLocked) {
    ASSIGN_OR_RETURN(os::UniqueFd lock, os::LockFile(absl::StrCat(locks, "/", id)));
    held_.push_back(std::move(lock));
  }
  // The first that nobody else has.
  for (int n = 0; sharing == CacheSharing::kPrivate; ++n) {
    name = absl::StrCat(id, "-", n);
    auto lock = os::TryLockFile(absl::StrCat(locks, "/", name));
    if (absl::IsFailedPrecondition(lock.status())) continue;
    RETURN_IF_ERROR(lock.status());
    held_.push_back(*std::move(lock));
    break;
  }
  const std::string path = absl::StrCat(in_.store->root(), "/build-mounts/", name);
  if (!os::ExistsAt(AT_FDCWD, path)) RETURN_IF_ERROR(MakeCache(index, work, path));
  Add(path, target, {"rbind", wanted.read_only ? "ro" : "rw"}, true);
  return absl::OkStatus();
}

absl::Status RunMounts::Tmpfs(size_t index) {
  const RunMount& wanted = step_.mounts[index];
  std::vector<std::string> options = {"nosuid", "nodev", "mode=1777"};
  if (wanted.size > 0) options.push_back(absl::StrCat("size=", wanted.size));
  const std::string target = TargetOf(wanted, "");
  mounts_.push_back({target, "tmpfs", "tmpfs", std::move(options), {}, {}});
  targets_.push_back({target, true});
  return absl::OkStatus();
}

absl::StatusOr<std::string> RunMounts::MemoryDirectory(const LayerWork& work) {
  if (!memory_.empty()) return memory_;
  RETURN_IF_ERROR(EnterMountNamespace());
  ASSIGN_OR_RETURN(const std::string path, work.MakeDirectory("memory"));
  if (mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=64m") != 0) {
    return ErrnoStatus(errno, "mount a tmpfs for secrets");
  }
  return memory_ = path;
}

absl::Status RunMounts::Secret(size_t index, const LayerWork& work) {
  const RunMount& wanted = step_.mounts[index];
  std::string id = wanted.id.empty() ? wanted.source : wanted.id;
  if (id.empty()) id = wanted.target.substr(wanted.target.rfind('/') + 1);
  const auto source = in_.request->secrets.find(id);
  if (source == in_.request->secrets.end()) {
    if (!wanted.required) return absl::OkStatus();
    return WithHint(absl::NotFoundError(absl::StrCat("secret ", id, ": not given")),
                    absl::StrCat("give it with --secret id=", id, ",src=FILE"));
  }
  ASSIGN_OR_RETURN(const std::string bytes, SecretBytes(source->second), "secret ", id);
  if (!wanted.env.empty()) environment_.push_back(absl::StrCat(wanted.env, "=", bytes));
  if (!wanted.env.empty() && wanted.target.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string directory, MemoryDirectory(work));
  const std::string path = absl::StrCat(directory, "/", index);
  RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, path, bytes, 0600));
  RETURN_IF_ERROR(SetOwner(path, wanted, 0400));
  Add(path, TargetOf(wanted, absl::StrCat("/run/secrets/", id)), {"rbind", "ro"}, false);
  return absl::OkStatus();
}

absl::Status RunMounts::Ssh(size_t index) {
  const RunMount& wanted = step_.mounts[index];
  const std::string id = wanted.id.empty() ? "default" : wanted.id;
  const auto socket = in_.request->ssh.find(id);
  if (socket == in_.request->ssh.end()) {
    if (!wanted.required) return absl::OkStatus();
    return WithHint(absl::NotFoundError(absl::StrCat("ssh agent ", id, ": not given")), "give it with --ssh");
  }
  const std::string target = TargetOf(wanted, absl::StrCat("/run/buildkit/ssh_agent.", index));
  Add(socket->second, target, {"rbind"}, false);
  environment_.push_back(absl::StrCat("SSH_AUTH_SOCK=", target));
  return absl::OkStatus();
}

absl::Status RunMounts::Make(const LayerWork& work) {
  for (size_t i = 0; i < step_.mounts.size(); ++i) {
    absl::Status status;
    switch (step_.mounts[i].type) {
      case MountType::kBind:
        status = Bind(i, work);
        break;
      case MountType::kCache:
        status = Cache(i, work);
        break;
      case MountType::kTmpfs:
        status = Tmpfs(i);
        break;
      case MountType::kSecret:
        status = Secret(i, work);
        break;
      case MountType::kSsh:
        status = Ssh(i);
        break;
    }
    RETURN_IF_ERROR(status, "--mount");
  }
  return absl::OkStatus();
}

}  // namespace coracle::build
