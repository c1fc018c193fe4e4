#include "storage/tree_diff.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "absl/strings/str_join.h"
#include "archive/unpack_layer.h"
#include "archive/whiteout.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/file.h"
#include "os/user_namespace.h"
#include "storage/layer_blob.h"
#include "storage/merge_layers.h"
#include "storage/stage_diff.h"
#include "store/test_store.h"

namespace coracle::storage {
namespace {

using store::TestStore;

void Put(const std::string& path, const std::string& text) {
  REQUIRE(os::MakeDirectories(path.substr(0, path.rfind('/')), 0755).ok());
  REQUIRE(os::WriteFileAt(AT_FDCWD, path, text).ok());
}

void Age(const std::string& path) {
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), old, AT_SYMLINK_NOFOLLOW) == 0);
}

bool UserXattr() { return geteuid() != 0 || os::InUserNamespace(); }

void Whiteout(const std::string& dir, const std::string& name) {
  REQUIRE(os::MakeDirectories(dir, 0755).ok());
  REQUIRE(mknod((dir + "/" + name).c_str(), S_IFCHR, makedev(0, 0)) == 0);
}

void Opaque(const std::string& dir) {
  REQUIRE(os::MakeDirectories(dir, 0755).ok());
  const auto fd = os::OpenAt(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
  REQUIRE(archive::OverlayMarks(UserXattr()).MarkOpaque(fd->get()).ok());
}

std::vector<Change> Changes(const std::vector<std::string>& newer, const std::vector<std::string>& older) {
  const auto a = MergedTree::Open(newer, UserXattr());
  const auto b = MergedTree::Open(older, UserXattr());
  REQUIRE(a.ok());
  REQUIRE(b.ok());
  auto changes = DiffTrees(*a, *b);
  REQUIRE(changes.ok());
  return *std::move(changes);
}

// "C etc|A etc/new"
std::string Diff(const std::vector<std::string>& newer, const std::vector<std::string>& older) {
  std::string text;
  for (const Change& change : Changes(newer, older)) {
    absl::StrAppend(&text, text.empty() ? "" : "|", std::string(1, static_cast<char>(change.kind)), " ",
                    change.path);
  }
  return text;
}

// Two layers and what a container wrote.
struct Stack {
  explicit Stack(const TestStore& store)
      : bottom(store.base() + "/bottom"), middle(store.base() + "/middle"), upper(store.base() + "/upper") {
    Put(bottom + "/etc/passwd", "root");
    Put(bottom + "/etc/group", "root");
    Put(bottom + "/usr/share/doc/a", "a");
    Put(bottom + "/usr/share/doc/b", "b");
    Put(bottom + "/bin/sh", "#!");
    Put(middle + "/etc/hosts", "h");
    Put(middle + "/opt/x/y", "y");
    REQUIRE(os::MakeDirectories(upper, 0755).ok());
  }
  std::vector<std::string> Image() const { return {middle, bottom}; }
  std::vector<std::string> Container() const { return {upper, middle, bottom}; }
  std::string bottom, middle, upper;
};

}  // namespace

