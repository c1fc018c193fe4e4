#include "runtime/cgroup_host.h"

#include "doctest/doctest.h"

namespace coracle::runtime {
TEST_SUITE("runtime/cgroup_host") {
  TEST_CASE("a hybrid host has its v1 hierarchies and the v2 tree") {
    const CgroupLayout layout = ParseCgroupLayout(
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:4 - cgroup cgroup rw,cpu,cpuacct\n"
        "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/x,name=systemd\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n",
        "4:memory:/a/b\n2:cpu,cpuacct:/\n1:name=systemd:/s\n0::/u/v\n");
    REQUIRE(layout.v1.size() == 3);
    CHECK(layout.FindV1("cpuacct") == &layout.v1[0]);
    CHECK(layout.FindV1("cpu")->own == "/sys/fs/cgroup/cpu,cpuacct");
    CHECK(layout.FindV1("memory")->own == "/sys/fs/cgroup/memory/a/b");
    CHECK(layout.FindV1("name=systemd")->own == "/sys/fs/cgroup/systemd/s");
    CHECK(layout.FindV1("pids") == nullptr);
    REQUIRE(layout.v2.has_value());
    CHECK(layout.v2->mount == "/sys/fs/cgroup/unified");
    CHECK(layout.v2->own == "/sys/fs/cgroup/unified/u/v");
  }

  TEST_CASE("a mount of a part of the tree shows our cgroup relative to that part") {
    const CgroupLayout layout = ParseCgroupLayout(
        "1 2 0:3 /docker/x /sys/fs/cgroup/a\\040b ro - cgroup2 cgroup rw\n"
        "4 2 0:5 /docker/y /c/pids ro - cgroup cgroup rw,pids\n",
        "3:pids:/elsewhere\n0::/docker/x/in\n");
    CHECK(layout.v2->own == "/sys/fs/cgroup/a b/in");
    CHECK(layout.FindV1("pids")->own == "/c/pids");
  }

  TEST_CASE("an ancestor outside of the cgroup namespace is not a path") {
    const CgroupLayout layout =
        ParseCgroupLayout("1 2 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/../x\n");
    CHECK(layout.v2->own == "/sys/fs/cgroup");
  }

  TEST_CASE("malformed lines are passed over") {
    const CgroupLayout layout =
        ParseCgroupLayout("x - cgroup2\n\n - cgroup cgroup rw,cpu\n1 2 - cgroup2 a b\n", "::\n");
    CHECK(layout.v1.empty());
    CHECK_FALSE(layout.v2.has_value());
  }

  TEST_CASE("a cgroup path cannot climb") {
    CHECK(CleanCgroupPath("coracle//./id/").value() == "/coracle/id");
    CHECK_FALSE(CleanCgroupPath("/a/../../b").ok());
    CHECK_FALSE(CleanCgroupPath("/").ok());
    CHECK_FALSE(CleanCgroupPath(absl::string_view("a\0b", 3)).ok());
  }
}
}  // namespace coracle::runtime
