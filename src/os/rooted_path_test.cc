#include "os/rooted_path.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::os {
namespace {

// A scratch directory holding "root" (the container's) and "outside".
struct Scratch {
  Scratch() {
    char name[] = "/tmp/rooted_path.XXXXXX";
    path = mkdtemp(name);
    REQUIRE(mkdir((path + "/root").c_str(), 0755) == 0);
    REQUIRE(mkdir((path + "/outside").c_str(), 0755) == 0);
    root = UniqueFd(open((path + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~Scratch() { (void)RemoveTreeAt(AT_FDCWD, path); }
  void Link(const char* target, const char* at) const { REQUIRE(symlinkat(target, root.get(), at) == 0); }
  bool Exists(const char* name) const { return ExistsAt(AT_FDCWD, path + "/" + name); }
  std::string path;
  UniqueFd root;
};

RootedPath Parsed(absl::string_view text) {
  auto path = RootedPath::Parse(text);
  REQUIRE(path.ok());
  return *path;
}

int Make(const Scratch& scratch, absl::string_view path,
         RootedPath::Kind kind = RootedPath::Kind::kDirectory) {
  const int fd = Parsed(path).OpenOrCreate(scratch.root.get(), kind);
  if (fd >= 0) close(fd);
  return fd < 0 ? fd : 0;
}

}  // namespace

TEST_SUITE("os/rooted_path") {
  TEST_CASE("a path is cleaned as text and never climbs above the root") {
    CHECK(Parsed("/a//b/./c/").Display() == "/a/b/c");
    CHECK(Parsed("../../a/../b").Display() == "/b");
    CHECK(Parsed("/").is_root());
    CHECK(Parsed("").is_root());
    CHECK_FALSE(RootedPath::Parse(absl::string_view("a\0b", 3)).ok());
    CHECK(Parsed("/proc/sys").IsBelow("proc"));
    CHECK_FALSE(Parsed("/process").IsBelow("proc"));
  }

  TEST_CASE("missing directories and files are made inside the root") {
    Scratch scratch;
    CHECK(Make(scratch, "/a/b/c") == 0);
    CHECK(scratch.Exists("root/a/b/c"));
    CHECK(Make(scratch, "/a/f/file", RootedPath::Kind::kFile) == 0);
    struct stat info;
    REQUIRE(stat((scratch.path + "/root/a/f/file").c_str(), &info) == 0);
    CHECK(S_ISREG(info.st_mode));
  }

  TEST_CASE("links are followed inside the root, whatever they say") {
    Scratch scratch;
    scratch.Link("../../../../outside", "climb");
    scratch.Link((scratch.path + "/outside").c_str(), "absolute");
    CHECK(Make(scratch, "/climb/x") == 0);
    CHECK(Make(scratch, "/absolute/x") == 0);
    CHECK_FALSE(scratch.Exists("outside/x"));
    CHECK(scratch.Exists("root/outside/x"));
  }

  TEST_CASE("a link to what does not exist yet gets its target made") {
    Scratch scratch;
    scratch.Link("/run/lock", "lock");
    CHECK(Make(scratch, "/lock/sub") == 0);
    CHECK(scratch.Exists("root/run/lock/sub"));
  }

  TEST_CASE("a loop of links is refused") {
    Scratch scratch;
    scratch.Link("b", "a");
    scratch.Link("a", "b");
    CHECK(Make(scratch, "/a/x") == -ELOOP);
  }

  TEST_CASE("a refused link is an error, not a detour") {
    Scratch scratch;
    REQUIRE(mkdirat(scratch.root.get(), "etc", 0755) == 0);
    scratch.Link("etc", "proc");
    CHECK(Parsed("/proc").Open(scratch.root.get(), O_PATH, RootedPath::Links::kRefuse) == -ELOOP);
  }
}

}  // namespace coracle::os
