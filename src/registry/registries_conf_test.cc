#include "registry/registries_conf.h"

#include <fcntl.h>
#include <stdlib.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::registry {
namespace {

RegistriesConfig Parsed(absl::string_view text) {
  RegistriesConfig config;
  const absl::Status status = MergeRegistriesConf(text, "r.conf", /*may_be_v1=*/true, config);
  CHECK_MESSAGE(status.ok(), status.ToString());
  return config;
}

std::string Refusal(absl::string_view text, bool may_be_v1 = true) {
  RegistriesConfig config;
  const absl::Status status = MergeRegistriesConf(text, "r.conf", may_be_v1, config);
  CHECK(absl::IsInvalidArgument(status));
  CHECK(config.rules.empty());
  return std::string(status.message());
}

// A directory with the files of one host.
class ConfigTree {
 public:
  ConfigTree() {
    char name[] = "/tmp/registries_conf.XXXXXX";
    root_ = mkdtemp(name);
    paths_.config_home = root_ + "/home";
    unsetenv("CONTAINERS_REGISTRIES_CONF");
  }
  ~ConfigTree() {
    unsetenv("CONTAINERS_REGISTRIES_CONF");
    (void)os::RemoveTreeAt(AT_FDCWD, root_);
  }
  void Write(const std::string& path, absl::string_view text) {
    const std::string whole = root_ + "/" + path;
    REQUIRE(os::MakeDirectories(whole.substr(0, whole.rfind('/')), 0755).ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, whole, text).ok());
  }
  absl::StatusOr<RegistriesConfig> Load() { return LoadRegistriesConf(paths_, root_ + "/etc"); }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
  UserPaths paths_;
};

