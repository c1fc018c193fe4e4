#include "registry/credentials.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::registry {
namespace {

// A helper that keeps what it is told in $HELPER_DIR, one file for each server.
constexpr char kHelperScript[] = R"sh(#!/bin/sh
echo "$@" >> "$HELPER_DIR/calls"
read_server() { tr '/:' '__'; }
case $1 in
  get)
    f="$HELPER_DIR/$(read_server)"
    [ -e "$f" ] && { cat "$f"; exit 0; }
    echo 'credentials not found in native keychain'
    exit 1 ;;
  store)
    text=$(cat)
    server=$(printf %s "$text" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/' | read_server)
    printf %s "$text" > "$HELPER_DIR/$server" ;;
  erase) rm -f "$HELPER_DIR/$(read_server)" ;;
  list) echo '{"a.com":"user"}' ;;
esac
)sh";

class Home {
 public:
  Home() {
    char name[] = "/tmp/credentials.XXXXXX";
    root_ = mkdtemp(name);
    unsetenv("REGISTRY_AUTH_FILE");
    old_path_ = getenv("PATH");
    setenv("PATH", absl::StrCat(root_, "/bin:", old_path_).c_str(), 1);
    setenv("HELPER_DIR", absl::StrCat(root_, "/kept").c_str(), 1);
    Write("kept/.x", "");
    Write("run/.x", "");
    paths.uid = 1000;
    paths.rootless = true;
    paths.home = root_;
    paths.config_home = root_ + "/.config";
    paths.runtime_dir = root_ + "/run";
  }
  ~Home() {
    setenv("PATH", old_path_.c_str(), 1);
    for (const char* variable : {"REGISTRY_AUTH_FILE", "HELPER_DIR"}) unsetenv(variable);
    (void)os::RemoveTreeAt(AT_FDCWD, root_);
  }
  void Write(const std::string& path, absl::string_view text, mode_t mode = 0644) {
    const std::string whole = Path(path);
    REQUIRE(os::MakeDirectories(whole.substr(0, whole.rfind('/')), 0755).ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, whole, text, mode).ok());
  }
  std::string Read(const std::string& path) const {
    return os::ReadFileAt(AT_FDCWD, Path(path)).value_or("(none)");
  }
  std::string Path(const std::string& path) const { return absl::StrCat(root_, "/", path); }
  void InstallHelper(const std::string& name, absl::string_view script = kHelperScript) {
    signal(SIGPIPE, SIG_IGN);  // as the main function has it: a helper may not read what it is told
    Write("bin/docker-credential-" + name, script, 0755);
  }

  UserPaths paths;

 private:
  std::string root_, old_path_;
};

std::string Found(CredentialStore& store, absl::string_view name) {
  const auto found = store.Find(name);
  if (!found.ok()) return std::string(found.status().message());
  if (found->empty()) return "(nothing)";
  return absl::StrCat(found->username, ":", found->password, found->identity_token);
}

// {"auths":{"KEY":{"auth":...}}} with user and password "x".
std::string Auths(const std::string& key, absl::string_view user) {
  AuthFile file;
  REQUIRE(file.Set(key, {std::string(user), "x", ""}).ok());
  return file.Dump();
}

