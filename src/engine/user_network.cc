#include "engine/user_network.h"

#include <fcntl.h>

#include <csignal>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/name_files.h"
#include "network/dns_server.h"
#include "network/held_ports.h"
#include "network/pasta.h"
#include "os/file.h"
#include "os/process.h"

namespace coracle::engine {
namespace {

// Helpers that are killed and not yet reaped. The kernel takes 20 ms to end one, for its tap device, and
// nobody has to wait for that before the container's end is told: who destroys this waits.
using EndedHelpers = std::vector<os::ChildProcess>;

class UserNetworkSession : public monitor::NetworkSession {
 public:
  UserNetworkSession(network::UserNet net, const store::Store& store,
                     std::optional<network::DnsSockets> sockets, network::DnsConfig dns,
                     std::shared_ptr<EndedHelpers> ended)
      : net_(std::move(net)), ended_(std::move(ended)) {
    if (sockets.has_value()) dns_.emplace(store, *std::move(sockets), std::move(dns));
  }
  ~UserNetworkSession() override {
    if (!net_.ports.empty() || !net_.helper.child.running()) return;  // its ports are to be free: waited for
    (void)os::SendSignal(net_.helper.child.pidfd(), SIGKILL);         // it may have ended by itself
    ended_->push_back(std::move(net_.helper.child));
  }
  void Describe(store::ContainerState* state) const override {
    *state->add_networks() = net_.status;
    for (const store::PortMapping& port : net_.ports) *state->add_ports() = port;
  }
  void Prepare(std::vector<pollfd>* polls, int* timeout_millis) override {
    if (dns_.has_value()) dns_->Prepare(polls, timeout_millis);
  }
  void Dispatch(const pollfd* polls, size_t count) override {
    if (dns_.has_value()) dns_->Dispatch(polls, count);
  }

 private:
  network::UserNet net_;
  std::shared_ptr<EndedHelpers> ended_;
  std::optional<network::DnsServer> dns_;
};

// What a start needs of the record: it is kept for restarts.
struct Wish {
  std::string id, run_dir;
  bool slirp = false;
  std::vector<std::string> options, servers;
  std::vector<store::PortMapping> ports;
  NameFiles files;
  std::shared_ptr<EndedHelpers> ended;
  std::shared_ptr<network::HeldPorts> held;  // null: none
};

absl::StatusOr<std::unique_ptr<monitor::NetworkSession>> Connect(const store::Store& store, const Wish& wish,
                                                                 pid_t pid) {
  wish.ended->clear();
  ASSIGN_OR_RETURN(const os::UniqueFd netns,
                   os::OpenAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/ns/net"), O_RDONLY));
  network::UserNetRequest request;
  request.netns = netns.get();
  request.options = wish.options;
  request.ports = wish.ports;
  request.run_dir = wish.run_dir;
  std::optional<network::DnsSockets> sockets;
  if (wish.servers.empty()) {  // else its resolv.conf names those
    ASSIGN_OR_RETURN(sockets, network::OpenDnsSockets(pid, /*redirected=*/true), "resolver");
  }
  ASSIGN_OR_RETURN(network::UserNet net,
                   wish.slirp ? network::StartSlirp(request) : network::StartUserNet(request));
  if (wish.held != nullptr)
    net.ports.insert(net.ports.end(), wish.held->ports.begin(), wish.held->ports.end());
  RETURN_IF_ERROR(
      WriteNameFiles(store, wish.files, {&net.status, 1}, network::UserNetHostAddress(wish.options)));
  return std::make_unique<UserNetworkSession>(std::move(net), store, std::move(sockets),
                                              network::DnsConfig{.container_id = wish.id}, wish.ended);
}

}  // namespace

bool IsUserNetwork(const store::ContainerConfig& config) {
  return config.network_mode() == "pasta" || config.network_mode() == "slirp4netns";
}

absl::StatusOr<std::vector<int>> AddUserNetwork(Engine& engine, const store::ContainerRecord& record,
                                                monitor::LaunchPlan& plan) {
  RETURN_IF_ERROR(network::CheckUserNet());
  const store::ContainerConfig& config = record.config();
  std::vector<int> sockets;
  Wish wish;
  wish.id = record.id();
  wish.run_dir = engine.store.ContainerRunDir(record.id());
  wish.slirp = config.network_mode() == "slirp4netns";
  wish.options.assign(config.network_options().begin(), config.network_options().end());
  wish.servers.assign(config.dns_servers().begin(), config.dns_servers().end());
  std::vector<store::PortMapping> passed;
  for (const store::PortMapping& port : config.ports())
    (port.pass_fd() ? passed : wish.ports).push_back(port);
  if (!passed.empty()) {
    ASSIGN_OR_RETURN(network::HeldPorts held, network::HoldPorts(passed));
    wish.held = std::make_shared<network::HeldPorts>(std::move(held));
    for (const os::UniqueFd& fd : wish.held->passed) sockets.push_back(fd.get());
  }
  wish.files = NameFilesOf(engine.store, record);
  wish.ended = std::make_shared<EndedHelpers>();
  // Until the monitor ends.
  plan.on_end = [ended = wish.ended, then = std::move(plan.on_end)](const monitor::ExitInfo& info) {
    then(info);
  };
  plan.connect_network = [store = &engine.store, wish = std::move(wish)](pid_t pid) {
    return Connect(*store, wish, pid);
  };
  return sockets;
}

}  // namespace coracle::engine
