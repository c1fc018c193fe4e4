#include "build/source_walk.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "build/digest_cache.h"
#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::build {
namespace {

class Tree {
 public:
  Tree() {
    char name[] = "/tmp/coracle_walk_XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
    fd_ = os::OpenAt(AT_FDCWD, path_, O_RDONLY | O_DIRECTORY).value();
  }
  ~Tree() { (void)os::RemoveTreeAt(AT_FDCWD, path_); }
  void File(const std::string& name, absl::string_view content = "x") {
    const size_t slash = name.rfind('/');
    if (slash != std::string::npos)
      REQUIRE(os::MakeDirectories(absl::StrCat(path_, "/", name.substr(0, slash)), 0755).ok());
    REQUIRE(os::WriteFileAt(fd_.get(), name, content).ok());
  }
  void Link(const std::string& name, const std::string& target) {
    REQUIRE(symlinkat(target.c_str(), fd_.get(), name.c_str()) == 0);
  }
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  os::UniqueFd fd_;
};

// "from>to from>to" of all that was found, sources parted by "|".
std::string Found(const Tree& tree, absl::string_view source, const SourceQuery& query = {}) {
  const auto found = FindSources(tree.fd(), source, query);
  if (!found.ok()) return StatusLine(found.status());
  std::vector<std::string> sources;
  for (const FoundSource& one : *found) {
    std::vector<std::string> items;
    for (const SourceItem& item : one.items) items.push_back(absl::StrCat(item.from, ">", item.to));
    sources.push_back(absl::StrJoin(items, " "));
  }
  return absl::StrJoin(sources, "|");
}

TEST_SUITE("build/source_walk") {
  TEST_CASE("a file, a directory's content, everything") {
    Tree tree;
    tree.File("d/b/c");
    tree.File("d/a");
    tree.File("f");
    CHECK(Found(tree, "f") == "f>f");
    CHECK(Found(tree, "/d/a") == "d/a>a");
    CHECK(Found(tree, "d/") == "d> d/a>a d/b>b d/b/c>b/c");
    CHECK(Found(tree, ".") == "> d>d d/a>d/a d/b>d/b d/b/c>d/b/c f>f");
    CHECK(Found(tree, "../../f") == "f>f");
  }
  TEST_CASE("wildcards match names of their own depth only, and may match nothing") {
    Tree tree;
    tree.File("a1.txt");
    tree.File("a2.txt");
    tree.File("x/a3.txt");
    tree.File("y/z/a3.txt");
    CHECK(Found(tree, "*.txt") == "a1.txt>a1.txt|a2.txt>a2.txt");
    CHECK(Found(tree, "*/a?.txt") == "x/a3.txt>a3.txt");
    CHECK(Found(tree, "[xy]") == "x> x/a3.txt>a3.txt|y> y/z>z y/z/a3.txt>z/a3.txt");
    CHECK(Found(tree, "none*") == "");
    CHECK(Found(tree, "none/*") == "");
    CHECK(absl::StrContains(Found(tree, "[a"), "\"[\" without \"]\""));
  }
  TEST_CASE("links are followed inside the root and lead nowhere else") {
    Tree tree;
    tree.File("real/f");
    tree.Link("dir", "real");
    tree.Link("out", "/etc/passwd");
    tree.Link("up", "../../../../etc/passwd");
    tree.Link("loop", "loop");
    tree.Link("real/inner", "f");
    CHECK(Found(tree, "dir/f") == "real/f>f");
    CHECK(Found(tree, "dir") == "real> real/f>f real/inner>inner");
    CHECK(absl::StrContains(Found(tree, "out"), "\"out\" is not in the build context"));
    CHECK(absl::StrContains(Found(tree, "up"), "is not in the build context"));
    CHECK(absl::StrContains(Found(tree, "loop"), "too many links"));
  }
  TEST_CASE("what is missing has a near name, or is ignored") {
    Tree tree;
    tree.File("src/main.cc");
    tree.File("secret");
    const auto ignore = IgnorePatterns::ParseFile(".dockerignore", "secret");
    SourceQuery query;
    query.ignore = &*ignore;
    CHECK(Found(tree, "src/mian.cc", query) ==
          "\"src/mian.cc\" is not in the build context: did you mean src/main.cc?");
    CHECK(Found(tree, "scr/main.cc", query) ==
          "\"scr/main.cc\" is not in the build context: did you mean src?");
    CHECK(Found(tree, "secret", query) ==
          "\"secret\" is not in the build context: it is there, but the ignore file leaves it out");
    CHECK(Found(tree, "src/main.cc/x", query) == "\"src/main.cc/x\" is not in the build context");
  }
  TEST_CASE("ignored files are not there, but for those that are taken back") {
    Tree tree;
    tree.File("a/keep/f");
    tree.File("a/drop/f");
    tree.File("b/f");
    tree.File("top");
    const auto ignore = IgnorePatterns::ParseFile(".dockerignore", "*\n!a/keep\n!top");
    SourceQuery query;
    query.ignore = &*ignore;
    CHECK(Found(tree, ".", query) == "> a>a a/keep>a/keep a/keep/f>a/keep/f top>top");
    CHECK(Found(tree, "*", query) == "a> a/keep>keep a/keep/f>keep/f|top>top");
    CHECK(Found(tree, "a/keep/f", query) == "a/keep/f>f");
  }
  TEST_CASE("--exclude leaves out, relative to the source") {
    Tree tree;
    tree.File("d/a.txt");
    tree.File("d/b.md");
    tree.File("d/s/c.md");
    const auto exclude = IgnorePatterns::Make({"*.md"});
    SourceQuery query;
    query.exclude = &*exclude;
    CHECK(Found(tree, "d", query) == "d> d/a.txt>a.txt d/s>s d/s/c.md>s/c.md");
    CHECK(Found(tree, "d/*", query) == "d/a.txt>a.txt|d/s>");
  }
  TEST_CASE("--parents keeps directories, from the pivot on") {
    Tree tree;
    tree.File("x/y/a.txt");
    tree.File("x/y/b.bin");
    tree.File("x/z/c.txt");
    SourceQuery query;
    query.parents = true;
    CHECK(Found(tree, "x/y/a.txt", query) == "x>x x/y>x/y x/y/a.txt>x/y/a.txt");
    CHECK(Found(tree, "x/./y/*.txt", query) == "x/y>y x/y/a.txt>y/a.txt");
    CHECK(Found(tree, "./x/./**/*.txt", query) == "x/y>y x/y/a.txt>y/a.txt x/z>z x/z/c.txt>z/c.txt");
    CHECK(Found(tree, "x/y", query) == "x>x x/y>x/y x/y/a.txt>x/y/a.txt x/y/b.bin>x/y/b.bin");
    CHECK(absl::StrContains(Found(tree, "x/none", query), "is not in the build context"));
  }
  TEST_CASE("a FIFO is copied as one, a socket not at all; neither is opened") {
    Tree tree;
    REQUIRE(mkfifoat(tree.fd(), "fifo", 0644) == 0);
    const int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = tree.path() + "/sock";
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(bind(sock, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    close(sock);
    CHECK(Found(tree, ".") == "> fifo>fifo");
    CHECK(absl::StrContains(Found(tree, "sock"), "is a socket"));
    DigestCache cache = DigestCache::Open(tree.path() + "/none");
    const auto found = FindSources(tree.fd(), ".", {});
    const auto digests = cache.Digests(tree.fd(), found->at(0).items);
    REQUIRE(digests.ok());
    CHECK(digests->at(1).empty());
  }
}

TEST_SUITE("build/digest_cache") {
  TEST_CASE("a file is read once, until it changes; a damaged cache is empty") {
    Tree tree;
    Tree store;
    for (int i = 0; i < 40; ++i) tree.File(absl::StrCat("f", i), absl::StrCat("content ", i));
    usleep(150'000);
    const std::string path = store.path() + "/digests";
    const auto digests = [&](size_t* read) {
      DigestCache cache = DigestCache::Open(path);
      const auto found = FindSources(tree.fd(), ".", {});
      std::vector<std::string> out = cache.Digests(tree.fd(), found->at(0).items).value();
      REQUIRE(cache.Save().ok());
      *read = cache.files_read();
      return out;
    };
    size_t read = 0;
    const std::vector<std::string> first = digests(&read);
    CHECK(read == 40);
    CHECK(first[0].empty());
    CHECK(first[1].size() == 64);
    CHECK(digests(&read) == first);
    CHECK(read == 0);
    tree.File("f7", "kontent 7");
    const std::vector<std::string> changed = digests(&read);
    CHECK(read == 1);
    CHECK(changed != first);
    // It changed too short a time ago to be trusted.
    CHECK(digests(&read) == changed);
    CHECK(read == 1);
    std::string damaged = os::ReadFileAt(AT_FDCWD, path).value();
    damaged[damaged.size() / 2] ^= 1;
    REQUIRE(os::WriteFileAt(AT_FDCWD, path, damaged).ok());
    CHECK(digests(&read) == changed);
    CHECK(read == 40);
  }
}

}  // namespace
}  // namespace coracle::build
