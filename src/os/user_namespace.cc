#include "os/user_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "os/file.h"
#include "os/id_map_helper.h"
#include "os/mount.h"
#include "os/process.h"

namespace coracle::os {
namespace {

constexpr size_t kMaxAccountFileBytes = 16 << 20;

std::string MapText(absl::Span<const IdRange> ranges) {
  std::string text;
  for (const IdRange& range : ranges) {
    absl::StrAppend(&text, range.inside, " ", range.outside, " ", range.count, "\n");
  }
  return text;
}

// A file that is missing grants nothing.
std::string ReadOrEmpty(const char* path) {
  auto text = ReadFileAt(AT_FDCWD, path, kMaxAccountFileBytes);
  return text.ok() ? *std::move(text) : "";
}

bool SysctlIs(const char* path, absl::string_view value) {
  const std::string text = ReadOrEmpty(path);
  return !text.empty() && absl::StripAsciiWhitespace(text) == value;
}

// unshare(2) says only EPERM or ENOSPC; which switch is off is in the sysctls.
absl::Status ExplainUnshare(int error) {
  const absl::Status status = ErrnoStatus(error, "make a user namespace");
  if (SysctlIs("/proc/sys/user/max_user_namespaces", "0")) {
    return WithHint(status,
                    "user namespaces are off on this host: set the sysctl user.max_user_namespaces above 0");
  }
  if (error == ENOSPC || error == EUSERS) {
    return WithHint(status, "raise the sysctl user.max_user_namespaces");
  }
  if (SysctlIs("/proc/sys/kernel/unprivileged_userns_clone", "0")) {
    return WithHint(
        status, "only root may make them on this host: set the sysctl kernel.unprivileged_userns_clone to 1");
  }
  if (SysctlIs("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1")) {
    return WithHint(
        status,
        "AppArmor forbids it on this host: give this program a profile with 'userns,', or set the sysctl "
        "kernel.apparmor_restrict_unprivileged_userns to 0");
  }
  if (error == EPERM) {
    return WithHint(status, "a seccomp filter, a chroot or a security module of this host forbids it");
  }
  return status;
}

absl::Status WriteSingle(const char* path, uint32_t own) {
  return WriteControlFileAt(AT_FDCWD, path, absl::StrCat("0 ", own, " 1\n"));
}

absl::Status MapOwnIdsOnly(uid_t uid, gid_t gid) {
  // The files are root's while the process is not dumpable, as after a change of user or with an unreadable
  // program.
  (void)prctl(PR_SET_DUMPABLE, 1);
  RETURN_IF_ERROR(WriteControlFileAt(AT_FDCWD, "/proc/self/setgroups", "deny"));
  RETURN_IF_ERROR(WriteSingle("/proc/self/uid_map", uid));
  return WriteSingle("/proc/self/gid_map", gid);
}

struct Plan {
  RootlessIds ids;
  std::string uid_helper, gid_helper;
};

Plan PlanRootless(uid_t uid, gid_t gid) {
  Plan plan;
  const std::string user = UserNameIn(ReadOrEmpty("/etc/passwd"), uid);
  const auto uids = ParseSubordinateIds(ReadOrEmpty("/etc/subuid"), user, uid);
  const auto gids = ParseSubordinateIds(ReadOrEmpty("/etc/subgid"), user, uid);
  const std::string who = user.empty() ? absl::StrCat("user ", uid) : user;
  plan.uid_helper = FindIdMapHelper("newuidmap");
  plan.gid_helper = FindIdMapHelper("newgidmap");
  if (uids.empty() || gids.empty()) {
    plan.ids.reduced_because =
        absl::StrCat(who, " has no ranges in /etc/", uids.empty() ? "subuid" : "subgid");
  } else if (plan.uid_helper.empty() || plan.gid_helper.empty()) {
    plan.ids.reduced_because =
        absl::StrCat(plan.uid_helper.empty() ? "newuidmap" : "newgidmap", " is not installed");
  }
  const bool full = plan.ids.reduced_because.empty();
  plan.ids.uids = RootlessMap(uid, full ? uids : std::vector<SubordinateRange>());
  plan.ids.gids = RootlessMap(gid, full ? gids : std::vector<SubordinateRange>());
  return plan;
}

}  // namespace

bool InUserNamespace() {
  const auto map = ReadIdMap("/proc/self/uid_map");
  if (!map.ok()) return false;
  return map->size() != 1 || (*map)[0].inside != 0 || (*map)[0].outside != 0 ||
         (*map)[0].count != std::numeric_limits<uint32_t>::max();
}

absl::StatusOr<std::vector<IdRange>> ReadIdMap(const char* path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, path, 1 << 20));
  std::vector<IdRange> ranges;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
    IdRange range;
    if (fields.size() != 3 || !absl::SimpleAtoi(fields[0], &range.inside) ||
        !absl::SimpleAtoi(fields[1], &range.outside) || !absl::SimpleAtoi(fields[2], &range.count)) {
      return absl::InternalError(absl::StrCat(path, ": unreadable line"));
    }
    ranges.push_back(range);
  }
  return ranges;
}

