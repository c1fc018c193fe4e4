#include "runtime/cgroup_devices.h"

#include "absl/strings/str_join.h"
#include "doctest/doctest.h"

namespace coracle::runtime {
namespace {

oci::DeviceCgroupRule Rule(bool allow, const char* type, int64_t major, int64_t minor, const char* access) {
  oci::DeviceCgroupRule rule;
  rule.allow = allow;
  rule.type = type;
  if (major >= 0) rule.major = major;
  if (minor >= 0) rule.minor = minor;
  rule.access = access;
  return rule;
}

std::string Plan(const std::vector<oci::DeviceCgroupRule>& rules, absl::string_view current = "a *:* rwm\n") {
  absl::StatusOr<std::vector<DeviceWrite>> plan = PlanDevicesV1(rules, current);
  if (!plan.ok()) return std::string(plan.status().message());
  return absl::StrJoin(*plan, "; ", [](std::string* out, const DeviceWrite& w) {
    absl::StrAppend(out, w.allow ? "+" : "-", w.value);
  });
}

// Runs the few instructions that BuildDeviceProgram emits.
bool Allowed(const std::vector<oci::DeviceCgroupRule>& rules, uint32_t type, uint32_t access, uint32_t major,
             uint32_t minor) {
  const std::vector<bpf_insn> code = BuildDeviceProgram(rules).value();
  const uint32_t context[3] = {access << 16 | type, major, minor};
  uint64_t r[11] = {};
  for (size_t pc = 0; pc < code.size(); ++pc) {
    const bpf_insn& i = code[pc];
    const uint64_t imm = static_cast<uint64_t>(static_cast<int64_t>(i.imm));
    switch (i.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        r[i.dst_reg] = context[i.off / 4];
        break;
      case BPF_ALU64 | BPF_MOV | BPF_X:
        r[i.dst_reg] = r[i.src_reg];
        break;
      case BPF_ALU64 | BPF_MOV | BPF_K:
        r[i.dst_reg] = imm;
        break;
      case BPF_ALU64 | BPF_RSH | BPF_K:
        r[i.dst_reg] >>= imm;
        break;
      case BPF_ALU64 | BPF_AND | BPF_K:
        r[i.dst_reg] &= imm;
        break;
      case BPF_JMP | BPF_JNE | BPF_K:
        if (r[i.dst_reg] != imm) pc += static_cast<size_t>(i.off);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        if (r[i.dst_reg] == imm) pc += static_cast<size_t>(i.off);
        break;
      case BPF_JMP | BPF_EXIT:
        return r[0] != 0;
      default:
        FAIL("unexpected instruction");
        return false;
    }
  }
  FAIL("ran off the end");
  return false;
}

constexpr uint32_t kMknod = BPF_DEVCG_ACC_MKNOD, kRead = BPF_DEVCG_ACC_READ, kWrite = BPF_DEVCG_ACC_WRITE;
constexpr uint32_t kBlock = BPF_DEVCG_DEV_BLOCK, kChar = BPF_DEVCG_DEV_CHAR;

}  // namespace

TEST_SUITE("runtime/cgroup_devices") {
  TEST_CASE("v1: deny all and allow some") {
    CHECK(Plan({Rule(false, "a", -1, -1, "rwm"), Rule(true, "c", 1, 3, "rw"), Rule(true, "c", 1, 3, "m"),
                Rule(true, "b", 8, -1, "r")}) == "-a; +c 1:3 rwm; +b 8:* r");
    CHECK(Plan({Rule(false, "", -1, -1, "")}) == "-a");
    CHECK(Plan({Rule(true, "a", -1, -1, "rwm")}).empty());
    CHECK(Plan({Rule(false, "c", 10, 200, "w")}) == "-c 10:200 w");
  }

  TEST_CASE("v1: an update writes the difference only") {
    CHECK(Plan({Rule(false, "a", -1, -1, "rwm"), Rule(true, "c", 1, 3, "rwm"), Rule(true, "c", 1, 5, "r")},
               "c 1:3 rwm\nc 5:0 rwm\nc 1:5 rw\n") == "-c 1:5 rw; -c 5:0 rwm; +c 1:5 r");
    CHECK(Plan({Rule(true, "a", -1, -1, "rwm")}, "c 1:3 rwm\n") == "+a");
    CHECK(Plan({Rule(false, "a", -1, -1, "rwm")}, "").empty());
  }

  TEST_CASE("v1: a later rule takes back an earlier one, and a part of a wider one is refused") {
    CHECK(Plan({Rule(false, "a", -1, -1, "rwm"), Rule(true, "c", 1, 3, "rwm"),
                Rule(false, "c", 1, -1, "w")}) == "-a; +c 1:3 rm");
    CHECK(
        Plan({Rule(false, "a", -1, -1, "rwm"), Rule(true, "c", 1, -1, "rwm"), Rule(false, "c", 1, 3, "w")}) ==
        "device rule 'c 1:3 w': cgroup v1 cannot take it out of the wider rule 'c 1:* rwm'");
    CHECK(Plan({Rule(false, "a", -1, -1, "rwm"), Rule(true, "a", 7, -1, "r")}) == "-a; +b 7:* r; +c 7:* r");
    CHECK(PlanDevicesV1({Rule(false, "x", 1, 1, "r")}, "").status().code() ==
          absl::StatusCode::kInvalidArgument);
    CHECK(PlanDevicesV1({Rule(false, "c", 1, 1, "x")}, "").status().code() ==
          absl::StatusCode::kInvalidArgument);
  }

  TEST_CASE("v2: the last rule that matches decides") {
    const std::vector<oci::DeviceCgroupRule> rules = {
        Rule(false, "a", -1, -1, "rwm"), Rule(true, "c", 1, 3, "rw"), Rule(true, "b", 8, -1, "r"),
        Rule(true, "c", 7, -1, "rwm"), Rule(false, "c", 7, 2, "w")};
    CHECK(Allowed(rules, kChar, kRead | kWrite, 1, 3));
    CHECK_FALSE(Allowed(rules, kChar, kRead | kMknod, 1, 3));
    CHECK_FALSE(Allowed(rules, kBlock, kRead, 1, 3));
    CHECK(Allowed(rules, kBlock, kRead, 8, 77));
    CHECK_FALSE(Allowed(rules, kBlock, kWrite, 8, 77));
    CHECK(Allowed(rules, kChar, kRead | kWrite | kMknod, 7, 1));
    CHECK(Allowed(rules, kChar, kRead, 7, 2));
    CHECK_FALSE(Allowed(rules, kChar, kRead | kWrite, 7, 2));
    CHECK_FALSE(Allowed(rules, kChar, kRead, 9, 9));
  }

  TEST_CASE("v2: accesses allowed by two rules add up, and no rule allows") {
    const std::vector<oci::DeviceCgroupRule> rules = {Rule(false, "a", -1, -1, "rwm"),
                                                      Rule(true, "c", 1, 3, "r"), Rule(true, "c", 1, 3, "w")};
    CHECK(Allowed(rules, kChar, kRead | kWrite, 1, 3));
    CHECK_FALSE(Allowed(rules, kChar, kRead | kWrite | kMknod, 1, 3));
    CHECK(Allowed({Rule(false, "c", 1, 3, "w")}, kChar, kRead, 1, 3));
    CHECK_FALSE(Allowed({Rule(false, "c", 1, 3, "w")}, kChar, kWrite, 1, 3));
    CHECK(Allowed({Rule(false, "c", 1, 3, "w")}, kBlock, kWrite, 1, 3));
  }

  TEST_CASE("the defaults follow a list and never stand alone") {
    CHECK(WithDefaultDevices({}).empty());
    const std::vector<oci::DeviceCgroupRule> rules = WithDefaultDevices({Rule(false, "a", -1, -1, "rwm")});
    CHECK(Allowed(rules, kChar, kRead | kWrite, 1, 3));
    CHECK(Allowed(rules, kChar, kRead | kWrite, 136, 5));
    CHECK(Allowed(rules, kBlock, kMknod, 8, 0));
    CHECK_FALSE(Allowed(rules, kBlock, kRead, 8, 0));
    CHECK_FALSE(Allowed(rules, kChar, kRead, 1, 1));
  }
}
}  // namespace coracle::runtime
