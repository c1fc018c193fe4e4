// Containers on the real kernel. Needs root (or root of a user namespace) and a static busybox.
#define DOCTEST_CONFIG_IMPLEMENT
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "base/status.h"
#include "doctest/doctest.h"
#include "os/read_only_self.h"
#include "os/user_namespace.h"
#include "runtime/kernel_fixture.h"

namespace coracle::runtime {

TEST_SUITE("runtime/kernel") {
  TEST_CASE("a process runs in its root and its exit code comes back") {
    Fixture fixture;
    const Outcome outcome = RunToEnd(fixture, fixture.Shell("echo hello; ls /; exit 7"));
    INFO(outcome.status.message());
    CHECK(outcome.status.ok());
    CHECK(outcome.code == 7);
    CHECK(outcome.output == "hello\nbin\ndev\netc\nproc\nroot\nsys\ntmp\n");
  }
}

}  // namespace coracle::runtime

// As root, or as an ordinary user in a user namespace of its own.
int main(int argc, char** argv) {
  if (access("/bin/busybox", X_OK) != 0) {
    printf("skipped: needs /bin/busybox (package busybox-static)\n");
    return 77;
  }
  if (geteuid() != 0) {
    const auto ids = coracle::os::EnterRootlessUserNamespace();
    if (!ids.ok() || ids->uids.size() < 2) {
      printf("skipped: needs root, or subordinate ids: %s\n",
             ids.ok() ? ids->reduced_because.c_str() : coracle::StatusLine(ids.status()).c_str());
      return 77;
    }
  }
  // As every command that enters containers.
  if (const auto status = coracle::os::EnsureReadOnlySelf(argv, environ); !status.ok()) {
    printf("%s\n", coracle::StatusLine(status).c_str());
    return 1;
  }
  doctest::Context context(argc, argv);
  return context.run();
}
