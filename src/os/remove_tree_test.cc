#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::os {
namespace {

struct Base {
  Base() {
    char name[] = "/tmp/coracle-test-XXXXXX";
    path = mkdtemp(name);
    fd.Reset(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~Base() { rmdir(path.c_str()); }
  std::string path;
  UniqueFd fd;
};

TEST_SUITE("os/remove_tree") {
  TEST_CASE("a tree with links, empty modes and files goes; what links point to stays") {
    Base base;
    REQUIRE(WriteFileAt(base.fd.get(), "outside", "x").ok());
    REQUIRE(MakeDirectoryAt(base.fd.get(), "t", 0755).ok());
    REQUIRE(MakeDirectoryAt(base.fd.get(), "t/closed", 0755).ok());
    REQUIRE(WriteFileAt(base.fd.get(), "t/closed/file", "x").ok());
    REQUIRE(fchmodat(base.fd.get(), "t/closed", 0, 0) == 0);
    REQUIRE(symlinkat("../outside", base.fd.get(), "t/link") == 0);
    REQUIRE(symlinkat("..", base.fd.get(), "t/up") == 0);
    CHECK(RemoveTreeAt(base.fd.get(), "t").ok());
    CHECK_FALSE(ExistsAt(base.fd.get(), "t"));
    CHECK(ReadFileAt(base.fd.get(), "outside").value() == "x");
    CHECK(RemoveTreeAt(base.fd.get(), "outside").ok());
    CHECK(RemoveTreeAt(base.fd.get(), "missing").ok());
  }
  TEST_CASE("a tree deeper than there are descriptors goes") {
    Base base;
    rlimit before;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit few = {128, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    REQUIRE(MakeDirectoryAt(base.fd.get(), "t", 0755).ok());
    UniqueFd dir(openat(base.fd.get(), "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < 400; ++i) {
      REQUIRE(mkdirat(dir.get(), "d", 0700) == 0);
      REQUIRE(mkdirat(dir.get(), ".removed-0", 0700) == 0);  // a name that removal itself would like
      dir.Reset(openat(dir.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      REQUIRE(dir.valid());
    }
    CHECK(RemoveTreeAt(base.fd.get(), "t").ok());
    CHECK_FALSE(ExistsAt(base.fd.get(), "t"));
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  }
}

}  // namespace
}  // namespace coracle::os
