#include "registry/locate.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::registry {
namespace {

constexpr char kSha[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

RegistriesConfig Config(absl::string_view text) {
  RegistriesConfig config;
  REQUIRE(MergeRegistriesConf(text, "r.conf", /*may_be_v1=*/false, config).ok());
  return config;
}

// "host/path:tag", "!" behind an insecure one, "~" before a mirror.
std::string Places(const RegistriesConfig& config, absl::string_view name) {
  const auto reference = oci::ImageReference::Parse(name);
  REQUIRE(reference.ok());
  const auto locations = LocateForPull(config, *reference);
  if (!locations.ok()) return std::string(locations.status().message());
  std::string text;
  for (const Location& place : *locations) {
    absl::StrAppend(&text, text.empty() ? "" : " ", place.mirror ? "~" : "", place.reference.str(),
                    place.insecure ? "!" : "");
  }
  return text;
}

std::string Names(const RegistriesConfig& config, absl::string_view text, bool interactive = false) {
  const auto resolved = ResolveName(config, text, interactive);
  if (!resolved.ok()) return StatusLine(resolved.status());
  std::string names = resolved->ask ? "?" : "";
  for (const oci::ImageReference& reference : resolved->candidates) {
    absl::StrAppend(&names, names.empty() ? "" : " ", reference.str());
  }
  return names;
}

TEST_SUITE("registry/locate") {
  TEST_CASE("without rules an image is where its name says, and this machine is insecure") {
    const RegistriesConfig none;
    CHECK(Places(none, "debian:12") == "docker.io/library/debian:12");
    CHECK(Places(none, "quay.io/a/b") == "quay.io/a/b");
    CHECK(Places(none, "localhost:5000/a") == "localhost:5000/a!");
    CHECK(Places(none, "127.1.2.3:5000/a") == "127.1.2.3:5000/a!");
    CHECK(Places(none, "[::1]:5000/a") == "[::1]:5000/a!");
    CHECK(Places(none, "127.evil.com/a") == "127.evil.com/a");
    CHECK(Places(none, "localhost.evil.com/a") == "localhost.evil.com/a");
  }

  TEST_CASE("mirrors come first, in their order, then the location; the prefix is rewritten") {
    const RegistriesConfig config = Config(R"(
[[registry]]
prefix = "example.com/foo"
location = "internal.net/bar"
[[registry.mirror]]
location = "m0.local/mirror-for-foo"
[[registry.mirror]]
location = "m1.local:5000/mirrors/foo"
insecure = true
[[registry]]
location = "registry.com"
[[registry.mirror]]
location = "mirror.registry.com"
)");
    CHECK(Places(config, "example.com/foo/image:latest") ==
          "~m0.local/mirror-for-foo/image:latest ~m1.local:5000/mirrors/foo/image:latest! "
          "internal.net/bar/image:latest");
    CHECK(Places(config, "example.com/foo:1") ==
          "~m0.local/mirror-for-foo:1 ~m1.local:5000/mirrors/foo:1! internal.net/bar:1");
    CHECK(Places(config, "registry.com/image") == "~mirror.registry.com/image registry.com/image");
    CHECK(Places(config, "example.com/food") == "example.com/food");
    CHECK(Places(config, "example.com/other/foo") == "example.com/other/foo");
    const auto push = LocateForPush(config, *oci::ImageReference::Parse("example.com/foo/image"));
    REQUIRE(push.ok());
    CHECK(push->reference.str() == "example.com/foo/image");
  }

  TEST_CASE("the longest prefix counts, and a port is part of the host") {
    const RegistriesConfig config = Config(R"(
[[registry]]
location = "a.com"
blocked = true
[[registry]]
prefix = "a.com/ok"
location = "b.com/x"
[[registry]]
prefix = "a.com/ok/one:tag"
location = "c.com/one:other"
[[registry]]
location = "localhost:5000"
insecure = false
)");
    CHECK(Places(config, "a.com/no") == "a.com/no: registry a.com is blocked in r.conf");
    CHECK_FALSE(LocateForPush(config, *oci::ImageReference::Parse("a.com/no")).ok());
    CHECK(Places(config, "a.com/ok/y") == "b.com/x/y");
    CHECK(Places(config, "a.com/ok/one:tag") == "c.com/one:other");
    CHECK(Places(config, "a.com/ok/one:tag2") == "b.com/x/one:tag2");
    CHECK(Places(config, "a.com:5000/no") == "a.com:5000/no");
    CHECK(Places(config, "localhost:5000/x") == "localhost:5000/x");
    CHECK_FALSE(IsInsecureHost(config, "localhost:5000"));
    CHECK(IsInsecureHost(config, "localhost:5001"));
  }

  TEST_CASE("docker.io's names are matched in full") {
    const RegistriesConfig config = Config(
        "[[registry]]\nprefix='docker.io/library'\nlocation='hub.local/cache'\n"
        "[[registry]]\nprefix='docker.io'\nlocation='all.local'\n");
    CHECK(Places(config, "debian") == "hub.local/cache/debian");
    CHECK(Places(config, "a/b") == "all.local/a/b");
  }

  TEST_CASE("a wildcard stands for any subdomain, with or without a location of its own") {
    const RegistriesConfig config = Config(
        "[[registry]]\nprefix='*.example.com'\ninsecure=true\n[[registry.mirror]]\nlocation='m.local/x'\n"
        "[[registry]]\nprefix='*.moved.com'\nlocation='new.com/sub'\n");
    CHECK(Places(config, "a.example.com/i:1") == "~m.local/x/i:1 a.example.com/i:1!");
    CHECK(Places(config, "a.b.example.com:8443/i") == "~m.local/x/i a.b.example.com:8443/i!");
    CHECK(Places(config, "example.com/i") == "example.com/i");
    CHECK(Places(config, "badexample.com/i") == "badexample.com/i");
    CHECK(Places(config, "x.moved.com/i@" + std::string(kSha)) == "new.com/sub/i@" + std::string(kSha));
    CHECK(IsInsecureHost(config, "a.example.com:5000"));
  }

  TEST_CASE("mirrors for digests or tags only are left out for the others") {
    const RegistriesConfig config = Config(
        "[[registry]]\nlocation='a.com'\n"
        "[[registry.mirror]]\nlocation='d.local'\npull-from-mirror='digest-only'\n"
        "[[registry.mirror]]\nlocation='t.local'\npull-from-mirror='tag-only'\n"
        "[[registry]]\nlocation='b.com'\nmirror-by-digest-only=true\n[[registry.mirror]]\nlocation='d.local'"
        "\n");
    const std::string at = "@" + std::string(kSha);
    CHECK(Places(config, "a.com/i:1") == "~t.local/i:1 a.com/i:1");
    CHECK(Places(config, "a.com/i") == "~t.local/i a.com/i");
    CHECK(Places(config, "a.com/i" + at) == "~d.local/i" + at + " a.com/i" + at);
    CHECK(Places(config, "b.com/i:1") == "b.com/i:1");
    CHECK(Places(config, "b.com/i:1" + at) == "~d.local/i:1" + at + " b.com/i:1" + at);
  }

  TEST_CASE("short names without any configuration are docker.io's") {
    const RegistriesConfig none;
    CHECK(Names(none, "debian") == "docker.io/library/debian:latest");
    CHECK(Names(none, "a/b:1") == "docker.io/a/b:1");
    CHECK(Names(none, "quay.io/x") == "quay.io/x:latest");
    CHECK(Names(none, "localhost/x") == "localhost/x:latest");
    CHECK(absl::StrContains(Names(none, "UPPER"), "lowercase"));
  }

  TEST_CASE("an alias keeps tag and digest, and nothing else is looked at") {
    const RegistriesConfig config = Config(
        "unqualified-search-registries=['s.com']\n[aliases]\n'fedora'='registry.fedora.org/fedora'\n"
        "'team/x'='docker.io/library/y'\n");
    CHECK(Names(config, "fedora") == "registry.fedora.org/fedora:latest");
    CHECK(Names(config, "fedora:39") == "registry.fedora.org/fedora:39");
    CHECK(Names(config, "fedora@" + std::string(kSha)) == "registry.fedora.org/fedora@" + std::string(kSha));
    CHECK(Names(config, "team/x") == "docker.io/library/y:latest");
    CHECK(Names(config, "x/fedora") == "s.com/x/fedora:latest");
    CHECK(Names(config, "docker.io/fedora") == "docker.io/library/fedora:latest");
  }

  TEST_CASE("several search registries: all, ask, or refuse, by the mode") {
    const std::string two = "unqualified-search-registries=['a.com', 'docker.io']\n";
    const char* both = "a.com/x:1 docker.io/library/x:1";
    CHECK(Names(Config(two), "x:1") == both);
    CHECK(Names(Config(two), "x:1", true) == absl::StrCat("? ", both));
    CHECK(Names(Config(two + "short-name-mode='disabled'"), "x:1", true) == both);
    CHECK(Names(Config(two + "short-name-mode='enforcing'"), "x:1", true) == absl::StrCat("? ", both));
    CHECK(Names(Config(two + "short-name-mode='enforcing'"), "x:1") ==
          "x:1: may be any of a.com/x:1, docker.io/library/x:1, and short-name-mode is enforcing: "
          "give the full name");
    CHECK(Names(Config("unqualified-search-registries=['a.com']\nshort-name-mode='enforcing'"), "x") ==
          "a.com/x:latest");
    CHECK(absl::StrContains(Names(Config("unqualified-search-registries=[]"), "x"), "is empty"));
  }
}

}  // namespace
}  // namespace coracle::registry
