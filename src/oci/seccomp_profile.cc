#include "oci/seccomp_profile.h"

#include <cstring>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/status.h"
#include "oci/capability_names.h"
#include "oci/json_codec.h"
#include "oci/runtime_spec_seccomp.h"

namespace coracle::oci {

struct ProfileCondition {
  std::vector<std::string> capabilities, arches;
  std::string min_kernel;
};

template <typename Codec>
void Members(Codec& codec, ProfileCondition& condition) {
  codec.Member("caps", condition.capabilities);
  codec.Member("arches", condition.arches);
  codec.Member("minKernel", condition.min_kernel);
}

struct ProfileRule {
  std::string name;  // the old form, of one
  std::vector<std::string> names;
  std::string action, errno_name;
  std::optional<uint32_t> errno_ret;
  std::vector<SeccompArg> args;
  ProfileCondition includes, excludes;
};

template <typename Codec>
void Members(Codec& codec, ProfileRule& rule) {
  codec.Member("name", rule.name);
  codec.Member("names", rule.names);
  codec.Check(rule.name.empty() || rule.names.empty(), "names", "given beside \"name\"");
  codec.Check(!rule.name.empty() || !rule.names.empty(), "names", "empty");
  codec.Required("action", rule.action);
  CheckSeccompAction(codec, "action", rule.action);
  codec.Member("errno", rule.errno_name);
  codec.Member("errnoRet", rule.errno_ret);
  codec.Member("args", rule.args);
  codec.Member("includes", rule.includes);
  codec.Member("excludes", rule.excludes);
}

struct ProfileArchitecture {
  std::string architecture;
  std::vector<std::string> compatible;
};

template <typename Codec>
void Members(Codec& codec, ProfileArchitecture& arch) {
  codec.Required("architecture", arch.architecture);
  codec.Member("subArchitectures", arch.compatible);
}

struct Profile {
  std::string default_action, default_errno_name;
  std::optional<uint32_t> default_errno_ret;
  std::vector<std::string> architectures, flags;
  std::vector<ProfileArchitecture> arch_map;
  std::string listener_path, listener_metadata;
  std::vector<ProfileRule> rules;
};

template <typename Codec>
void Members(Codec& codec, Profile& profile) {
  codec.Required("defaultAction", profile.default_action);
  CheckSeccompAction(codec, "defaultAction", profile.default_action);
  codec.Member("defaultErrno", profile.default_errno_name);
  codec.Member("defaultErrnoRet", profile.default_errno_ret);
  codec.Member("architectures", profile.architectures);
  codec.Member("archMap", profile.arch_map);
  codec.Check(profile.architectures.empty() || profile.arch_map.empty(), "archMap",
              "given beside \"architectures\"");
  codec.Member("flags", profile.flags);
  codec.Member("listenerPath", profile.listener_path);
  codec.Member("listenerMetadata", profile.listener_metadata);
  codec.Member("syscalls", profile.rules);
}

namespace {

#include "seccomp_default.inc"

// Names of one architecture: in images and in libseccomp.
struct ArchName {
  absl::string_view image, seccomp;
};
constexpr ArchName kArchNames[] = {
    {"386", "SCMP_ARCH_X86"},       {"amd64", "SCMP_ARCH_X86_64"},        {"arm", "SCMP_ARCH_ARM"},
    {"arm64", "SCMP_ARCH_AARCH64"}, {"loong64", "SCMP_ARCH_LOONGARCH64"}, {"mips", "SCMP_ARCH_MIPS"},
    {"mips64", "SCMP_ARCH_MIPS64"}, {"mips64le", "SCMP_ARCH_MIPSEL64"},   {"mipsle", "SCMP_ARCH_MIPSEL"},
    {"ppc64", "SCMP_ARCH_PPC64"},   {"ppc64le", "SCMP_ARCH_PPC64LE"},     {"riscv64", "SCMP_ARCH_RISCV64"},
    {"s390x", "SCMP_ARCH_S390X"},
};

struct Target {
  absl::Span<const std::string> capabilities;
  absl::string_view arch;
  KernelVersion kernel;
};

// Profiles call 386 "x86".
bool NamesArch(const std::vector<std::string>& arches, absl::string_view arch) {
  return absl::c_linear_search(arches, arch == "386" ? "x86" : arch);
}

absl::StatusOr<bool> KernelAtLeast(const std::string& minimum, KernelVersion kernel) {
  const std::vector<std::string> parts = absl::StrSplit(minimum, '.');
  int major = 0, minor = 0;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &major) || !absl::SimpleAtoi(parts[1], &minor)) {
    return absl::InvalidArgumentError(
        absl::StrCat("minKernel: \"", minimum, "\" is not a version such as 4.8"));
  }
  return kernel.major > major || (kernel.major == major && kernel.minor >= minor);
}

