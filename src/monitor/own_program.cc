#include "monitor/own_program.h"

#include <spawn.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace coracle::monitor {
namespace {

// This very program, also if its file has been replaced since.
constexpr char kSelf[] = "/proc/self/exe";

}  // namespace

os::ChildProcess SpawnOwnProgram(const std::vector<std::string>& command) {
  std::vector<char*> args;
  for (const std::string& word : command) args.push_back(const_cast<char*>(word.c_str()));
  args.push_back(nullptr);
  posix_spawnattr_t attributes;
  (void)posix_spawnattr_init(&attributes);
  sigset_t all, none;
  (void)sigfillset(&all);
  (void)sigemptyset(&none);
  (void)posix_spawnattr_setsigdefault(&attributes, &all);
  (void)posix_spawnattr_setsigmask(&attributes, &none);
  (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, kSelf, nullptr, &attributes, args.data(), environ);
  (void)posix_spawnattr_destroy(&attributes);
  if (error != 0) return {};
  auto pidfd = os::OpenPidfd(pid);
  if (pidfd.ok()) return {pid, *std::move(pidfd)};
  (void)kill(pid, SIGKILL);  // nobody could wait for it
  return {};
}

}  // namespace coracle::monitor