TEST_SUITE("registry/credentials") {
  TEST_CASE("files are read in their order, the first with an entry counts, the most specific in it") {
    Home home;
    CredentialStore store(home.paths, "");
    CHECK(Found(store, "a.com/x") == "(nothing)");
    home.Write(".dockercfg", R"({"a.com":{"auth":"b2xkOng="}})");
    CHECK(Found(store, "a.com/x") == "old:x");
    home.Write(".docker/config.json", Auths("a.com", "docker"));
    CHECK(Found(store, "a.com/x") == "docker:x");
    home.Write(".config/containers/auth.json", Auths("a.com", "config"));
    CHECK(Found(store, "a.com/x") == "config:x");
    home.Write("run/containers/auth.json",
               R"({"auths":{"a.com/x/y":{"auth":"eTp4"},"a.com/x":{"auth":"eHg6eA=="}}})");
    CHECK(Found(store, "a.com/x/y/z") == "y:x");
    CHECK(Found(store, "a.com/x") == "xx:x");
    CHECK(Found(store, "a.com/other") == "config:x");
    CHECK(store.FindExactly("a.com/x/q")->empty());
    CHECK(store.TakeWarnings().empty());
  }

  TEST_CASE("a chosen file is the only one, and must be there") {
    Home home;
    home.Write(".docker/config.json", Auths("a.com", "docker"));
    home.Write("mine.json", Auths("b.com", "mine"));
    CredentialStore store(home.paths, home.Path("mine.json"));
    CHECK(Found(store, "b.com/x") == "mine:x");
    CHECK(Found(store, "a.com/x") == "(nothing)");
    setenv("REGISTRY_AUTH_FILE", home.Path("gone.json").c_str(), 1);
    CredentialStore gone(home.paths, "");
    CHECK(gone.primary() == home.Path("gone.json"));
    CHECK(absl::StrContains(Found(gone, "a.com/x"), "gone.json: No such file"));
  }

  TEST_CASE(
      "docker's directory of configuration is the only one too, and what is written there is docker's") {
    Home home;
    home.Write("run/containers/auth.json", Auths("a.com", "ours"));
    home.paths.docker_config = home.Path("docker");
    CredentialStore store(home.paths, "");
    CHECK(Found(store, "a.com/x") == "(nothing)");
    REQUIRE(store.Save("docker.io", {"me", "x", ""}).ok());
    CHECK(Found(store, "docker.io/library/debian") == "me:x");
    CHECK(absl::StrContains(home.Read("docker/config.json"), "\"https://index.docker.io/v1/\""));
    CHECK(*store.Remove("docker.io"));
    CHECK_FALSE(absl::StrContains(home.Read("docker/config.json"), "docker.io"));
  }

  TEST_CASE("a broken file of another program is a warning, a broken one of ours an error") {
    Home home;
    home.Write(".docker/config.json", "{broken");
    home.Write(".dockercfg", R"({"a.com":{"auth":"b2xkOng="}})");
    CredentialStore store(home.paths, "");
    CHECK(Found(store, "a.com/x") == "old:x");
    const auto warnings = store.TakeWarnings();
    REQUIRE(warnings.size() == 1);
    CHECK(absl::StrContains(warnings[0], ".docker/config.json: malformed JSON"));
    home.Write("run/containers/auth.json", "{broken");
    CHECK(absl::StrContains(Found(store, "a.com/x"), "run/containers/auth.json: malformed JSON"));
    CHECK_FALSE(store.Save("a.com", {"u", "p", ""}).ok());
    CHECK(home.Read("run/containers/auth.json") == "{broken");
  }

  TEST_CASE("saving makes the file for its owner only, and keeps what else is in it") {
    Home home;
    CredentialStore store(home.paths, "");
    const auto where = store.Save("https://index.docker.io/v1/", {"me", "secret", ""});
    REQUIRE(where.ok());
    CHECK(*where == home.Path("run/containers/auth.json"));
    struct stat st;
    REQUIRE(stat(where->c_str(), &st) == 0);
    CHECK((st.st_mode & 07777) == 0600);
    REQUIRE(stat(home.Path("run/containers").c_str(), &st) == 0);
    CHECK((st.st_mode & 07777) == 0700);
    REQUIRE(store.Save("quay.io/team", {"you", "x", ""}).ok());
    CHECK(Found(store, "docker.io/library/debian") == "me:secret");
    CHECK(Found(store, "quay.io/team/i") == "you:x");
    CHECK(*store.Remove("docker.io"));
    CHECK_FALSE(*store.Remove("docker.io"));
    CHECK(Found(store, "docker.io/library/debian") == "(nothing)");
    CHECK(Found(store, "quay.io/team/i") == "you:x");
    REQUIRE(store.RemoveAll().ok());
    CHECK(Found(store, "quay.io/team/i") == "(nothing)");
    // Nothing lies beside it.
    CHECK(os::ListDirectoryAt(AT_FDCWD, home.Path("run/containers"))->size() == 1);
  }

  TEST_CASE("a link to a shared file stays a link") {
    Home home;
    home.Write("shared/auth.json", R"({"other":1})");
    REQUIRE(os::MakeDirectories(home.Path("run/containers"), 0700).ok());
    REQUIRE(symlink("../../shared/auth.json", home.Path("run/containers/auth.json").c_str()) == 0);
    CredentialStore store(home.paths, "");
    REQUIRE(store.Save("a.com", {"u", "p", ""}).ok());
    CHECK(os::ReadLinkAt(AT_FDCWD, home.Path("run/containers/auth.json")).ok());
    CHECK(absl::StrContains(home.Read("shared/auth.json"), "\"other\": 1"));
    CHECK(absl::StrContains(home.Read("shared/auth.json"), "a.com"));
  }

  TEST_CASE("a helper for a registry goes before its entries, and gets what is saved") {
    Home home;
    home.InstallHelper("kept");
    home.Write(
        "run/containers/auth.json",
        R"({"auths":{"a.com":{"auth":"b2xkOng="}},"credHelpers":{"a.com":"kept","docker.io":"kept"}})");
    CredentialStore store(home.paths, "");
    CHECK(Found(store, "a.com/x") == "(nothing)");
    CHECK(*store.Save("a.com", {"me", "top secret", ""}) == "docker-credential-kept");
    CHECK(Found(store, "a.com/x") == "me:top secret");
    CHECK_FALSE(absl::StrContains(home.Read("run/containers/auth.json"), "b2xkOng="));
    CHECK(absl::StrContains(home.Read("run/containers/auth.json"), "\"a.com\": {}"));
    REQUIRE(store.Save("docker.io", {"", "", "tok"}).ok());
    CHECK(absl::StrContains(home.Read("kept/https___index.docker.io_v1_"), "\"Username\":\"<token>\""));
    CHECK(store.Find("docker.io/library/x")->identity_token == "tok");
    // No secret went by the arguments.
    CHECK_FALSE(absl::StrContains(home.Read("kept/calls"), "secret"));
    CHECK(*store.Remove("a.com"));
    CHECK(Found(store, "a.com/x") == "(nothing)");
    REQUIRE(store.RemoveAll().ok());
    CHECK(Found(store, "docker.io/library/x") == "(nothing)");
  }

  TEST_CASE("a general store comes after the entries of its file, and may be missing") {
    Home home;
    home.Write(".docker/config.json", R"({"auths":{"b.com":{"auth":"YjpiCg=="}},"credsStore":"kept"})");
    CredentialStore store(home.paths, "");
    CHECK(Found(store, "a.com/x") == "(nothing)");
    const auto warnings = store.TakeWarnings();
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0] == "docker-credential-kept: is not in PATH, ignoring");
    CHECK(*store.Save("c.com", {"c", "c", ""}) == home.Path("run/containers/auth.json"));
    home.InstallHelper("kept");
    CHECK(*store.Save("a.com", {"a", "a", ""}) == "docker-credential-kept");
    CHECK(Found(store, "a.com/x") == "a:a");
    CHECK(Found(store, "c.com/x") == "c:c");
    CHECK(Found(store, "b.com/x") == "b:b\n");
    CHECK(home.Read(".docker/config.json") ==
          R"({"auths":{"b.com":{"auth":"YjpiCg=="}},"credsStore":"kept"})");
  }

  TEST_CASE("a named helper that fails, lies or is missing is an error that shows no secret") {
    Home home;
    home.Write("run/containers/auth.json", R"({"credHelpers":{"a.com":"odd","b.com":"../sh"}})");
    CredentialStore store(home.paths, "");
    const std::string file = home.Path("run/containers/auth.json");
    CHECK(Found(store, "a.com/x") == absl::StrCat(file, ": docker-credential-odd: is not in PATH"));
    CHECK(absl::StrContains(Found(store, "b.com/x"), "is no name of a program"));
    home.InstallHelper("odd", "#!/bin/sh\necho 'it is \033[31mlocked'\necho more\nexit 3\n");
    CHECK(Found(store, "a.com/x") ==
          absl::StrCat(file, ": docker-credential-odd get: it is \\x1b[31mlocked"));
    home.InstallHelper("odd", "#!/bin/sh\necho 'Username=me Secret=hidden'\n");
    CHECK(Found(store, "a.com/x") ==
          absl::StrCat(file, ": docker-credential-odd get: the answer is no JSON object"));
  }
}

}  // namespace
}  // namespace coracle::registry
