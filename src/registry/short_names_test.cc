#include "registry/short_names.h"

#include <fcntl.h>
#include <stdlib.h>

#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::registry {
namespace {

TEST_SUITE("registry/short_names") {
  TEST_CASE("a recorded name goes before the aliases of registries.conf") {
    char name[] = "/tmp/short_names.XXXXXX";
    UserPaths paths;
    paths.rootless = true;
    paths.cache_home = mkdtemp(name);
    RegistriesConfig config;
    config.aliases = {{"a", "x.com/a"}, {"b", "x.com/b"}};
    REQUIRE(MergeRecordedShortNames(paths, config).ok());
    CHECK(config.aliases["a"] == "x.com/a");
    REQUIRE(RecordShortName(paths, "a:12", *oci::ImageReference::Parse("quay.io/team/a:12")).ok());
    REQUIRE(RecordShortName(paths, "c/d", *oci::ImageReference::Parse("docker.io/c/d:latest")).ok());
    REQUIRE(MergeRecordedShortNames(paths, config).ok());
    CHECK(config.aliases == std::map<std::string, std::string>{
                                {"a", "quay.io/team/a"}, {"b", "x.com/b"}, {"c/d", "docker.io/c/d"}});
    (void)os::RemoveTreeAt(AT_FDCWD, paths.cache_home);
  }

  TEST_CASE("without a place for it nothing is read or recorded") {
    UserPaths paths;
    paths.rootless = true;
    RegistriesConfig config;
    CHECK(MergeRecordedShortNames(paths, config).ok());
    CHECK(RecordShortName(paths, "a", *oci::ImageReference::Parse("quay.io/a")).ok());
  }
}

}  // namespace
}  // namespace coracle::registry
