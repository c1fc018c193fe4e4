// How long a container takes from Create to its reaped end, by what it asks for. Run as root:
//   runtime_bench [runs]
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/default_spec.h"
#include "os/file.h"
#include "os/process.h"
#include "os/read_only_self.h"
#include "runtime/container.h"

namespace coracle::runtime {
namespace {

double Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

std::string g_dir;

struct Times {
  double create = 0, wait = 0, cgroup = 0, remove = 0;
};

bool RunOnce(const oci::Spec& spec, const SeccompFilter* filter, bool overlay, bool with_cgroup,
             Times* times) {
  const double start = Now();
  std::unique_ptr<Cgroup> cgroup;
  if (with_cgroup) {
    auto made = Cgroup::Create({.path = absl::StrCat("/coracle-bench/", getpid())});
    if (!made.ok()) {
      printf("%s\n", StatusLine(made.status()).c_str());
      return false;
    }
    cgroup = std::move(*made);
  }
  const double made = Now();
  CreateRequest request;
  request.spec = &spec;
  request.id = "bench";
  request.bundle = g_dir;
  request.cgroup = cgroup.get();
  request.seccomp = filter;
  request.stdio = {.in = 0, .out = 1, .err = 2};
  if (overlay) {
    request.root_overlay =
        os::OverlayOptions{.lower = {g_dir + "/root"}, .upper = g_dir + "/upper", .work = g_dir + "/work"};
  }
  auto container = Create(request);
  const double created = Now();
  if (!container.ok()) {
    printf("%s\n", StatusLine(container.status()).c_str());
    return false;
  }
  (void)os::WaitFor(container->pidfd.get());
  const double ended = Now();
  if (cgroup != nullptr) (void)cgroup->Remove();
  *times = {
      .create = created - made, .wait = ended - created, .cgroup = made - start, .remove = Now() - ended};
  return true;
}

void Measure(const char* name, int runs, const oci::Spec& spec, const SeccompFilter* filter, bool overlay,
             bool cgroup) {
  std::vector<double> create, wait, group, all;
  for (int i = 0; i < runs; ++i) {
    Times t;
    if (!RunOnce(spec, filter, overlay, cgroup, &t)) return;
    create.push_back(t.create);
    wait.push_back(t.wait);
    group.push_back(t.cgroup + t.remove);
    all.push_back(t.create + t.wait + t.cgroup + t.remove);
  }
  const auto quick = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 10];  // others use the machine: the quick runs say what ours costs
  };
  printf("%-34s create %6.3f  wait %6.3f  cgroup %6.3f  all %6.3f ms\n", name, quick(create), quick(wait),
         quick(group), quick(all));
}

oci::Spec Bare() {
  oci::Spec spec;
  spec.root = oci::Root{.path = g_dir + "/root"};
  spec.process = oci::Process{.args = {"/bin/true"}, .env = {"PATH=/bin"}};
  return spec;
}

void Without(oci::Spec& spec, const char* type) {
  auto& list = spec.linux_config.namespaces;
  list.erase(
      std::remove_if(list.begin(), list.end(), [&](const oci::Namespace& n) { return n.type == type; }),
      list.end());
}

// A further process in a container that runs on.
void MeasureExec(int runs, oci::Spec spec, const SeccompFilter* filter) {
  auto cgroup = Cgroup::Create({.path = absl::StrCat("/coracle-bench/", getpid())});
  if (!cgroup.ok()) return;
  const oci::Process process = *spec.process;
  spec.process->args = {"/bin/busybox", "sleep", "1000"};
  CreateRequest request;
  request.spec = &spec;
  request.id = "bench";
  request.bundle = g_dir;
  request.cgroup = cgroup->get();
  auto container = Create(request);
  if (!container.ok()) return;
  for (const bool entered : {false, true}) {
    std::vector<double> times;
    for (int i = 0; i < runs; ++i) {
      ExecRequest exec;
      exec.pid = container->pid;
      exec.process = &process;
      exec.linux_config = &spec.linux_config;
      exec.stdio = {.in = 0, .out = 1, .err = 2};
      exec.seccomp = filter;
      if (entered) exec.cgroup_paths = (*cgroup)->paths();
      const double start = Now();
      auto executed = Exec(exec);
      if (!executed.ok()) {
        printf("%s\n", StatusLine(executed.status()).c_str());
        break;
      }
      (void)os::WaitFor(executed->pidfd.get());
      times.push_back(Now() - start);
    }
    if (times.empty()) break;
    std::sort(times.begin(), times.end());
    printf("%-34s %6.3f ms\n", entered ? "exec, in its cgroups" : "exec", times[times.size() / 10]);
  }
  (void)os::SendSignal(container->pidfd.get(), SIGKILL);
  (void)os::WaitFor(container->pidfd.get());
  (void)(*cgroup)->Remove();
}