// A rule applies if all that it includes holds and nothing that it excludes does.
absl::StatusOr<bool> Applies(const ProfileRule& rule, const Target& target) {
  const auto has = [&](const std::string& name) { return absl::c_linear_search(target.capabilities, name); };
  const ProfileCondition& in = rule.includes;
  const ProfileCondition& out = rule.excludes;
  if (!absl::c_all_of(in.capabilities, has) || absl::c_any_of(out.capabilities, has)) return false;
  if (!in.arches.empty() && !NamesArch(in.arches, target.arch)) return false;
  if (NamesArch(out.arches, target.arch)) return false;
  if (!in.min_kernel.empty()) {
    ASSIGN_OR_RETURN(const bool reached, KernelAtLeast(in.min_kernel, target.kernel));
    if (!reached) return false;
  }
  if (!out.min_kernel.empty()) {
    ASSIGN_OR_RETURN(const bool reached, KernelAtLeast(out.min_kernel, target.kernel));
    if (reached) return false;
  }
  return true;
}

// The number for "EPERM" or "1"; `number` as it is if `name` is empty.
absl::StatusOr<std::optional<uint32_t>> ErrnoNumber(const std::string& name, std::optional<uint32_t> number) {
  constexpr int kMaxErrno = 4095;  // include/linux/err.h, MAX_ERRNO
  if (name.empty()) return number;
  uint32_t parsed = 0;
  if (absl::SimpleAtoi(name, &parsed) && parsed <= kMaxErrno) return parsed;
  for (int error = 1; error <= kMaxErrno; ++error) {
    const char* known = strerrorname_np(error);
    if (known != nullptr && name == known) return static_cast<uint32_t>(error);
  }
  return absl::InvalidArgumentError(absl::StrCat("errno: \"", name, "\" is no error's name"));
}

std::vector<std::string> Architectures(const Profile& profile, absl::string_view arch) {
  std::vector<std::string> result = profile.architectures;
  for (const ArchName& name : kArchNames) {
    if (name.image != arch) continue;
    for (const ProfileArchitecture& entry : profile.arch_map) {
      if (entry.architecture != name.seccomp) continue;
      result.push_back(entry.architecture);
      result.insert(result.end(), entry.compatible.begin(), entry.compatible.end());
    }
  }
  return result;
}

absl::StatusOr<Seccomp> Resolve(Profile profile, const Target& target) {
  Seccomp result;
  result.default_action = profile.default_action;
  ASSIGN_OR_RETURN(result.default_errno_ret,
                   ErrnoNumber(profile.default_errno_name, profile.default_errno_ret), "default");
  result.architectures = Architectures(profile, target.arch);
  result.flags = std::move(profile.flags);
  result.listener_path = std::move(profile.listener_path);
  result.listener_metadata = std::move(profile.listener_metadata);
  for (size_t i = 0; i < profile.rules.size(); ++i) {
    ProfileRule& rule = profile.rules[i];
    ASSIGN_OR_RETURN(const bool applies, Applies(rule, target), "syscalls[", i, "]");
    if (!applies) continue;
    SeccompSyscall& syscall = result.syscalls.emplace_back();
    syscall.names = std::move(rule.names);
    if (!rule.name.empty()) syscall.names.push_back(std::move(rule.name));
    syscall.action = std::move(rule.action);
    ASSIGN_OR_RETURN(syscall.errno_ret, ErrnoNumber(rule.errno_name, rule.errno_ret), "syscalls[", i, "]");
    syscall.args = std::move(rule.args);
  }
  return result;
}

}  // namespace

absl::StatusOr<Seccomp> ParseSeccompProfile(absl::string_view json,
                                            absl::Span<const std::string> capabilities,
                                            absl::string_view arch, KernelVersion kernel) {
  if (json.size() > kMaxSeccompProfileBytes) {
    return absl::InvalidArgumentError(absl::StrCat("larger than ", kMaxSeccompProfileBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const Json document, ParseJson(json));
  Profile profile;
  JsonReader reader(document, "", JsonLimits{});
  RETURN_IF_ERROR(reader.ReadDocument(profile));
  return Resolve(std::move(profile), Target{capabilities, arch, kernel});
}

Seccomp DefaultSeccomp(absl::Span<const std::string> capabilities, absl::string_view arch,
                       KernelVersion kernel) {
  // The embedded text was read by the unit tests of this build: it cannot be in error.
  return ParseSeccompProfile(kDefaultProfile, capabilities, arch, kernel).value();
}

std::string DefaultSeccompKey(absl::Span<const std::string> capabilities, absl::string_view arch,
                              KernelVersion kernel) {
  return absl::StrCat("default-", kDefaultProfileHash, "-", arch, "-", kernel.major, ".", kernel.minor, "-",
                      absl::Hex(CapabilityMask(capabilities)));
}

}  // namespace coracle::oci
