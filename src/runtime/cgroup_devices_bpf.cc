// The BPF_PROG_TYPE_CGROUP_DEVICE program of cgroup v2, written instruction by instruction and loaded by
// bpf(2).
//
// The context is {u32 access_type = access << 16 | type, u32 major, u32 minor}; the program returns 1 to
// allow. Rules are tried from the last to the first, so that the first that decides is the one the list ends
// with. A request for several accesses ("rw") may be allowed by several rules: r2 holds what is still
// undecided, each allowing rule takes its bits away, and a denying rule that names any bit left ends it.
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/unique_fd.h"
#include "runtime/cgroup_devices.h"

namespace coracle::runtime {
namespace {

constexpr size_t kMaxRules = 4096;
constexpr int32_t kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

bpf_insn Instruction(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm) {
  bpf_insn i = {};
  i.code = code;
  i.dst_reg = dst & 0xf;
  i.src_reg = src & 0xf;
  i.off = off;
  i.imm = imm;
  return i;
}
bpf_insn Load32(uint8_t dst, uint8_t src, int16_t off) {
  return Instruction(BPF_LDX | BPF_MEM | BPF_W, dst, src, off, 0);
}
bpf_insn Alu(uint8_t op, uint8_t dst, int32_t imm) {
  return Instruction(BPF_ALU64 | op | BPF_K, dst, 0, 0, imm);
}
bpf_insn Exit() { return Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

class Builder {
 public:
  Builder() {
    code_ = {Load32(BPF_REG_3, BPF_REG_1, offsetof(bpf_cgroup_dev_ctx, access_type)),
             Instruction(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_3, 0, 0),
             Alu(BPF_RSH, BPF_REG_2, 16),
             Alu(BPF_AND, BPF_REG_3, 0xffff),
             Load32(BPF_REG_4, BPF_REG_1, offsetof(bpf_cgroup_dev_ctx, major)),
             Load32(BPF_REG_5, BPF_REG_1, offsetof(bpf_cgroup_dev_ctx, minor))};
  }
  // Leaves the current rule unless `reg` equals / differs from `value`.
  void NextUnlessEqual(uint8_t reg, int32_t value) { Branch(BPF_JNE, reg, value); }
  void NextIfEqual(uint8_t reg, int32_t value) { Branch(BPF_JEQ, reg, value); }
  void Emit(const bpf_insn& i) { code_.push_back(i); }
  void Return(bool allow) {
    code_.push_back(Alu(BPF_MOV, BPF_REG_0, allow ? 1 : 0));
    code_.push_back(Exit());
  }
  void EndRule() {
    for (const size_t at : open_) code_[at].off = static_cast<int16_t>(code_.size() - at - 1);
    open_.clear();
  }
  std::vector<bpf_insn> Take() { return std::move(code_); }

 private:
  void Branch(uint8_t op, uint8_t reg, int32_t value) {
    open_.push_back(code_.size());
    code_.push_back(Instruction(BPF_JMP | op | BPF_K, reg, 0, 0, value));
  }
  std::vector<bpf_insn> code_;
  std::vector<size_t> open_;  // branches to the next rule
};

absl::StatusOr<int32_t> AccessBits(absl::string_view access) {
  if (access.empty()) return kAllAccess;
  int32_t bits = 0;
  for (const char c : access) {
    if (c != 'r' && c != 'w' && c != 'm') {
      return absl::InvalidArgumentError(absl::StrCat("device access '", access, "': not of r, w and m"));
    }
    bits |= c == 'r' ? BPF_DEVCG_ACC_READ : c == 'w' ? BPF_DEVCG_ACC_WRITE : BPF_DEVCG_ACC_MKNOD;
  }
  return bits;
}

// True if the rule matches everything: what stands before it in the list is never reached.
absl::StatusOr<bool> AddRule(const oci::DeviceCgroupRule& rule, Builder* out) {
  ASSIGN_OR_RETURN(const int32_t bits, AccessBits(rule.access));
  const bool any_type = rule.type.empty() || rule.type == "a";
  if (!any_type && rule.type != "b" && rule.type != "c") {
    return absl::InvalidArgumentError(absl::StrCat("device type '", rule.type, "': not a, b or c"));
  }
  const bool any_major = rule.major.value_or(-1) < 0, any_minor = rule.minor.value_or(-1) < 0;
  if (rule.major.value_or(0) > INT32_MAX || rule.minor.value_or(0) > INT32_MAX) {
    return absl::InvalidArgumentError("device number: above 2147483647");
  }
  if (!any_type) {
    out->NextUnlessEqual(BPF_REG_3, rule.type == "b" ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  }
  if (!any_major) out->NextUnlessEqual(BPF_REG_4, static_cast<int32_t>(*rule.major));
  if (!any_minor) out->NextUnlessEqual(BPF_REG_5, static_cast<int32_t>(*rule.minor));
  if (bits != kAllAccess) {
    if (rule.allow) {
      out->Emit(Alu(BPF_AND, BPF_REG_2, ~bits));
      out->NextUnlessEqual(BPF_REG_2, 0);
    } else {
      out->Emit(Instruction(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_0, BPF_REG_2, 0, 0));
      out->Emit(Alu(BPF_AND, BPF_REG_0, bits));
      out->NextIfEqual(BPF_REG_0, 0);
    }
  }
  out->Return(rule.allow);
  out->EndRule();
  return any_type && any_major && any_minor && bits == kAllAccess;
}

long Bpf(int command, bpf_attr* attr) { return syscall(SYS_bpf, command, attr, sizeof(*attr)); }

// Ids of the device programs attached to this cgroup itself.
std::vector<uint32_t> AttachedPrograms(int cgroup_fd) {
  std::vector<uint32_t> ids(64);
  bpf_attr attr = {};
  attr.query.target_fd = static_cast<uint32_t>(cgroup_fd);
  attr.query.attach_type = BPF_CGROUP_DEVICE;
  attr.query.prog_ids = reinterpret_cast<uint64_t>(ids.data());
  attr.query.prog_cnt = static_cast<uint32_t>(ids.size());
  if (Bpf(BPF_PROG_QUERY, &attr) != 0) return {};
  ids.resize(attr.query.prog_cnt);
  return ids;
}

os::UniqueFd ProgramById(uint32_t id) {
  bpf_attr attr = {};
  attr.prog_id = id;
  return os::UniqueFd(static_cast<int>(Bpf(BPF_PROG_GET_FD_BY_ID, &attr)));
}

}  // namespace

absl::StatusOr<std::vector<bpf_insn>> BuildDeviceProgram(const std::vector<oci::DeviceCgroupRule>& rules) {
  if (rules.size() > kMaxRules) {
    return absl::InvalidArgumentError(absl::StrCat("device rules: ", rules.size(), ", at most ", kMaxRules));
  }
  Builder builder;
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    ASSIGN_OR_RETURN(const bool matches_all, AddRule(*rule, &builder));
    if (matches_all) return builder.Take();
  }
  builder.Return(/*allow=*/true);
  return builder.Take();
}

absl::Status AttachDeviceProgram(int cgroup_fd, const std::vector<bpf_insn>& program) {
  static constexpr char kLicense[] = "Apache";
  bpf_attr load = {};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<uint64_t>(program.data());
  load.insn_cnt = static_cast<uint32_t>(program.size());
  load.license = reinterpret_cast<uint64_t>(kLicense);
  const os::UniqueFd fd(static_cast<int>(Bpf(BPF_PROG_LOAD, &load)));
  if (!fd.valid()) return ErrnoStatus(errno, "load device filter");
  const std::vector<uint32_t> old_ids = AttachedPrograms(cgroup_fd);
  std::vector<os::UniqueFd> old;
  for (const uint32_t id : old_ids) old.push_back(ProgramById(id));
  bpf_attr attach = {};
  attach.target_fd = static_cast<uint32_t>(cgroup_fd);
  attach.attach_bpf_fd = static_cast<uint32_t>(fd.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  // With one program in place it is replaced in one step; else the new one is added first and all have to
  // allow, so that no moment is more open than before and after.
  const bool replace = old.size() == 1 && old[0].valid();
  if (replace) {
    attach.attach_flags |= BPF_F_REPLACE;
    attach.replace_bpf_fd = static_cast<uint32_t>(old[0].get());
  }
  if (Bpf(BPF_PROG_ATTACH, &attach) != 0) return ErrnoStatus(errno, "attach device filter");
  if (replace) return absl::OkStatus();
  for (const os::UniqueFd& program_fd : old) {
    bpf_attr detach = {};
    detach.target_fd = static_cast<uint32_t>(cgroup_fd);
    detach.attach_bpf_fd = static_cast<uint32_t>(program_fd.get());
    detach.attach_type = BPF_CGROUP_DEVICE;
    if (!program_fd.valid() || Bpf(BPF_PROG_DETACH, &detach) != 0) {
      return ErrnoStatus(errno, "detach old device filter");
    }
  }
  return absl::OkStatus();
}

}  // namespace coracle::runtime
