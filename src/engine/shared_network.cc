#include "engine/shared_network.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/fault.h"
#include "base/status.h"
#include "monitor/background.h"
#include "monitor/idle_poll.h"
#include "monitor/start_report.h"
#include "network/dns_server.h"
#include "network/host_resolvers.h"
#include "network/pasta.h"
#include "network/published_names.h"
#include "os/file.h"
#include "os/network_namespace.h"
#include "os/process.h"
#include "os/process_identity.h"
#include "os/user_namespace.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_host.h"
#include "runtime/cgroup_systemd.h"
#include "store/network.h"

namespace coracle::engine {
namespace {

constexpr int kIdleAfterMillis = 100;

std::string DirectoryOf(const store::Store& store) { return absl::StrCat(store.runroot(), "/rootless-net"); }

struct KeeperRecord {
  pid_t pid = -1;
  uint64_t start_time = 0;
  int netns = -1;  // its descriptor
  std::string host_address;
};

absl::StatusOr<KeeperRecord> ReadKeeper(const std::string& directory) {
  ASSIGN_OR_RETURN(const std::string text,
                   os::ReadFileAt(AT_FDCWD, absl::StrCat(directory, "/keeper"), 4096));
  const std::vector<std::string> words = absl::StrSplit(text, ' ');
  KeeperRecord record;
  if (words.size() != 4 || !absl::SimpleAtoi(words[0], &record.pid) ||
      !absl::SimpleAtoi(words[1], &record.start_time) || !absl::SimpleAtoi(words[2], &record.netns)) {
    return absl::DataLossError(absl::StrCat(directory, "/keeper is damaged"));
  }
  record.host_address = words[3];
  return record;
}

// ---- the keeper ----

struct Keeper {
  std::string directory;
  os::UniqueFd users;  // reading end
  os::UniqueFd netns;
  network::UserNet uplink;
  std::optional<network::DnsServer> dns;
};

// A namespace that nothing but the descriptor holds, with its resolver's sockets.
absl::Status MakeNamespace(Keeper& keeper, network::DnsSockets* sockets) {
  os::CloneResult clone;
  const int result = os::CloneProcess({.flags = CLONE_NEWNET}, &clone);
  if (result < 0) return ErrnoStatus(-result, "make a network namespace");
  if (clone.pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  const os::ChildProcess child(clone.pid, os::UniqueFd(clone.pidfd));
  ASSIGN_OR_RETURN(keeper.netns, os::OpenNetworkNamespace(child.pid()));
  ASSIGN_OR_RETURN(*sockets, network::OpenDnsSockets(child.pid(), /*redirected=*/false), "resolver");
  return absl::OkStatus();
}

absl::Status MakeKeeper(const store::Store& store, Keeper& keeper) {
  network::DnsSockets sockets;
  RETURN_IF_ERROR(MakeNamespace(keeper, &sockets));
  network::UserNetRequest request;
  request.netns = keeper.netns.get();
  request.run_dir = keeper.directory;
  ASSIGN_OR_RETURN(keeper.uplink, network::StartUserNet(request));
  keeper.dns.emplace(store, std::move(sockets), network::DnsConfig{});
  ASSIGN_OR_RETURN(const uint64_t start_time, os::StartTimeOf(getpid()));
  return os::ReplaceFileAt(
      AT_FDCWD, absl::StrCat(keeper.directory, "/keeper"),
      absl::StrCat(getpid(), " ", start_time, " ", keeper.netns.get(), " ", network::UserNetHostAddress({})),
      os::Durability::kVolatile);
}

bool HasUsers(const Keeper& keeper) {
  pollfd users = {keeper.users.get(), POLLIN, 0};
  return poll(&users, 1, 0) == 0;
}

// Nobody is left: unless one comes just now, who holds the lock, or has had it and is a user by that.
void EndIfUnused(Keeper& keeper) {
  const auto lock = store::FileLock::Acquire(absl::StrCat(keeper.directory, "/lock"), "the user's network");
  if (lock.ok() && HasUsers(keeper)) return;
  (void)unlink(absl::StrCat(keeper.directory, "/users").c_str());  // what stays says nothing without us
  (void)unlink(absl::StrCat(keeper.directory, "/keeper").c_str());
  keeper.uplink.helper.child.KillAndReap();
  _exit(0);
}

// Where systemd has the cgroups: it would end the keeper with the unit of whoever came first. Best effort, as
// elsewhere nobody ends it.
void LeaveUnit() {
  if (!runtime::PrefersSystemdCgroups()) return;
  const auto layout = runtime::DiscoverCgroups();
  if (!layout.ok() || !layout->v2.has_value()) return;
  (void)runtime::EnterSystemdScope({"user.slice", absl::StrCat("coracle-net-", getpid(), ".scope")},
                                   layout->v2->mount);
}

[[noreturn]] void KeeperMain(const store::Store& store, const std::string& directory, os::UniqueFd users,
                             os::UniqueFd report) {
  monitor::BecomeBackground();
  monitor::StdioToNull();
  monitor::CloseAllBut({users.get(), report.get()}, 0);
  (void)prctl(PR_SET_NAME, "coracle-net");
  LeaveUnit();
  Keeper keeper{directory, std::move(users), {}, {}, {}};
  const absl::Status made = MakeKeeper(store, keeper);
  FaultPoint("engine.keeper.made");
  monitor::SendReport(std::move(report), made.ok() ? absl::StatusOr<pid_t>(getpid()) : made);
  if (!made.ok()) _exit(1);
  std::vector<pollfd> polls;
  for (;;) {
    polls.assign(1, {keeper.users.get(), POLLIN, 0});
    int timeout_millis = -1;
    keeper.dns->Prepare(&polls, &timeout_millis);
    const bool may_idle = timeout_millis < 0 || timeout_millis > kIdleAfterMillis;
    int ready = poll(polls.data(), polls.size(), may_idle ? kIdleAfterMillis : timeout_millis);
    if (ready == 0 && may_idle) {
      ready = monitor::IdlePoll(polls.data(), polls.size(),
                                timeout_millis < 0 ? -1 : timeout_millis - kIdleAfterMillis);
    }
    if (ready < 0) continue;
    keeper.dns->Dispatch(polls.data() + 1, polls.size() - 1);
    if (polls[0].revents != 0) EndIfUnused(keeper);
  }
}

// ---- those who use it ----

struct Joined {
  os::UniqueFd netns;
  os::UniqueFd user;  // whoever has this open is a user
  std::string host_address;
};

absl::StatusOr<Joined> JoinLiving(const std::string& directory) {
  Joined joined;
  joined.user.Reset(open(absl::StrCat(directory, "/users").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!joined.user.valid()) return absl::NotFoundError("the user's network is not there");
  ASSIGN_OR_RETURN(KeeperRecord record, ReadKeeper(directory));
  ASSIGN_OR_RETURN(const os::UniqueFd process, os::OpenProcess(record.pid, record.start_time));
  ASSIGN_OR_RETURN(joined.netns,
                   os::OpenAt(AT_FDCWD, absl::StrCat("/proc/", record.pid, "/fd/", record.netns), O_RDONLY),
                   "the user's network");
  joined.host_address = std::move(record.host_address);
  return joined;
}

// With the lock held.
absl::Status StartKeeper(const store::Store& store, const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/users");
  (void)unlink(path.c_str());  // of a keeper that was killed
  if (mkfifo(path.c_str(), 0600) != 0) return ErrnoStatus(errno, absl::StrCat("make ", path));
  ASSIGN_OR_RETURN(os::UniqueFd reading, os::OpenAt(AT_FDCWD, path, O_RDONLY | O_NONBLOCK));
  // Until our caller has joined: the keeper ends when the last writer goes.
  ASSIGN_OR_RETURN(const os::UniqueFd writing, os::OpenAt(AT_FDCWD, path, O_WRONLY | O_NONBLOCK));
  ASSIGN_OR_RETURN(monitor::ReportPipe report, monitor::MakeReportPipe());
  const pid_t keeper = fork();
  if (keeper < 0) return ErrnoStatus(errno, "fork the keeper of the user's network");
  if (keeper == 0) KeeperMain(store, directory, std::move(reading), std::move(report.write_end));
  report.write_end.Reset();
  RETURN_IF_ERROR(monitor::ReceiveReport(std::move(report.read_end), keeper, /*reap=*/false).status());
  return absl::OkStatus();
}

absl::StatusOr<Joined> JoinOrMake(const store::Store& store) {
  const std::string directory = DirectoryOf(store);
  RETURN_IF_ERROR(os::MakeDirectories(directory, 0700));
  ASSIGN_OR_RETURN(const store::FileLock lock,
                   store::FileLock::Acquire(absl::StrCat(directory, "/lock"), "the user's network"));
  absl::StatusOr<Joined> living = JoinLiving(directory);
  if (living.ok() || absl::IsPermissionDenied(living.status())) return living;
  RETURN_IF_ERROR(StartKeeper(store, directory));
  return JoinLiving(directory);
}

absl::Status Enter(int netns) {
  if (setns(netns, CLONE_NEWNET) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "enter the network of the user's other containers");
}

}  // namespace

bool UsesSharedNetwork() {
  // Asked before this process, or the one that forked it, goes to the shared namespace, which is ours.
  static const bool uses = os::InUserNamespace() && !os::OwnsNetworkNamespace();
  return uses;
}

absl::Status MoveToSharedNetwork(const store::Store& store, const store::ContainerRecord& record,
                                 BridgeNetwork& network) {
  for (const store::NetworkAttachment& attachment : record.config().networks()) {
    ASSIGN_OR_RETURN(const store::NetworkRecord used, store::ReadNetwork(store, attachment.network_name()));
    if (used.driver() == store::kBridgeDriver) continue;
    return WithExitCode(absl::PermissionDeniedError(
                            absl::StrCat("network ", used.name(), ": only root can use ", used.driver())),
                        125);
  }
  ASSIGN_OR_RETURN(Joined result, JoinOrMake(store));
  const auto joined = std::make_shared<Joined>(std::move(result));
  network.kept_fds.push_back(joined->netns.get());
  network.kept_fds.push_back(joined->user.get());
  network.connect = [joined, connect = std::move(network.connect)](
                        pid_t pid) -> absl::StatusOr<std::unique_ptr<monitor::NetworkSession>> {
    if (joined->netns.valid()) {
      RETURN_IF_ERROR(Enter(joined->netns.get()));
      joined->netns.Reset();
      network::AskOnly(network::kResolverAddress);
    }
    return connect(pid);
  };
  // As long as the monitor lives.
  network.release = [joined, release = std::move(network.release)] { release(); };
  return absl::OkStatus();
}

absl::StatusOr<os::UniqueFd> UseSharedNetwork(const store::Store& store) {
  ASSIGN_OR_RETURN(Joined joined, JoinOrMake(store));
  RETURN_IF_ERROR(Enter(joined.netns.get()));
  return std::move(joined.user);
}

absl::StatusOr<bool> EnterSharedNetwork(const store::Store& store) {
  if (!UsesSharedNetwork()) return true;
  const absl::StatusOr<Joined> joined = JoinLiving(DirectoryOf(store));
  if (absl::IsNotFound(joined.status())) return false;
  RETURN_IF_ERROR(joined.status());
  RETURN_IF_ERROR(Enter(joined->netns.get()));
  return true;
}

SharedNetworkKeeper FindSharedNetworkKeeper(const store::Store& store) {
  const absl::StatusOr<KeeperRecord> record = ReadKeeper(DirectoryOf(store));
  if (!record.ok() || !os::OpenProcess(record->pid, record->start_time).ok()) return {};
  return {record->pid, record->start_time};
}

std::string SharedNetworkHostAddress(const store::Store& store) {
  const absl::StatusOr<KeeperRecord> record = ReadKeeper(DirectoryOf(store));
  return record.ok() ? record->host_address : "";
}

}  // namespace coracle::engine
