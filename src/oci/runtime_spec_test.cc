#include "oci/runtime_spec.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "doctest/doctest.h"

namespace coracle::oci {
namespace {

// Every member that we read, each with a value that differs from absent.
constexpr char kFullSpec[] =
    R"({"ociVersion":"1.2.0","process":{"terminal":true,"consoleSize":{"height":24,"width":80},)"
    R"("user":{"uid":1,"gid":2,"umask":18,"additionalGids":[3,4]},"args":["sh","-c"],"env":["A=B"],"cwd":"/w",)"
    R"("capabilities":{"bounding":["CAP_CHOWN"],"effective":["CAP_KILL"],"inheritable":["CAP_FOWNER"],)"
    R"("permitted":["CAP_SETUID"],"ambient":["CAP_SETGID"]},)"
    R"("rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":1024}],"noNewPrivileges":true,)"
    R"("apparmorProfile":"a","selinuxLabel":"s","oomScoreAdj":-10,)"
    R"("scheduler":{"policy":"SCHED_DEADLINE","nice":-1,"priority":5,"flags":["SCHED_FLAG_RECLAIM"],)"
    R"("runtime":1,"deadline":2,"period":3},"ioPriority":{"class":"IOPRIO_CLASS_BE","priority":4},)"
    R"("execCPUAffinity":{"initial":"0-1","final":"2, 3"}},"root":{"path":"rootfs","readonly":true},)"
    R"("hostname":"h","domainname":"d","mounts":[{"destination":"/m","type":"bind","source":"/s",)"
    R"("options":["rbind","ro"],"uidMappings":[{"containerID":0,"hostID":1000,"size":1}],)"
    R"("gidMappings":[{"containerID":0,"hostID":1000,"size":1}]}],)"
    R"("hooks":{"prestart":[{"path":"/a","args":["x"],"env":["y=z"],"timeout":5}],"createRuntime":[{"path":"/b"}],)"
    R"("createContainer":[{"path":"/c"}],"startContainer":[{"path":"/d"}],"poststart":[{"path":"/e"}],)"
    R"("poststop":[{"path":"/f"}]},"annotations":{"k":"v"},)"
    R"("linux":{"uidMappings":[{"containerID":0,"hostID":100000,"size":65536}],)"
    R"("gidMappings":[{"containerID":0,"hostID":100000,"size":65536}],"sysctl":{"net.ipv4.ip_forward":"1"},)"
    R"("resources":{"devices":[{"allow":false,"type":"a","access":"rwm"},)"
    R"({"allow":true,"type":"c","major":1,"minor":3,"access":"rw"}],)"
    R"("memory":{"limit":1,"reservation":2,"swap":-1,"kernel":3,"kernelTCP":4,"swappiness":0,)"
    R"("disableOOMKiller":false,"useHierarchy":true,"checkBeforeUpdate":true},)"
    R"("cpu":{"shares":1024,"quota":-1,"burst":7,"period":100000,"realtimeRuntime":950,"realtimePeriod":1000,)"
    R"("cpus":"0","mems":"0","idle":1},"pids":{"limit":-1},"blockIO":{"weight":10,"leafWeight":11,)"
    R"("weightDevice":[{"major":8,"minor":0,"weight":500,"leafWeight":300}],)"
    R"("throttleReadBpsDevice":[{"major":8,"minor":0,"rate":600}],)"
    R"("throttleWriteBpsDevice":[{"major":8,"minor":1,"rate":601}],)"
    R"("throttleReadIOPSDevice":[{"major":8,"minor":2,"rate":602}],)"
    R"("throttleWriteIOPSDevice":[{"major":8,"minor":3,"rate":603}]},)"
    R"("hugepageLimits":[{"pageSize":"2MB","limit":9}],)"
    R"("network":{"classID":1048577,"priorities":[{"name":"eth0","priority":500}]},)"
    R"("rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10000}},"unified":{"io.max":"8:0 rbps=1"}},)"
    R"("cgroupsPath":"/x","namespaces":[{"type":"pid"},{"type":"network","path":"/proc/1/ns/net"}],)"
    R"("devices":[{"type":"c","path":"/dev/fuse","major":10,"minor":229,"fileMode":438,"uid":0,"gid":0}],)"
    R"("seccomp":{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86"],)"
    R"("flags":["SECCOMP_FILTER_FLAG_LOG"],"listenerPath":"/l","listenerMetadata":"m",)"
    R"("syscalls":[{"names":["open"],"action":"SCMP_ACT_ERRNO","errnoRet":1,)"
    R"("args":[{"index":1,"value":2,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"}]}]},)"
    R"("rootfsPropagation":"slave","maskedPaths":["/proc/kcore"],"readonlyPaths":["/proc/sys"],"mountLabel":"ml",)"
    R"("intelRdt":{"closID":"c","schemata":["L3:0=f"],"l3CacheSchema":"L3:0=7f0","memBwSchema":"MB:0=20",)"
    R"("enableMonitoring":true},"netDevices":{"eth1":{"name":"lan0"},"eth2":{}},)"
    R"("memoryPolicy":{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_STATIC_NODES"]},"personality":{"domain":"LINUX32","flags":["f"]},)"
    R"("timeOffsets":{"boottime":{"secs":-50,"nanosecs":5},"monotonic":{"secs":172800}}}})";