std::vector<SubordinateRange> ParseSubordinateIds(absl::string_view text, absl::string_view user, uid_t uid) {
  std::vector<SubordinateRange> ranges;
  const std::string number = absl::StrCat(uid);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ':');
    if (fields.size() != 3) continue;
    const bool ours = (!user.empty() && fields[0] == user) || fields[0] == number;
    SubordinateRange range;
    if (!ours || !absl::SimpleAtoi(fields[1], &range.start) ||
        !absl::SimpleAtoi(absl::StripAsciiWhitespace(fields[2]), &range.count)) {
      continue;
    }
    if (range.count == 0 || range.start > std::numeric_limits<uint32_t>::max() - range.count) continue;
    ranges.push_back(range);
  }
  return ranges;
}

std::string UserNameIn(absl::string_view passwd, uid_t uid) {
  const std::string number = absl::StrCat(uid);
  for (const absl::string_view line : absl::StrSplit(passwd, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 3));
    if (fields.size() >= 3 && fields[2] == number) return std::string(fields[0]);
  }
  return "";
}

std::vector<IdRange> RootlessMap(uint32_t own, absl::Span<const SubordinateRange> ranges) {
  std::vector<IdRange> map = {{.inside = 0, .outside = own, .count = 1}};
  uint32_t next = 1;
  for (const SubordinateRange& range : ranges) {
    // A uid_map holds 340 lines, and each outside id once.
    if (map.size() >= 340 || range.count > std::numeric_limits<uint32_t>::max() - next) break;
    if (own >= range.start && own - range.start < range.count) continue;
    map.push_back({.inside = next, .outside = range.start, .count = range.count});
    next += range.count;
  }
  return map;
}

