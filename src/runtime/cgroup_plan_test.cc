#include "runtime/cgroup_plan.h"

#include "absl/strings/str_join.h"
#include "doctest/doctest.h"

namespace coracle::runtime {
namespace {

ControllerPlace AllV1(absl::string_view c) {
  return c == "io" || c == "cgroup" ? ControllerPlace::kNone : ControllerPlace::kV1;
}
ControllerPlace AllV2(absl::string_view c) {
  return c == "blkio" || c == "net_cls" || c == "net_prio" ? ControllerPlace::kNone : ControllerPlace::kV2;
}
ControllerPlace None(absl::string_view) { return ControllerPlace::kNone; }

std::string Text(const absl::StatusOr<std::vector<CgroupWrite>>& plan) {
  if (!plan.ok()) return std::string(plan.status().message());
  return absl::StrJoin(*plan, "; ", [](std::string* out, const CgroupWrite& w) {
    absl::StrAppend(out, w.file, "=", w.value);
    if (!w.fallback_file.empty()) absl::StrAppend(out, " or ", w.fallback_file, "=", w.fallback_value);
  });
}

oci::Resources Memory(int64_t limit, int64_t swap) {
  oci::Resources r;
  r.memory.emplace();
  if (limit != 0) r.memory->limit = limit;
  if (swap != 0) r.memory->swap = swap;
  return r;
}

}  // namespace

TEST_SUITE("runtime/cgroup_plan") {
  TEST_CASE("v1 memory: the order of limit and memsw keeps limit at or below memsw") {
    CHECK(Text(PlanCgroup(Memory(100, 200), AllV1)) ==
          "memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=200");
    CurrentLimits now;
    now.v1_memsw = 150;
    // Down or sideways: the limit fits below the memsw in place.
    CHECK(Text(PlanCgroup(Memory(100, 120), AllV1, now)) ==
          "memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=120");
    // Up: memsw has to make room first.
    CHECK(Text(PlanCgroup(Memory(300, 400), AllV1, now)) ==
          "memory.memsw.limit_in_bytes=400; memory.limit_in_bytes=300");
    CHECK(Text(PlanCgroup(Memory(300, -1), AllV1, now)) ==
          "memory.memsw.limit_in_bytes=-1; memory.limit_in_bytes=300");
    CHECK(Text(PlanCgroup(Memory(-1, 0), AllV1, now)) ==
          "memory.memsw.limit_in_bytes=-1; memory.limit_in_bytes=-1");
    CHECK(PlanCgroup(Memory(300, 0), AllV1, now).status().code() == absl::StatusCode::kInvalidArgument);
  }

  TEST_CASE("v2 memory: swap is what is above memory") {
    CHECK(Text(PlanCgroup(Memory(100, 300), AllV2)) == "memory.swap.max=200; memory.max=100");
    CHECK(Text(PlanCgroup(Memory(100, 100), AllV2)) == "memory.swap.max=0; memory.max=100");
    CHECK(Text(PlanCgroup(Memory(100, -1), AllV2)) == "memory.swap.max=max; memory.max=100");
    CHECK(Text(PlanCgroup(Memory(-1, 0), AllV2)) == "memory.swap.max=max; memory.max=max");
    CHECK(Text(PlanCgroup(Memory(100, 0), AllV2)) == "memory.max=100");
    CHECK(PlanCgroup(Memory(0, 100), AllV2).status().code() == absl::StatusCode::kInvalidArgument);
  }

  TEST_CASE("memory: values out of range name the member") {
    CHECK(Text(PlanCgroup(Memory(200, 100), AllV1)).find("memory.swap 100") == 0);
    CHECK(PlanCgroup(Memory(-2, 0), AllV1).status().code() == absl::StatusCode::kInvalidArgument);
  }

  TEST_CASE("a limit without its controller is refused, no limit is not") {
    CHECK(Text(PlanCgroup(Memory(100, 0), None)) ==
          "cgroup controller 'memory' is not available: cannot apply --memory");
    CHECK(PlanCgroup(Memory(100, 0), None).status().code() == absl::StatusCode::kFailedPrecondition);
    CHECK(Text(PlanCgroup(Memory(-1, -1), None)).empty());
    oci::Resources r;
    r.pids_limit = -1;
    CHECK(Text(PlanCgroup(r, None)).empty());
    CHECK(Text(PlanCgroup(r, AllV1)) == "pids.max=max");
    r.pids_limit = 20;
    CHECK(PlanCgroup(r, None).status().code() == absl::StatusCode::kFailedPrecondition);
    CHECK(Text(PlanCgroup(r, AllV2)) == "pids.max=20");
  }

  TEST_CASE("cpu") {
    oci::Resources r;
    r.cpu.emplace();
    r.cpu->shares = 1024;
    r.cpu->quota = 50000;
    r.cpu->cpus = "0-1";
    CHECK(Text(PlanCgroup(r, AllV1)) == "cpu.shares=1024; cpu.cfs_quota_us=50000; cpuset.cpus=0-1");
    CHECK(Text(PlanCgroup(r, AllV2)) == "cpu.weight=39; cpu.max=50000; cpuset.cpus=0-1");
    r.cpu->period = 200000;
    r.cpu->burst = 1000;
    CHECK(Text(PlanCgroup(r, AllV1)) ==
          "cpu.shares=1024; cpu.cfs_period_us=200000; cpu.cfs_burst_us=1000; cpu.cfs_quota_us=50000; "
          "cpuset.cpus=0-1");
    CHECK(Text(PlanCgroup(r, AllV2)) ==
          "cpu.weight=39; cpu.max.burst=1000; cpu.max=50000 200000; cpuset.cpus=0-1");
    CHECK(CpuWeightOfShares(0) == 1);
    CHECK(CpuWeightOfShares(2) == 1);
    CHECK(CpuWeightOfShares(262144) == 10000);
    CHECK(CpuWeightOfShares(1 << 30) == 10000);
  }

  TEST_CASE("v2: a lone period keeps the quota in place") {
    oci::Resources r;
    r.cpu.emplace();
    r.cpu->period = 10000;
    CurrentLimits now;
    CHECK(Text(PlanCgroup(r, AllV2, now)) == "cpu.max=max 10000");
    now.v2_cpu_quota = "7000";
    CHECK(Text(PlanCgroup(r, AllV2, now)) == "cpu.max=7000 10000");
  }

  TEST_CASE("an idle cgroup takes no weight") {
    oci::Resources r;
    r.cpu.emplace();
    r.cpu->shares = 512;
    r.cpu->idle = 1;
    CHECK(Text(PlanCgroup(r, AllV2)) == "cpu.idle=1");
    r.cpu->idle = 0;
    CHECK(Text(PlanCgroup(r, AllV1)) == "cpu.idle=0; cpu.shares=512");
  }

  TEST_CASE("realtime limits exist in v1 only") {
    oci::Resources r;
    r.cpu.emplace();
    r.cpu->realtime_period = 1000000;
    r.cpu->realtime_runtime = 950000;
    CHECK(Text(PlanCgroup(r, AllV1)) == "cpu.rt_period_us=1000000; cpu.rt_runtime_us=950000");
    CHECK(PlanCgroup(r, AllV2).status().code() == absl::StatusCode::kFailedPrecondition);
  }

  TEST_CASE("block io") {
    oci::Resources r;
    r.block_io.emplace();
    r.block_io->weight = 500;
    oci::BlockIoDevice d;
    d.major = 8;
    d.minor = 16;
    d.rate = 1048576;
    r.block_io->throttle_read_bps.push_back(d);
    d.rate = 0;
    r.block_io->throttle_write_iops.push_back(d);
    CHECK(Text(PlanCgroup(r, AllV1)) ==
          "blkio.weight=500 or blkio.bfq.weight=500; blkio.throttle.read_bps_device=8:16 1048576; "
          "blkio.throttle.write_iops_device=8:16 0");
    CHECK(Text(PlanCgroup(r, AllV2)) ==
          "io.bfq.weight=500 or io.weight=4950; io.max=8:16 rbps=1048576; io.max=8:16 wiops=max");
    CHECK(IoWeightOfBlkioWeight(10) == 1);
    CHECK(IoWeightOfBlkioWeight(1000) == 10000);
    r.block_io->weight = 5;
    CHECK(PlanCgroup(r, AllV1).status().code() == absl::StatusCode::kInvalidArgument);
  }

  TEST_CASE("hugetlb, network, rdma") {
    oci::Resources r;
    r.hugepage_limits.push_back({"2MB", 4194304});
    r.rdma["mlx5_1"].hca_handles = 3;
    CHECK(Text(PlanCgroup(r, AllV1)) ==
          "hugetlb.2MB.limit_in_bytes=4194304; hugetlb.2MB.rsvd.limit_in_bytes=4194304; rdma.max=mlx5_1 "
          "hca_handle=3");
    CHECK(Text(PlanCgroup(r, AllV2)) ==
          "hugetlb.2MB.max=4194304; hugetlb.2MB.rsvd.max=4194304; rdma.max=mlx5_1 hca_handle=3");
    r.hugepage_limits[0].page_size = "../x";
    CHECK(PlanCgroup(r, AllV1).status().code() == absl::StatusCode::kInvalidArgument);
    oci::Resources net;
    net.network_class_id = 1048577;
    net.network_priorities.push_back({"eth0", 500});
    CHECK(Text(PlanCgroup(net, AllV1)) == "net_cls.classid=1048577; net_prio.ifpriomap=eth0 500");
    CHECK(PlanCgroup(net, AllV2).status().code() == absl::StatusCode::kFailedPrecondition);
  }

  TEST_CASE("unified keys are v2 files and nothing else") {
    oci::Resources r;
    r.unified["memory.high"] = "1000";
    r.unified["cgroup.max.depth"] = "3";
    CHECK(Text(PlanCgroup(r, AllV2)) == "cgroup.max.depth=3; memory.high=1000");
    CHECK(PlanCgroup(r, AllV1).status().code() == absl::StatusCode::kFailedPrecondition);
    r.unified["memory./../x"] = "1";
    CHECK(PlanCgroup(r, AllV2).status().code() == absl::StatusCode::kInvalidArgument);
  }

  TEST_CASE("v1-only memory settings are refused by v2") {
    oci::Resources r;
    r.memory.emplace();
    r.memory->swappiness = 10;
    CHECK(Text(PlanCgroup(r, AllV1)) == "memory.swappiness=10");
    CHECK(PlanCgroup(r, AllV2).status().code() == absl::StatusCode::kFailedPrecondition);
    r.memory->swappiness = 101;
    CHECK(PlanCgroup(r, AllV1).status().code() == absl::StatusCode::kInvalidArgument);
  }
}
}  // namespace coracle::runtime
