#include "oci/capability_names.h"

#include <linux/capability.h>

#include "doctest/doctest.h"

namespace coracle::oci {
namespace {

using Names = std::vector<std::string>;

TEST_SUITE("oci/capability_names") {
  TEST_CASE("names stand at the kernel's bits") {
    CHECK(CapabilityBit("CAP_CHOWN") == CAP_CHOWN);
    CHECK(CapabilityBit("CAP_SYS_ADMIN") == CAP_SYS_ADMIN);
    CHECK(CapabilityBit("CAP_SETFCAP") == CAP_SETFCAP);
    CHECK(CapabilityBit("CAP_AUDIT_READ") == CAP_AUDIT_READ);
    CHECK(CapabilityBit("CAP_CHECKPOINT_RESTORE") == CAP_CHECKPOINT_RESTORE);
    CHECK_FALSE(CapabilityBit("chown").has_value());
    CHECK(CapabilityName(CAP_BPF) == "CAP_BPF");
    CHECK(AllCapabilities().size() == CAP_LAST_CAP + 1);
    CHECK(CapabilityMask({"CAP_CHOWN", "CAP_KILL", "CAP_NONE"}) == 0x21);
  }
  TEST_CASE("names are read without prefix and in any case") {
    CHECK(NormalizeCapability("net_raw").value() == "CAP_NET_RAW");
    CHECK(NormalizeCapability("Cap_Net_Raw").value() == "CAP_NET_RAW");
    CHECK(NormalizeCapability("all").value() == "ALL");
    CHECK(NormalizeCapability("FOO").status().message() == "unknown capability \"FOO\"");
    CHECK_FALSE(NormalizeCapability("").ok());
    CHECK_FALSE(NormalizeCapability("CAP_ALL").ok());
  }
  TEST_CASE("add and drop change the base") {
    const Names base = {"CAP_KILL", "CAP_CHOWN"};
    CHECK(MergeCapabilities(base, {}, {}, false).value() == Names{"CAP_CHOWN", "CAP_KILL"});
    CHECK(MergeCapabilities(base, {"sys_time"}, {"chown"}, false).value() ==
          Names{"CAP_KILL", "CAP_SYS_TIME"});
    CHECK(MergeCapabilities(base, {"bpf"}, {"ALL"}, false).value() == Names{"CAP_BPF"});
    const Names most = MergeCapabilities(base, {"all"}, {"kill"}, false).value();
    CHECK(most.size() == kCapabilityCount - 1);
    CHECK(MergeCapabilities(base, {}, {}, true).value() == AllCapabilities());
    CHECK(MergeCapabilities(base, {}, {"kill"}, true).value() == most);
  }
  TEST_CASE("contradictions and unknown names are errors") {
    CHECK(MergeCapabilities({}, {"kill"}, {"CAP_KILL"}, false).status().message() ==
          "capability CAP_KILL is both added and dropped");
    CHECK_FALSE(MergeCapabilities({}, {"all"}, {"all"}, false).ok());
    CHECK_FALSE(MergeCapabilities({}, {"nope"}, {}, false).ok());
    CHECK_FALSE(MergeCapabilities({}, {}, {"nope"}, true).ok());
  }
}

}  // namespace
}  // namespace coracle::oci
