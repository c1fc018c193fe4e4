#include "build/copy_ahead.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::build {
namespace {

class Dir {
 public:
  Dir() {
    char name[] = "/tmp/coracle_ahead_XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Dir() { (void)os::RemoveTreeAt(AT_FDCWD, path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Opened {
  os::UniqueFd fd;
  struct stat info = {};
};

Opened Open(const std::string& path) {
  Opened out;
  out.fd = os::OpenAt(AT_FDCWD, path, O_RDONLY).value();
  REQUIRE(fstat(out.fd.get(), &out.info) == 0);
  return out;
}

TEST_SUITE("build/copy_ahead") {
  TEST_CASE("what was read whole can be taken once, by its stat; the rest goes") {
    const Dir dir;
    const std::string content(CopyAhead::kMinFileBytes + 5, 'x');
    REQUIRE(os::WriteFileAt(AT_FDCWD, dir.path() + "/whole", content).ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, dir.path() + "/cut", content).ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, dir.path() + "/small", "s").ok());
    const os::UniqueFd to = os::OpenAt(AT_FDCWD, dir.path(), O_RDONLY | O_DIRECTORY).value();
    {
      CopyAhead ahead(dir.path() + "/ahead", [] { return true; });
      REQUIRE(ahead.Begin(CopyAhead::kMinTotalBytes));
      for (const std::string name : {"whole", "cut"}) {
        const Opened file = Open(absl::StrCat(dir.path(), "/", name));
        auto copy = ahead.Start(file.fd.get(), file.info);
        REQUIRE(copy.has_value());
        copy->Write(content.substr(0, 1000));
        if (name == "whole") copy->Write(content.substr(1000));
        ahead.Keep(*std::move(copy), file.info);
      }
      const Opened small = Open(dir.path() + "/small");
      CHECK_FALSE(ahead.Start(small.fd.get(), small.info).has_value());
      const Opened whole = Open(dir.path() + "/whole");
      CHECK(ahead.Take(whole.info, to.get(), "taken"));
      CHECK_FALSE(ahead.Take(whole.info, to.get(), "again"));
      CHECK(os::ReadFileAt(to.get(), "taken").value() == content);
      const Opened cut = Open(dir.path() + "/cut");
      CHECK(ahead.Take(cut.info, to.get(), "cut-copy") == os::ExistsAt(to.get(), "cut-copy"));
    }
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, dir.path() + "/ahead"));
  }
  TEST_CASE("a file that changed since is not taken") {
    const Dir dir;
    const std::string path = dir.path() + "/file";
    const std::string content(CopyAhead::kMinFileBytes, 'x');
    REQUIRE(os::WriteFileAt(AT_FDCWD, path, content).ok());
    CopyAhead ahead(dir.path() + "/ahead", [] { return true; });
    REQUIRE(ahead.Begin(CopyAhead::kMinTotalBytes));
    const Opened before = Open(path);
    auto copy = ahead.Start(before.fd.get(), before.info);
    REQUIRE(copy.has_value());
    copy->Write(content);
    ahead.Keep(*std::move(copy), before.info);
    struct stat after = before.info;
    after.st_mtim.tv_nsec = (after.st_mtim.tv_nsec + 1) % 1'000'000'000;
    CHECK_FALSE(ahead.Take(after, AT_FDCWD, dir.path() + "/taken"));
  }
  TEST_CASE("nothing is written for little, or for what is in the cache most likely") {
    const Dir dir;
    int asked = 0;
    CopyAhead ahead(dir.path() + "/ahead", [&] { return ++asked > 5; });
    CHECK_FALSE(ahead.Begin(CopyAhead::kMinTotalBytes - 1));
    CHECK(asked == 0);
    CHECK_FALSE(ahead.Begin(CopyAhead::kMinTotalBytes));
    CHECK_FALSE(ahead.Begin(CopyAhead::kMinTotalBytes));
    CHECK(asked == 1);
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, dir.path() + "/ahead"));
  }
}

}  // namespace
}  // namespace coracle::build