int Main(int runs) {
  char name[] = "/tmp/coracle-bench.XXXXXX";
  g_dir = mkdtemp(name);
  if (system(("cd " + g_dir +
              " && mkdir -p root/bin root/proc root/dev root/sys root/etc upper work && cp "
              "/bin/busybox root/bin/ && ln -s busybox root/bin/true")
                 .c_str()) != 0) {
    return 1;
  }
  const oci::Spec bare = Bare();
  Measure("fork, chroot, exec", runs, bare, nullptr, false, false);
  oci::Spec spec = bare;
  for (const char* type : {"mount", "pid", "ipc", "uts", "network", "cgroup"}) {
    spec.linux_config.namespaces.push_back({.type = type});
    Measure(type, runs, spec, nullptr, false, false);
  }
  oci::Spec no_net = spec;
  Without(no_net, "network");
  Measure("all but network", runs, no_net, nullptr, false, false);
  Measure("overlay root", runs, spec, nullptr, true, false);
  const oci::Spec defaults = oci::DefaultSpec();
  spec.mounts = defaults.mounts;
  spec.mounts.erase(std::remove_if(spec.mounts.begin(), spec.mounts.end(),
                                   [](const oci::Mount& m) { return m.type == "cgroup"; }),
                    spec.mounts.end());
  Measure("+ mounts", runs, spec, nullptr, true, false);
  spec.linux_config.masked_paths = defaults.linux_config.masked_paths;
  spec.linux_config.readonly_paths = defaults.linux_config.readonly_paths;
  Measure("+ masked and read-only paths", runs, spec, nullptr, true, false);
  spec.process->capabilities = defaults.process->capabilities;
  spec.process->no_new_privileges = true;
  absl::StatusOr<SeccompFilter> filter = absl::NotFoundError("");
  if (defaults.linux_config.seccomp.has_value()) filter = CompileSeccomp(*defaults.linux_config.seccomp, "");
  Measure("+ capabilities, seccomp", runs, spec, filter.ok() ? &*filter : nullptr, true, false);
  Measure("+ cgroup", runs, spec, filter.ok() ? &*filter : nullptr, true, true);
  spec.mounts = defaults.mounts;
  Measure("+ cgroup mount", runs, spec, filter.ok() ? &*filter : nullptr, true, true);
  MeasureExec(runs, spec, filter.ok() ? &*filter : nullptr);
  return os::RemoveTreeAt(AT_FDCWD, g_dir).ok() ? 0 : 1;
}

// The start of a program, bare and with the read-only copy of itself.
void MeasureSelf(const char* name, const char* arg, int runs) {
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    const double start = Now();
    const pid_t pid = fork();
    if (pid == 0) {
      execl("/proc/self/exe", "runtime_bench", arg, nullptr);
      _exit(1);
    }
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0) return;
    times.push_back(Now() - start);
  }
  std::sort(times.begin(), times.end());
  printf("%-34s %6.3f ms\n", name, times[times.size() / 10]);
}

}  // namespace
}  // namespace coracle::runtime

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "--nothing") == 0) return 0;
  if (argc > 1 && strcmp(argv[1], "--self") == 0)
    return coracle::os::EnsureReadOnlySelf(argv, environ).ok() ? 0 : 1;
  coracle::runtime::MeasureSelf("start of a program", "--nothing", 200);
  coracle::runtime::MeasureSelf("with its read-only copy", "--self", 200);
  return coracle::runtime::Main(argc > 1 ? atoi(argv[1]) : 50);
}