absl::Status WriteIdMaps(pid_t pid, absl::Span<const IdRange> uids, absl::Span<const IdRange> gids) {
  const std::string dir = absl::StrCat("/proc/", pid);
  // gid_map before uid_map: once uid_map is written, nothing else depends on the order.
  absl::Status gid_status = WriteControlFileAt(AT_FDCWD, dir + "/gid_map", MapText(gids));
  if (ErrnoOf(gid_status) == EPERM && gids.size() == 1 && gids[0].count == 1 &&
      gids[0].outside == getegid()) {
    // user_namespaces(7): without CAP_SETGID one may map one's own gid, after giving up setgroups.
    RETURN_IF_ERROR(WriteControlFileAt(AT_FDCWD, dir + "/setgroups", "deny"));
    gid_status = WriteControlFileAt(AT_FDCWD, dir + "/gid_map", MapText(gids));
  }
  const absl::Status uid_status = WriteControlFileAt(AT_FDCWD, dir + "/uid_map", MapText(uids));
  if (ErrnoOf(uid_status) != EPERM && ErrnoOf(gid_status) != EPERM) {
    RETURN_IF_ERROR(uid_status);
    return gid_status;
  }
  absl::StatusOr<IdMapHelper> uid_helper = absl::NotFoundError(""), gid_helper = absl::NotFoundError("");
  if (!uid_status.ok()) {
    uid_helper = IdMapHelper::Prepare("newuidmap", FindIdMapHelper("newuidmap"), pid, uids);
    RETURN_IF_ERROR(uid_helper.status());
    RETURN_IF_ERROR(uid_helper->Go());
  }
  if (!gid_status.ok()) {
    gid_helper = IdMapHelper::Prepare("newgidmap", FindIdMapHelper("newgidmap"), pid, gids);
    RETURN_IF_ERROR(gid_helper.status());
    RETURN_IF_ERROR(gid_helper->Go());
  }
  if (uid_helper.ok()) RETURN_IF_ERROR(uid_helper->Finish());
  if (gid_helper.ok()) RETURN_IF_ERROR(gid_helper->Finish());
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> MakeUserNamespace(absl::Span<const IdRange> uids, absl::Span<const IdRange> gids) {
  CloneResult clone;
  const int result = CloneProcess({.flags = CLONE_NEWUSER}, &clone);
  if (result < 0) return ExplainUnshare(-result);
  if (clone.pid == 0) {
    for (;;) pause();
  }
  ChildProcess child(clone.pid, UniqueFd(clone.pidfd));
  RETURN_IF_ERROR(WriteIdMaps(clone.pid, uids, gids));
  return OpenAt(AT_FDCWD, absl::StrCat("/proc/", clone.pid, "/ns/user"), O_RDONLY);
}

absl::StatusOr<RootlessIds> EnterRootlessUserNamespace() {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  Plan plan = PlanRootless(uid, gid);
  const bool full = plan.ids.reduced_because.empty();
  // The helpers must stay outside, in the parent namespace, so they are forked before the unshare.
  absl::StatusOr<IdMapHelper> uid_helper = absl::NotFoundError(""), gid_helper = absl::NotFoundError("");
  if (full) {
    uid_helper = IdMapHelper::Prepare("newuidmap", plan.uid_helper, getpid(), plan.ids.uids);
    RETURN_IF_ERROR(uid_helper.status());
    gid_helper = IdMapHelper::Prepare("newgidmap", plan.gid_helper, getpid(), plan.ids.gids);
    RETURN_IF_ERROR(gid_helper.status());
  }
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return ExplainUnshare(errno);
  if (full) {
    RETURN_IF_ERROR(uid_helper->Go());
    RETURN_IF_ERROR(gid_helper->Go());
    RETURN_IF_ERROR(uid_helper->Finish());
    RETURN_IF_ERROR(gid_helper->Finish());
  } else {
    RETURN_IF_ERROR(MapOwnIdsOnly(uid, gid), "map one's own ids");
  }
  // Mounts made here must not reach the host, and the host's go on appearing here. The kernel made shared
  // mounts slaves already; this says so also for mounts of a parent with other propagation.
  const int result = SetPropagation("/", MS_SLAVE | MS_REC);
  if (result < 0) return ErrnoStatus(-result, "make mounts private");
  return std::move(plan.ids);
}

namespace {

absl::Status SwitchNamespaces(pid_t pid) {
  ASSIGN_OR_RETURN(const UniqueFd pidfd, OpenPidfd(pid));
  if (setns(pidfd.get(), CLONE_NEWUSER | CLONE_NEWNS) == 0) return absl::OkStatus();
  if (errno != EINVAL) return ErrnoStatus(errno, absl::StrCat("enter the user namespace of process ", pid));
  // EINVAL: Linux before 5.8 takes no pidfd.
  UniqueFd user(open(absl::StrCat("/proc/", pid, "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  UniqueFd mount(open(absl::StrCat("/proc/", pid, "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
  if (!user.valid() || !mount.valid() || setns(user.get(), CLONE_NEWUSER) != 0 ||
      setns(mount.get(), CLONE_NEWNS) != 0) {
    return ErrnoStatus(errno, absl::StrCat("enter the user namespace of process ", pid));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status JoinUserNamespace(pid_t pid) {
  // Entering a mount namespace leads to its root (setns(2)). By path, for the descriptor stays behind with
  // the old mounts: it is for a directory that has no path, or was mounted since.
  const UniqueFd here(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  char path[PATH_MAX];
  const bool named = getcwd(path, sizeof(path)) != nullptr && path[0] == '/';
  RETURN_IF_ERROR(SwitchNamespaces(pid));
  if (named && chdir(path) == 0) return absl::OkStatus();
  // One that we may not search leads nowhere anyhow.
  if (!here.valid() || fchdir(here.get()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "go back to the working directory");
}

}  // namespace coracle::os