TEST_SUITE("registry/registries_conf") {
  TEST_CASE("every setting of version 2 is read") {
    const RegistriesConfig config = Parsed(R"(
unqualified-search-registries = ["example.com", "quay.io/team"]
short-name-mode = "enforcing"
credential-helpers = ["containers-auth.json"]
[[registry]]
prefix = "example.com/foo"
location = "internal.example.net/bar/"
insecure = true
blocked = false
[[registry.mirror]]
location = "mirror.local/foo"
[[registry.mirror]]
location = "mirror.local:5000"
insecure = true
pull-from-mirror = "tag-only"
[[registry]]
location = "registry.com"
mirror-by-digest-only = true
[[registry.mirror]]
location = "m.registry.com"
[[registry]]
prefix = "*.wild.example"
blocked = true
[aliases]
"short" = "example.com/long/name"
"team/short" = "docker.io/library/x"
)");
    REQUIRE(config.rules.size() == 3);
    CHECK(config.rules[0].prefix == "example.com/foo");
    CHECK(config.rules[0].location == "internal.example.net/bar");
    CHECK(config.rules[0].insecure);
    CHECK(config.rules[0].file == "r.conf");
    REQUIRE(config.rules[0].mirrors.size() == 2);
    CHECK(config.rules[0].mirrors[0].pull_from == PullFrom::kAll);
    CHECK(config.rules[0].mirrors[1].pull_from == PullFrom::kTagOnly);
    CHECK(config.rules[0].mirrors[1].insecure);
    CHECK(config.rules[1].prefix == "registry.com");
    CHECK(config.rules[1].mirrors[0].pull_from == PullFrom::kDigestOnly);
    CHECK(config.rules[2].location.empty());
    CHECK(config.rules[2].blocked);
    CHECK(*config.search_registries == std::vector<std::string>{"example.com", "quay.io/team"});
    CHECK(config.short_name_mode == ShortNameMode::kEnforcing);
    CHECK(config.aliases.at("team/short") == "docker.io/library/x");
  }

  TEST_CASE("version 1 is read as a main file, and refused as a drop-in or beside version 2") {
    const char* text =
        "[registries.search]\nregistries = ['a.com', 'b.com']\n"
        "[registries.insecure]\nregistries = ['c.com']\n[registries.block]\nregistries = ['d.com', "
        "'c.com']\n";
    const RegistriesConfig config = Parsed(text);
    CHECK(config.search_registries->size() == 2);
    REQUIRE(config.rules.size() == 2);
    CHECK((config.rules[0].insecure && config.rules[0].blocked));
    CHECK((!config.rules[1].insecure && config.rules[1].blocked));
    CHECK(absl::StrContains(Refusal(text, /*may_be_v1=*/false), "version 1"));
    CHECK(absl::StrContains(Refusal(absl::StrCat(text, "[[registry]]\nlocation='x.com'\n")), "mixes"));
  }

  TEST_CASE("what is wrong is refused, and the message names file and value") {
    CHECK(Refusal("a = [\n").starts_with("r.conf: malformed TOML in line"));
    CHECK(Refusal("unqualified-search-registries = \"a.com\"") ==
          "r.conf: unqualified-search-registries: not a list");
    CHECK(Refusal("[[registry]]\ninsecure = true") ==
          "r.conf: a [[registry]] has neither prefix nor location");
    CHECK(Refusal("[[registry]]\nlocation = \"https://x.com\"") ==
          "r.conf: location \"https://x.com\": has a scheme, such as https://");
    CHECK(Refusal("[[registry]]\nlocation = \"nohost/x\"") == "r.conf: location \"nohost/x\": names no host");
    CHECK(absl::StrContains(Refusal("[[registry]]\nprefix = \"*.x.com/foo\""), "only a host"));
    CHECK(absl::StrContains(Refusal("[[registry]]\nlocation = \"x.com/UPPER\""), "lowercase"));
    CHECK(absl::StrContains(Refusal("[[registry]]\nlocation='x.com'\nmirror-by-digest-only=true\n"
                                    "[[registry.mirror]]\nlocation='m.com'\npull-from-mirror='all'\n"),
                            "exclude each other"));
    CHECK(absl::StrContains(Refusal("short-name-mode = 'strict'"), "short-name-mode"));
    CHECK(absl::StrContains(Refusal("[aliases]\n'a.com/b' = 'a.com/b'"), "is no short name"));
    CHECK(absl::StrContains(Refusal("[aliases]\n'b:1' = 'a.com/b'"), "is no short name"));
    CHECK(absl::StrContains(Refusal("[aliases]\n'b' = 'c'"), "is no full name"));
    CHECK(absl::StrContains(Refusal("[aliases]\n'b' = 'a.com/c:1'"), "is no full name"));
    CHECK(absl::StrContains(
        Refusal("[[registry]]\nlocation='x.com'\n[[registry]]\nlocation='x.com'\nblocked=true\n"),
        "contradict"));
  }

  TEST_CASE("drop-ins come in the order of their names and go over what was before") {
    ConfigTree tree;
    tree.Write("etc/registries.conf",
               "unqualified-search-registries = ['main.com']\n[[registry]]\nlocation='a.com'\ninsecure=true\n"
               "[aliases]\n'one' = 'x.com/one'\n'two' = 'x.com/two'\n");
    tree.Write("etc/registries.conf.d/20-b.conf", "unqualified-search-registries = ['b.com']\n");
    tree.Write("etc/registries.conf.d/10-a.conf",
               "unqualified-search-registries = ['a.com']\n[[registry]]\nlocation='a.com'\nblocked=true\n");
    tree.Write("etc/registries.conf.d/30-c.toml", "this is not read");
    tree.Write("home/containers/registries.conf.d/u.conf", "[aliases]\n'one' = ''\n'two' = 'y.com/two'\n");
    const auto config = tree.Load();
    REQUIRE(config.ok());
    CHECK(*config->search_registries == std::vector<std::string>{"b.com"});
    REQUIRE(config->rules.size() == 1);
    CHECK((config->rules[0].blocked && !config->rules[0].insecure));
    CHECK(config->aliases == std::map<std::string, std::string>{{"two", "y.com/two"}});
  }

  TEST_CASE("a user's own file replaces the system's, drop-ins included") {
    ConfigTree tree;
    tree.Write("etc/registries.conf", "unqualified-search-registries = ['main.com']\n");
    tree.Write("etc/registries.conf.d/a.conf", "[aliases]\n'a' = 'x.com/a'\n");
    tree.Write("home/containers/registries.conf", "[aliases]\n'b' = 'x.com/b'\n");
    const auto config = tree.Load();
    REQUIRE(config.ok());
    CHECK_FALSE(config->search_registries.has_value());
    CHECK(config->aliases == std::map<std::string, std::string>{{"b", "x.com/b"}});
  }

  TEST_CASE("no file at all is an empty configuration; a variable names another, which must be there") {
    ConfigTree tree;
    REQUIRE(tree.Load().ok());
    CHECK(tree.Load()->rules.empty());
    setenv("CONTAINERS_REGISTRIES_CONF", (tree.root() + "/my.conf").c_str(), 1);
    CHECK(absl::IsNotFound(tree.Load().status()));
    tree.Write("my.conf", "unqualified-search-registries = ['my.com']\n");
    tree.Write("home/containers/registries.conf", "unqualified-search-registries = ['home.com']\n");
    CHECK(tree.Load()->search_registries->front() == "my.com");
  }

  TEST_CASE("what may say something of a short name is found without parsing, in doubt too") {
    CHECK_FALSE(MaySayOfShortName("", "debian"));
    CHECK_FALSE(MaySayOfShortName("# \"debian\" = \"x.com/debian\"\n[aliases]\n", "debian"));
    CHECK_FALSE(MaySayOfShortName("[aliases]\n  \"debian\" = \"docker.io/library/debian\"\n", "debian"));
    CHECK_FALSE(MaySayOfShortName("[aliases]\n\"debian-x\" = \"quay.io/debian-x\"\n", "debian"));
    CHECK_FALSE(MaySayOfShortName("[aliases]\n\"a/b\" = \"docker.io/a/b\"\n", "a/b"));
    CHECK(MaySayOfShortName("[aliases]\n\"debian\" = \"quay.io/debian/debian\"\n", "debian"));
    CHECK(MaySayOfShortName("[aliases]\n'debian' = \"docker.io/library/debian\"\n", "debian"));
    CHECK(MaySayOfShortName("[aliases]\ndebian = \"x.com/d\"\n", "debian"));
    CHECK(MaySayOfShortName("aliases = { x = \"x.com/d\" }\n", "y"));
    CHECK(MaySayOfShortName("[aliases]\n\"\\u0064ebian\" = \"x.com/d\"\n", "debian"));
    CHECK(MaySayOfShortName(" unqualified-search-registries = [\"quay.io\"]\n", "debian"));
    CHECK(MaySayOfShortName("[registries.search]\nregistries = [\"quay.io\"]\n", "debian"));
  }
}

}  // namespace
}  // namespace coracle::registry
