// Containers on the real kernel. Needs root (or root of a user namespace) and a static busybox.
#define DOCTEST_CONFIG_IMPLEMENT
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "doctest/doctest.h"
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

int main(int argc, char** argv) {
  if (geteuid() != 0 || access("/bin/busybox", X_OK) != 0) {
    printf("skipped: needs root and /bin/busybox (package busybox-static)\n");
    return 77;
  }
  doctest::Context context(argc, argv);
  return context.run();
}