TEST_SUITE("storage/tree_diff") {
  TEST_CASE("nothing written is no change") {
    const TestStore store;
    const Stack stack(store);
    CHECK(Diff(stack.Container(), stack.Image()) == "");
    CHECK(Diff(stack.Image(), stack.Image()) == "");
  }

  TEST_CASE("added, modified and deleted, each directory before what is in it") {
    const TestStore store;
    const Stack stack(store);
    Put(stack.upper + "/etc/passwd", "changed");
    Put(stack.upper + "/etc/new", "new");
    Put(stack.upper + "/opt/x/z", "z");
    Put(stack.upper + "/srv/a/b", "b");
    Whiteout(stack.upper + "/bin", "sh");
    Whiteout(stack.upper + "/usr", "share");
    Whiteout(stack.upper + "/usr", "never-was");
    CHECK(Diff(stack.Container(), stack.Image()) ==
          "C bin|D bin/sh|C etc|A etc/new|C etc/passwd|C opt|C opt/x|A opt/x/z|A srv|A srv/a|A srv/a/b|C usr|"
          "D usr/share");
  }

  TEST_CASE("a directory that was removed and made again hides what was in it") {
    const TestStore store;
    const Stack stack(store);
    Put(stack.upper + "/usr/share/doc/a", "again");
    Put(stack.upper + "/usr/share/doc/c", "c");
    Opaque(stack.upper + "/usr/share/doc");
    CHECK(Diff(stack.Container(), stack.Image()) ==
          "C usr|C usr/share|C usr/share/doc|C usr/share/doc/a|D usr/share/doc/b|A usr/share/doc/c");
  }

  TEST_CASE("a file in place of a directory, and the other way round") {
    const TestStore store;
    const Stack stack(store);
    Put(stack.upper + "/opt", "a file");
    Put(stack.upper + "/bin/sh/x", "x");
    CHECK(Diff(stack.Container(), stack.Image()) == "C bin|C bin/sh|A bin/sh/x|C opt");
  }

  TEST_CASE("a whole copy, as vfs has it, is compared by what it looks like") {
    const TestStore store;
    const Stack stack(store);
    for (const char* path : {"/etc/passwd", "/etc/group", "/usr/share/doc/a", "/usr/share/doc/b", "/bin/sh",
                             "/bin", "/etc", "/usr/share/doc", "/usr/share", "/usr"}) {
      Age(stack.bottom + path);
    }
    const std::string copy = store.base() + "/copy";
    REQUIRE(MergeLayers(stack.Image(), copy, UserXattr()).ok());
    CHECK(Diff({copy}, stack.Image()) == "");
    REQUIRE(unlink((copy + "/etc/passwd").c_str()) == 0);
    Put(copy + "/etc/passwd", "changed");
    REQUIRE(os::RemoveTreeAt(AT_FDCWD, copy + "/usr").ok());
    Put(copy + "/new", "n");
    CHECK(Diff({copy}, stack.Image()) == "C etc|C etc/passwd|A new|D usr");
  }

  TEST_CASE("marks by name, as fuse-overlayfs may have to write them, are understood") {
    const TestStore store;
    const Stack stack(store);
    Put(stack.upper + "/bin/.wh.sh", "");
    Put(stack.upper + "/usr/share/doc/.wh..wh..opq", "");
    Put(stack.upper + "/usr/share/doc/b", "b");
    CHECK(Diff(stack.Container(), stack.Image()) ==
          "C bin|D bin/sh|C usr|C usr/share|C usr/share/doc|D usr/share/doc/a|C usr/share/doc/b");
  }

  TEST_CASE("staged changes give a layer that shows the same, and the same archive whenever it is packed") {
    const TestStore store;
    const Stack stack(store);
    Put(stack.upper + "/etc/passwd", "changed");
    REQUIRE(link((stack.upper + "/etc/passwd").c_str(), (stack.upper + "/etc/second").c_str()) == 0);
    REQUIRE(symlink("/nowhere", (stack.upper + "/etc/link").c_str()) == 0);
    Whiteout(stack.upper + "/bin", "sh");
    Put(stack.upper + "/usr/share/doc/c", "c");
    Opaque(stack.upper + "/usr/share/doc");
    Put(stack.upper + "/sparse", "");
    REQUIRE(truncate((stack.upper + "/sparse").c_str(), 3 << 20) == 0);
    const std::string wanted = Diff(stack.Container(), stack.Image());

    std::string digests[2];
    for (std::string& digest : digests) {
      auto lease = store::Lease::Take(*store, "test");
      REQUIRE(lease.ok());
      const auto newer = MergedTree::Open(stack.Container(), UserXattr());
      REQUIRE(newer.ok());
      REQUIRE(StageChanges(*lease, *newer, Changes(stack.Container(), stack.Image()), UserXattr()).ok());
      const auto staged = DigestStaged(*lease, UserXattr());
      REQUIRE(staged.ok());
      digest = staged->record.id();
      CHECK(Diff({staged->path + "/diff", stack.middle, stack.bottom}, stack.Image()) == wanted);
      REQUIRE(PublishLayer(*store, *staged).ok());
    }
    CHECK(digests[0] == digests[1]);

    // Through the archive, as a push and a pull would.
    if (UserXattr() != os::InUserNamespace()) return;  // unpacking needs the marks that fit
    CHECK(HasBlob(*store, digests[0]));
    const auto blob = OpenBlob(*store, digests[0]);
    REQUIRE(blob.ok());
    archive::FdSource source(blob->get());
    auto lease = store::Lease::Take(*store, "test");
    const auto again = StageLayer(*lease, source, /*single_id=*/false);
    REQUIRE(again.ok());
    CHECK(again->record.id() == digests[0]);
    CHECK(Diff({again->path + "/diff", stack.middle, stack.bottom}, stack.Image()) == wanted);
  }

  TEST_CASE("a layer whose directory was changed is damaged, one that is not there is not found") {
    const TestStore store;
    const Stack stack(store);
    Put(stack.upper + "/x", "x");
    std::string id;
    {
      auto lease = store::Lease::Take(*store, "test");
      const auto newer = MergedTree::Open(stack.Container(), UserXattr());
      REQUIRE(StageChanges(*lease, *newer, Changes(stack.Container(), stack.Image()), UserXattr()).ok());
      const auto staged = DigestStaged(*lease, UserXattr());
      REQUIRE(staged.ok());
      id = staged->record.id();
      REQUIRE(PublishLayer(*store, *staged).ok());
    }
    REQUIRE(OpenBlob(*store, id).ok());
    Put(LayerDiffDir(*store, id) + "/x", "y");
    CHECK(absl::IsDataLoss(OpenBlob(*store, id).status()));
    CHECK(absl::IsNotFound(OpenBlob(*store, std::string(64, 'a')).status()));
    CHECK_FALSE(HasBlob(*store, std::string(64, 'a')));
  }
}

}  // namespace coracle::storage
