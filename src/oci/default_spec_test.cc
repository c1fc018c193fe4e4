#include "oci/default_spec.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "doctest/doctest.h"
#include "oci/capability_names.h"

namespace coracle::oci {
namespace {

bool HasNamespace(const Spec& spec, absl::string_view type) {
  return absl::c_any_of(spec.linux_config.namespaces, [&](const Namespace& ns) { return ns.type == type; });
}

TEST_SUITE("oci/default_spec") {
  TEST_CASE("the examples are documents that we accept, unchanged") {
    for (const Spec& spec : {ExampleSpec(), RootlessExampleSpec(1000, 100), DefaultSpec()}) {
      const std::string text = SerializeSpec(spec);
      const auto read = ParseSpec(text);
      REQUIRE_MESSAGE(read.ok(), read.status().message());
      CHECK(SerializeSpec(*read) == text);
    }
  }
  TEST_CASE("the default capabilities are known, sorted, and neither inheritable nor ambient") {
    const std::vector<std::string> names = DefaultCapabilities();
    CHECK(names.size() == 11);
    CHECK(absl::c_is_sorted(names));
    for (const std::string& name : names) CHECK(CapabilityBit(name).has_value());
    const Spec spec = DefaultSpec();
    CHECK(spec.process->capabilities->bounding == names);
    CHECK(spec.process->capabilities->inheritable.empty());
    CHECK(spec.process->capabilities->ambient.empty());
  }
  TEST_CASE("a rootless example needs no id but the user's own and no network of its own") {
    const Spec spec = RootlessExampleSpec(1000, 100);
    CHECK(HasNamespace(spec, "user"));
    CHECK_FALSE(HasNamespace(spec, "network"));
    CHECK(HasNamespace(ExampleSpec(), "network"));
    CHECK(spec.linux_config.gid_mappings[0].host_id == 100);
    for (const Mount& mount : spec.mounts) CHECK_FALSE(absl::c_linear_search(mount.options, "gid=5"));
  }
}

}  // namespace
}  // namespace coracle::oci
