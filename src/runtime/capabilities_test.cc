#include "runtime/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::runtime {
namespace {

// A set of this process as the kernel shows it: "CapEff", "CapBnd" ...
uint64_t Shown(absl::string_view name) {
  const std::string status = os::ReadFileAt(AT_FDCWD, "/proc/self/status").value();
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    uint64_t value = 0;
    if (absl::ConsumePrefix(&line, name) && absl::ConsumePrefix(&line, ":\t") &&
        absl::SimpleHexAtoi(line, &value)) {
      return value;
    }
  }
  return ~uint64_t{0};
}

}  // namespace

TEST_SUITE("runtime/capabilities") {
  TEST_CASE("names become bits, newer names count nothing, others are refused") {
    oci::Capabilities c;
    c.bounding = {"CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_FROM_THE_FUTURE"};
    c.ambient = {"CAP_CHECKPOINT_RESTORE"};
    const CapabilitySets sets = PlanCapabilities(c).value();
    CHECK(sets.bounding == (uint64_t{1} << CAP_CHOWN | uint64_t{1} << CAP_SYS_ADMIN));
    CHECK(sets.ambient == uint64_t{1} << 40);
    CHECK(sets.permitted == 0);
    c.effective = {"chown"};
    CHECK(PlanCapabilities(c).status().message() == "capabilities.effective: 'chown' is no capability name");
  }

  TEST_CASE("the process has what was asked for and nothing else") {
    if (geteuid() != 0) {
      MESSAGE("skipped: needs root");
      return;
    }
    const uint64_t held = Shown("CapPrm");
    const pid_t pid = fork();
    if (pid == 0) {
      CapabilitySets sets;
      const uint64_t all = (uint64_t{1} << 41) - 1;  // also those that this root does not have
      sets.bounding = all & ~(uint64_t{1} << CAP_SYS_MODULE);
      sets.permitted = sets.effective = all & ~(uint64_t{1} << CAP_SYS_MODULE);
      sets.inheritable = uint64_t{1} << CAP_KILL | uint64_t{1} << CAP_SYS_RESOURCE;
      sets.ambient = uint64_t{1} << CAP_KILL | uint64_t{1} << CAP_CHOWN;  // CHOWN is not inheritable
      if (DropBounding(sets) != 0) _exit(1);
      if (ApplyCapabilities(sets) != 0) _exit(2);
      if (Shown("CapPrm") != (held & sets.permitted) || Shown("CapEff") != (held & sets.effective)) _exit(3);
      if (Shown("CapInh") != (held & sets.inheritable)) _exit(4);
      if (Shown("CapAmb") != uint64_t{1} << CAP_KILL) _exit(5);
      if ((Shown("CapBnd") >> CAP_SYS_MODULE & 1) != 0) _exit(6);
      const CapabilitySets none;
      if (DropBounding(none) != 0 || ApplyCapabilities(none) != 0) _exit(7);
      if (Shown("CapPrm") != 0 || Shown("CapBnd") != 0 || Shown("CapAmb") != 0) _exit(8);
      if (DropBounding(none) != 0) _exit(9);  // nothing left to drop, and no right to
      _exit(0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK(WEXITSTATUS(status) == 0);
  }
}
}  // namespace coracle::runtime
