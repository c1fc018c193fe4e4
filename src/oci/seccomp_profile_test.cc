#include "oci/seccomp_profile.h"

#include <cerrno>

#include "absl/algorithm/container.h"
#include "doctest/doctest.h"
#include "oci/default_spec.h"

namespace coracle::oci {
namespace {

constexpr KernelVersion kKernel = {6, 1};

// The actions that `seccomp` has for `name`, in order.
std::vector<std::string> ActionsFor(const Seccomp& seccomp, absl::string_view name) {
  std::vector<std::string> actions;
  for (const SeccompSyscall& syscall : seccomp.syscalls) {
    if (absl::c_linear_search(syscall.names, name)) actions.push_back(syscall.action);
  }
  return actions;
}

TEST_SUITE("oci/seccomp_profile") {
  TEST_CASE("the default profile follows the capabilities") {
    const Seccomp plain = DefaultSeccomp(DefaultCapabilities(), "amd64", kKernel);
    CHECK(plain.default_action == "SCMP_ACT_ERRNO");
    CHECK(plain.default_errno_ret == ENOSYS);
    CHECK(plain.architectures ==
          std::vector<std::string>{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"});
    CHECK(ActionsFor(plain, "read") == std::vector<std::string>{"SCMP_ACT_ALLOW"});
    CHECK(ActionsFor(plain, "chroot") == std::vector<std::string>{"SCMP_ACT_ALLOW"});
    CHECK(ActionsFor(plain, "init_module") == std::vector<std::string>{"SCMP_ACT_ERRNO"});
    const Seccomp modules = DefaultSeccomp({"CAP_SYS_MODULE"}, "amd64", kKernel);
    CHECK(ActionsFor(modules, "init_module") == std::vector<std::string>{"SCMP_ACT_ALLOW"});
    CHECK(ActionsFor(modules, "chroot") == std::vector<std::string>{"SCMP_ACT_ERRNO"});
  }
  TEST_CASE("the default profile follows the architecture") {
    const Seccomp arm = DefaultSeccomp({}, "arm64", kKernel);
    CHECK(arm.architectures == std::vector<std::string>{"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"});
    CHECK(ActionsFor(arm, "arch_prctl").empty());
    CHECK(ActionsFor(arm, "arm_fadvise64_64").size() == 1);
    CHECK(ActionsFor(DefaultSeccomp({}, "386", kKernel), "modify_ldt").size() == 1);
    CHECK(ActionsFor(DefaultSeccomp({}, "amd64", kKernel), "arch_prctl").size() == 1);
  }
  TEST_CASE("the resolved default is a valid linux.seccomp") {
    Spec spec;
    spec.linux_config.seccomp = DefaultSeccomp(DefaultCapabilities(), "amd64", kKernel);
    const std::string text = SerializeSpec(spec);
    const auto read = ParseSpec(text);
    REQUIRE_MESSAGE(read.ok(), read.status().message());
    CHECK(SerializeSpec(*read) == text);
  }
  TEST_CASE("keys differ exactly where the profile may") {
    const std::string key = DefaultSeccompKey({"CAP_KILL", "CAP_CHOWN"}, "amd64", kKernel);
    CHECK(key == DefaultSeccompKey({"CAP_CHOWN", "CAP_KILL"}, "amd64", kKernel));
    CHECK(key != DefaultSeccompKey({"CAP_CHOWN"}, "amd64", kKernel));
    CHECK(key != DefaultSeccompKey({"CAP_KILL", "CAP_CHOWN"}, "arm64", kKernel));
    CHECK(key != DefaultSeccompKey({"CAP_KILL", "CAP_CHOWN"}, "amd64", {6, 10}));
    CHECK(key.find('/') == std::string::npos);
  }
  TEST_CASE("conditions, old names, error names and kernel versions are read") {
    const char* profile =
        R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"EPERM","syscalls":[)"
        R"({"name":"a","action":"SCMP_ACT_ALLOW","args":null},)"
        R"({"names":["b"],"action":"SCMP_ACT_ERRNO","errno":"ENOSYS","includes":{"minKernel":"6.2"}},)"
        R"({"names":["b"],"action":"SCMP_ACT_LOG","excludes":{"minKernel":"6.2"}},)"
        R"({"names":["c"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_KILL","CAP_BPF"]}},)"
        R"({"names":["d"],"action":"SCMP_ACT_ALLOW","excludes":{"arches":["amd64"]}}]})";
    const auto old_kernel = ParseSeccompProfile(profile, {"CAP_KILL"}, "amd64", kKernel);
    REQUIRE_MESSAGE(old_kernel.ok(), old_kernel.status().message());
    CHECK(old_kernel->default_errno_ret == EPERM);
    CHECK(ActionsFor(*old_kernel, "a").size() == 1);
    CHECK(ActionsFor(*old_kernel, "b") == std::vector<std::string>{"SCMP_ACT_LOG"});
    CHECK(ActionsFor(*old_kernel, "c").empty());
    CHECK(ActionsFor(*old_kernel, "d").empty());
    const auto new_kernel = ParseSeccompProfile(profile, {"CAP_KILL", "CAP_BPF"}, "arm64", {6, 10});
    CHECK(ActionsFor(*new_kernel, "b") == std::vector<std::string>{"SCMP_ACT_ERRNO"});
    CHECK(new_kernel->syscalls[1].errno_ret == ENOSYS);
    CHECK(ActionsFor(*new_kernel, "c").size() == 1);
    CHECK(ActionsFor(*new_kernel, "d").size() == 1);
  }
  TEST_CASE("a plain linux.seccomp is read as it is") {
    const auto plain = ParseSeccompProfile(
        R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"flags":["SECCOMP_FILTER_FLAG_LOG"],)"
        R"("syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":13}]})",
        {}, "amd64", kKernel);
    REQUIRE(plain.ok());
    CHECK(plain->architectures == std::vector<std::string>{"SCMP_ARCH_X86"});
    CHECK(plain->flags.size() == 1);
    CHECK(plain->syscalls[0].errno_ret == 13);
  }
  TEST_CASE("errors name the member") {
    const auto error = [](absl::string_view json) {
      return std::string(ParseSeccompProfile(json, {}, "amd64", kKernel).status().message());
    };
    CHECK(error("{}") == "defaultAction: missing");
    CHECK(error(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"action":"SCMP_ACT_LOG"}]})") ==
          "syscalls[0].names: empty");
    CHECK(
        error(
            R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","errno":"EX"}]})") ==
        R"(syscalls[0]: errno: "EX" is no error's name)");
    CHECK(error(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG",)"
                R"("includes":{"minKernel":"x"}}]})") ==
          R"(syscalls[0]: minKernel: "x" is not a version such as 4.8)");
  }
}

}  // namespace
}  // namespace coracle::oci