std::string ErrorOf(absl::string_view json) { return std::string(ParseSpec(json).status().message()); }
std::string WithProcess(absl::string_view member) {
  return absl::StrCat(R"({"ociVersion":"1.0.2","process":{"cwd":"/","user":{},)", member, "}}");
}
std::string WithLinux(absl::string_view member) {
  return absl::StrCat(R"({"ociVersion":"1.0.2","linux":{)", member, "}}");
}

TEST_SUITE("oci/runtime_spec") {
  TEST_CASE("a document with every member is written as it was read") {
    const auto spec = ParseSpec(kFullSpec);
    REQUIRE_MESSAGE(spec.ok(), spec.status().message());
    CHECK(SerializeSpec(*spec) == kFullSpec);
    CHECK(spec->process->rlimits[0].hard == UINT64_MAX);
    CHECK(spec->linux_config.time_offsets.at("boottime").secs == -50);
    CHECK(spec->linux_config.resources->memory->disable_oom_killer == false);
  }
  TEST_CASE("absent, null and unknown members are the same") {
    const auto spec =
        ParseSpec(R"({"ociVersion":"1.0.2","mounts":null,"linux":{"resources":{}},"windows":{"x":1}})");
    REQUIRE(spec.ok());
    CHECK(SerializeSpec(*spec) == R"({"ociVersion":"1.0.2","linux":{"resources":{}}})");
  }
  TEST_CASE("errors name the member and what it should be") {
    CHECK(ErrorOf(WithProcess(R"("rlimits":[{"type":"RLIMIT_CPU","soft":1,"hard":-1}])")) ==
          "process.rlimits[0].hard: not a number from 0 to 18446744073709551615");
    CHECK(ErrorOf(R"({"ociVersion":"1.0.2","process":{"cwd":"/","user":{"uid":4294967296}}})") ==
          "process.user.uid: not a number from 0 to 4294967295");
    CHECK(ErrorOf(R"({"ociVersion":"1.0.2","process":{"cwd":"/","user":{"uid":1.0}}})") ==
          "process.user.uid: not a number from 0 to 4294967295");
    CHECK(ErrorOf(WithProcess(R"("args":["a",1])")) == "process.args[1]: not a string");
    CHECK(ErrorOf(WithProcess(R"("args":"a")")) == "process.args: not a list");
    CHECK(ErrorOf(WithProcess(R"("args":["a\u0000b"])")) == "process.args[0]: contains a NUL");
    CHECK(ErrorOf(WithProcess(R"("terminal":1)")) == "process.terminal: not true or false");
    CHECK(ErrorOf(R"({"ociVersion":"1.0.2","annotations":{"k":1}})") == R"(annotations["k"]: not a string)");
    CHECK(ErrorOf(R"({"ociVersion":"1.0.2","process":{"user":{}}})") == "process.cwd: missing");
    CHECK(ErrorOf(WithLinux(R"("resources":{"pids":[]})")) == "linux.resources.pids: not an object");
    CHECK(ErrorOf("[]") == "not an object");
    CHECK(ErrorOf("{") == "config.json: malformed JSON at byte 2");
    CHECK(ErrorOf(R"({"ociVersion":"2.0.0"})") == "ociVersion: not a version 1.x.y");
  }
  TEST_CASE("values outside the schema are refused") {
    for (
        const char* member :
        {R"("namespaces":[{"type":"pid"},{"type":"pid"}])", R"("namespaces":[{"type":"disk"}])",
         R"("namespaces":[{"type":"pid","path":"ns"}])", R"("devices":[{"type":"c","path":"/dev/x"}])",
         R"("devices":[{"type":"p","path":"x"}])", R"("seccomp":{"defaultAction":"ALLOW"})",
         R"("seccomp":{})",
         R"("seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[],"action":"SCMP_ACT_ALLOW"}]})",
         R"("resources":{"hugepageLimits":[{"pageSize":"../2MB","limit":1}]})",
         R"("resources":{"unified":{"../x":"1"}})",
         R"("resources":{"devices":[{"allow":true,"access":"x"}]})", R"("rootfsPropagation":"odd")",
         R"("memoryPolicy":{"mode":"BIND"})", R"("personality":{"domain":"BSD"})",
         R"("timeOffsets":{"realtime":{"secs":1}})",
         R"("timeOffsets":{"boottime":{"nanosecs":1000000000}})"}) {
      CAPTURE(member);
      CHECK(ParseSpec(WithLinux(member)).status().code() == absl::StatusCode::kInvalidArgument);
    }
    CHECK_FALSE(ParseSpec(WithProcess(R"("oomScoreAdj":1001)")).ok());
    CHECK_FALSE(ParseSpec(WithProcess(R"("rlimits":[{"type":"NOFILE","soft":1,"hard":1}])")).ok());
    CHECK_FALSE(ParseSpec(R"({"ociVersion":"1.0.2","hooks":{"poststop":[{"path":"/a","timeout":0}]}})").ok());
  }
  TEST_CASE("lists and strings have limits") {
    std::string list = "0";
    for (size_t i = 0; i < kMaxSpecListEntries; ++i) list += ",0";
    CHECK(absl::StrContains(
        ErrorOf(absl::StrCat(R"({"ociVersion":"1.0.2","process":{"cwd":"/","user":{"additionalGids":[)", list,
                             "]}}}")),
        "process.user.additionalGids: more than 65536 entries"));
    const std::string text((1 << 20) + 1, 'x');
    CHECK(absl::StrContains(ErrorOf(absl::StrCat(R"({"ociVersion":"1.0.2","hostname":")", text, "\"}")),
                            "hostname: longer than"));
    CHECK_FALSE(ParseSpec(std::string(kMaxSpecBytes + 1, ' ')).ok());
  }
  TEST_CASE("a device rule's empty type and -1 mean any") {
    const auto resources = ParseResources(R"({"devices":[{"allow":true,"type":"","major":-1,"minor":-1}]})");
    REQUIRE(resources.ok());
    CHECK(resources->devices[0].type == "a");
    CHECK_FALSE(resources->devices[0].major.has_value());
    CHECK_FALSE(resources->devices[0].minor.has_value());
  }
  TEST_CASE("a lone process and lone resources are read and written") {
    const auto process = ParseProcess(R"({"user":{},"cwd":"/","args":["true"]})");
    REQUIRE(process.ok());
    CHECK(SerializeProcess(*process) == R"({"user":{},"args":["true"],"cwd":"/"})");
    CHECK(ParseProcess("{}").status().message() == "process.cwd: missing");
    CHECK(ParseResources(R"({"memory":{"limit":"1"}})").status().message() ==
          "linux.resources.memory.limit: not a number from -9223372036854775808 to 9223372036854775807");
  }
}

}  // namespace
}  // namespace coracle::oci
