#include "runtime/seccomp_enosys.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

namespace coracle::runtime {
namespace {

// x32 calls carry this bit and x86_64's audit architecture.
constexpr uint32_t kX32Bit = 0x40000000;

// The highest number that the profile names on `arch`, or -1.
int HighestNumber(const oci::Seccomp& profile, uint32_t arch) {
  int highest = -1;
  for (const oci::SeccompSyscall& call : profile.syscalls) {
    for (const std::string& name : call.names) {
      highest = std::max(highest, seccomp_syscall_resolve_name_arch(arch, name.c_str()));
    }
  }
  return highest;
}

sock_filter Statement(uint16_t code, uint32_t k) { return sock_filter{code, 0, 0, k}; }
sock_filter Jump(uint16_t code, uint32_t k, uint8_t jt, uint8_t jf) { return sock_filter{code, jt, jf, k}; }

}  // namespace

// Per architecture:         jeq ARCH ? next : over the block
//                           ld  nr
//   (x86_64 only)           jge X32BIT ? to the program : next    x32 keeps the profile's own answer
//                           jgt HIGHEST ? next : to the program
//                           ret ENOSYS
void PrependEnosys(const oci::Seccomp& profile, absl::Span<const uint32_t> architectures,
                   std::vector<sock_filter>* program) {
  std::vector<sock_filter> stub;
  stub.push_back(Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  std::vector<size_t> to_program;  // jumps whose target is the end of the stub
  for (const uint32_t arch : architectures) {
    if (arch == SCMP_ARCH_X32) continue;
    const int highest = HighestNumber(profile, arch);
    if (highest < 0) continue;
    const bool x86_64 = arch == SCMP_ARCH_X86_64;
    stub.push_back(Jump(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, x86_64 ? 4 : 3));
    stub.push_back(Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    if (x86_64) {
      to_program.push_back(stub.size());
      stub.push_back(Jump(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 0, 0));
    }
    to_program.push_back(stub.size());
    stub.push_back(Jump(BPF_JMP | BPF_JGT | BPF_K, static_cast<uint32_t>(highest), 0, 0));
    stub.push_back(Statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  }
  // A jump offset has 8 bits; libseccomp knows 20 architectures, five instructions each.
  if (stub.size() == 1 || stub.size() > 250) return;
  for (const size_t at : to_program) {
    const uint8_t distance = static_cast<uint8_t>(stub.size() - at - 1);
    if (BPF_OP(stub[at].code) == BPF_JGE) {
      stub[at].jt = distance;
    } else {
      stub[at].jf = distance;
    }
  }
  program->insert(program->begin(), stub.begin(), stub.end());
}

}  // namespace coracle::runtime
