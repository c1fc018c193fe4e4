#include "runtime/features.h"

#include <seccomp.h>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "oci/capability_names.h"
#include "runtime/mount_options.h"

namespace coracle::runtime {
namespace {

Json Seccomp() {
  Json seccomp = Json::object();
  seccomp["enabled"] = true;
  seccomp["actions"] = {"SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO",       "SCMP_ACT_KILL",
                        "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                        "SCMP_ACT_NOTIFY",       "SCMP_ACT_TRACE",       "SCMP_ACT_TRAP"};
  seccomp["operators"] = {"SCMP_CMP_EQ", "SCMP_CMP_GE",        "SCMP_CMP_GT", "SCMP_CMP_LE",
                          "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"};
  seccomp["archs"] = {"SCMP_ARCH_AARCH64",  "SCMP_ARCH_ARM",         "SCMP_ARCH_MIPS",
                      "SCMP_ARCH_MIPS64",   "SCMP_ARCH_MIPS64N32",   "SCMP_ARCH_MIPSEL",
                      "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
                      "SCMP_ARCH_PPC64",    "SCMP_ARCH_PPC64LE",     "SCMP_ARCH_RISCV64",
                      "SCMP_ARCH_S390",     "SCMP_ARCH_S390X",       "SCMP_ARCH_X32",
                      "SCMP_ARCH_X86",      "SCMP_ARCH_X86_64"};
  const Json flags = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                      "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
  seccomp["knownFlags"] = flags;
  seccomp["supportedFlags"] = flags;
  return seccomp;
}

}  // namespace

std::string FeaturesDocument(int indent) {
  Json document = Json::object();
  document["ociVersionMin"] = "1.0.0";
  document["ociVersionMax"] = "1.2.0";
  document["hooks"] = {"prestart",       "createRuntime", "createContainer",
                       "startContainer", "poststart",     "poststop"};
  document["mountOptions"] = KnownMountOptions();
  Json& config = document["linux"] = Json::object();
  config["namespaces"] = {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"};
  config["capabilities"] = oci::AllCapabilities();
  config["cgroup"] = {{"v1", true}, {"v2", true}, {"systemd", true}, {"systemdUser", true}, {"rdma", true}};
  config["seccomp"] = Seccomp();
  config["apparmor"] = {{"enabled", true}};
  config["selinux"] = {{"enabled", true}};
  config["intelRdt"] = {{"enabled", false}};
  config["mountExtensions"] = {{"idmap", {{"enabled", true}}}};
  config["netDevices"] = {{"enabled", false}};
  const scmp_version* version = seccomp_version();
  document["annotations"] = {{"io.github.seccomp.libseccomp.version",
                              absl::StrCat(version->major, ".", version->minor, ".", version->micro)}};
  return DumpJson(document, indent);
}

}  // namespace coracle::runtime
