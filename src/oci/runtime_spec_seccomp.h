// The members of config.json's `linux.seccomp`. For runtime_spec.cc and seccomp_profile.cc only.
// Source: runtime-spec config-linux.md, "Seccomp"; schema/defs-linux.json.
//
// Architectures and flags are left to the filter's compiler, which knows what libseccomp and the kernel
// support.
#ifndef CORACLE_OCI_RUNTIME_SPEC_SECCOMP_H_
#define CORACLE_OCI_RUNTIME_SPEC_SECCOMP_H_

#include "oci/runtime_spec.h"

namespace coracle::oci {

template <typename Codec>
void CheckSeccompAction(Codec& codec, const char* name, const std::string& action) {
  codec.OneOf(name, action,
              {"SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
               "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY"});
}

template <typename Codec>
void Members(Codec& codec, SeccompArg& arg) {
  codec.Required("index", arg.index);
  codec.Check(arg.index < 6, "index", "not a number from 0 to 5");  // system calls have six arguments
  codec.Required("value", arg.value);
  codec.Member("valueTwo", arg.value_two);
  codec.Required("op", arg.op);
  codec.OneOf("op", arg.op,
              {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
               "SCMP_CMP_MASKED_EQ"});
}

template <typename Codec>
void Members(Codec& codec, SeccompSyscall& syscall) {
  codec.Required("names", syscall.names);
  codec.Check(!syscall.names.empty(), "names", "empty");
  codec.Required("action", syscall.action);
  CheckSeccompAction(codec, "action", syscall.action);
  codec.Member("errnoRet", syscall.errno_ret);
  codec.Member("args", syscall.args);
}

template <typename Codec>
void Members(Codec& codec, Seccomp& seccomp) {
  codec.Required("defaultAction", seccomp.default_action);
  CheckSeccompAction(codec, "defaultAction", seccomp.default_action);
  codec.Member("defaultErrnoRet", seccomp.default_errno_ret);
  codec.Member("architectures", seccomp.architectures);
  codec.Member("flags", seccomp.flags);
  codec.Member("listenerPath", seccomp.listener_path);
  codec.Member("listenerMetadata", seccomp.listener_metadata);
  codec.Member("syscalls", seccomp.syscalls);
}

}  // namespace coracle::oci

#endif  // CORACLE_OCI_RUNTIME_SPEC_SECCOMP_H_
