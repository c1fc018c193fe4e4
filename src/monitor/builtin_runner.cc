#include <csignal>

#include "base/fault.h"
#include "base/status.h"
#include "monitor/runner.h"

namespace coracle::monitor {
namespace {

class BuiltinRunner : public Runner {
 public:
  explicit BuiltinRunner(const LaunchPlan& plan) : plan_(plan) {}

  absl::StatusOr<runtime::Container> Create(const runtime::Stdio& stdio) override {
    if (!plan_.cgroup.disabled) {
      ASSIGN_OR_RETURN(cgroup_, runtime::Cgroup::Create(plan_.cgroup));
      FaultPoint("monitor.cgroup");
    }
    runtime::CreateRequest request;
    std::vector<os::UniqueFd> trees;
    for (const auto& [destination, make] : plan_.trees) {
      absl::StatusOr<os::UniqueFd> tree = make();
      if (!tree.ok()) {
        Teardown();
        const absl::Status status = Annotate(tree.status(), absl::StrCat("mount ", destination));
        return ExitCodeOf(status).has_value() ? status : WithExitCode(status, 125);
      }
      request.trees[destination] = tree->get();
      trees.push_back(*std::move(tree));
    }
    request.spec = &plan_.spec;
    request.id = plan_.id;
    request.bundle = plan_.bundle;
    request.root_overlay = plan_.root_overlay;
    request.stdio = stdio;
    request.preserve_fds = plan_.preserve_fds;
    request.passed = plan_.passed_fds;
    request.cgroup = cgroup_.get();
    request.seccomp = plan_.seccomp.has_value() ? &*plan_.seccomp : nullptr;
    request.hold_before_exec = plan_.hold;
    request.die_with_parent = true;  // a monitor that is killed takes its container with it
    request.on_namespaces = plan_.on_namespaces;
    absl::StatusOr<runtime::Container> container = runtime::Create(request);
    if (!container.ok()) Teardown();
    return container;
  }
  absl::Status Start(runtime::Container& container) override { return runtime::Start(container); }
  std::vector<std::string> CgroupPaths() const override {
    return cgroup_ != nullptr ? cgroup_->paths() : std::vector<std::string>();
  }
  void AdoptCgroup(const std::vector<std::string>& paths) override {
    auto cgroup = runtime::Cgroup::Open(paths);
    if (cgroup.ok()) cgroup_ = *std::move(cgroup);
  }
  bool OomKilled() const override { return cgroup_ != nullptr && cgroup_->OomKilled(); }
  void KillLeftovers() override {
    if (cgroup_ != nullptr) (void)cgroup_->KillAll(SIGKILL);  // what is left is waited for by Remove
  }
  void Teardown() override {
    if (cgroup_ != nullptr) (void)cgroup_->Remove();  // nobody to tell; the next start makes it again
    cgroup_.reset();
  }

 private:
  const LaunchPlan& plan_;
  std::unique_ptr<runtime::Cgroup> cgroup_;
};

}  // namespace

std::unique_ptr<Runner> NewBuiltinRunner(const LaunchPlan& plan) {
  return std::make_unique<BuiltinRunner>(plan);
}

}  // namespace coracle::monitor
