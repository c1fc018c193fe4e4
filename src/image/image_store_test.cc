#include "image/image_store.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "archive/tar_writer.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "image/test_image.h"
#include "storage/layer_store.h"
#include "store/lease.h"

namespace coracle::image {
namespace {

using store::TestStore;

size_t Count(const std::string& dir) {
  const auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  return names.ok() ? names->size() : 0;
}

bool NothingStored(const store::Store& store) {
  return Count(store.root() + "/layers") == 0 && Count(store.root() + "/blobs/sha256") == 0 &&
         Count(store.root() + "/images") == 0 && Count(store.root() + "/names/images") == 0 &&
         Count(store.root() + "/tmp") == 0 && Count(store.runroot() + "/leases") == 0;
}

}  // namespace

TEST_SUITE("image/image_store") {
  TEST_CASE("what is imported is found by every form of its name and by id, and hashes to its digests") {
    const TestStore store;
    const auto id = ImportTar(*store, TarOf({{"etc/motd", "hi"}}), "web:1");
    REQUIRE(id.ok());
    for (const std::string& name :
         {std::string("web:1"), std::string("localhost/web:1"), *id, id->substr(0, 10), "sha256:" + *id}) {
      CAPTURE(name);
      const auto found = FindForRun(*store, name);
      REQUIRE(found.ok());
      CHECK(found->id == *id);
    }
    const auto run = FindForRun(*store, "web:1");
    CHECK(run->name == "localhost/web:1");
    REQUIRE(run->layer_dirs.size() == 1);
    CHECK(*os::ReadFileAt(AT_FDCWD, run->layer_dirs[0] + "/etc/motd") == "hi");
    CHECK(Sha256Hex(run->config_json) == *id);
    const auto info = Find(*store, "web:1");
    REQUIRE(info.ok());
    CHECK(info->names == std::vector<std::string>{"localhost/web:1"});
    CHECK(info->record.size_bytes() == 2);
    CHECK("sha256:" + Sha256Hex(*ReadManifest(*store, info->record)) == info->record.manifest_digest());
    const auto manifest = ParseJson(*ReadManifest(*store, info->record));
    REQUIRE(manifest.ok());
    const std::string blob = (*manifest)["layers"][0]["digest"];
    const auto data = os::ReadFileAt(AT_FDCWD, store->BlobPath(blob.substr(7)));
    REQUIRE(data.ok());
    CHECK("sha256:" + Sha256Hex(*data) == blob);
    CHECK(Count(store->root() + "/tmp") == 0);
    CHECK(absl::IsNotFound(FindForRun(*store, "web").status()));
    CHECK(absl::IsNotFound(FindForRun(*store, "other").status()));
    CHECK(ExitCodeOf(FindForRun(*store, "other").status()) == 125);
    CHECK(ExitCodeOf(FindForRun(*store, "NO/Such").status()) == 125);
  }

  TEST_CASE("the root of a layer has mode 0755 unless the archive says otherwise") {
    const TestStore store;
    const mode_t old = umask(077);
    REQUIRE(ImportTar(*store, TarOf({{"a/b", "x"}}), "a").ok());
    umask(old);
    const auto run = FindForRun(*store, "a");
    struct stat info;
    for (const char* name : {"", "/a"}) {
      REQUIRE(stat((run->layer_dirs[0] + name).c_str(), &info) == 0);
      CHECK((info.st_mode & 07777) == 0755);
    }
  }

  TEST_CASE("changes and message reach the config") {
    const TestStore store;
    ImportOptions options;
    options.reference = "a";
    options.changes = {"CMD [\"/bin/sh\"]", "ENV A=b"};
    options.message = "a note";
    REQUIRE(ImportTar(*store, TarOf({{"x", "y"}}), options).ok());
    const auto config = ParseJson(FindForRun(*store, "a")->config_json);
    REQUIRE(config.ok());
    CHECK((*config)["config"]["Cmd"][0] == "/bin/sh");
    CHECK((*config)["config"]["Env"][0] == "A=b");
    CHECK((*config)["history"][0]["comment"] == "a note");
    CHECK((*config)["os"] == "linux");
  }

  TEST_CASE("bad input, names and changes leave nothing") {
    const TestStore store;
    std::string tar = TarOf({{"x", std::string(100000, 'x')}});
    CHECK_FALSE(ImportTar(*store, tar.substr(0, 50000), "a").ok());
    CHECK_FALSE(ImportTar(*store, "no archive at all, whatever it is: " + std::string(2000, 'z'), "a").ok());
    CHECK_FALSE(ImportTar(*store, "", "a").ok());
    CHECK_FALSE(ImportTar(*store, tar, "Bad Name").ok());
    CHECK_FALSE(ImportTar(*store, TarOf({{"../evil", "x"}}), "a").ok());
    ImportOptions options;
    options.changes = {"FROM x"};
    CHECK_FALSE(ImportTar(*store, tar, options).ok());
    CHECK(ExitCodeOf(ImportTar(*store, "", "a").status()) == 125);
    CHECK(NothingStored(*store));
    CHECK(List(*store)->empty());
  }

  TEST_CASE("hello is made from the binary at first use, always the same") {
    const TestStore one;
    const TestStore two;
    const auto first = FindForRun(*one, "hello");
    REQUIRE(first.ok());
    CHECK(first->name == "localhost/hello:latest");
    CHECK(FindForRun(*two, "localhost/hello:latest")->id == first->id);
    CHECK(FindForRun(*one, "hello:latest")->id == first->id);
    CHECK(access((first->layer_dirs[0] + "/hello").c_str(), X_OK) == 0);
    CHECK(absl::IsNotFound(FindForRun(*two, "hello:other").status()));
    CHECK(absl::IsNotFound(Find(*two, "hell").status()));
  }

  TEST_CASE("tags: a name moves, the last name takes the image with it") {
    const TestStore store;
    const auto a = ImportTar(*store, TarOf({{"x", "a"}}), "a");
    const auto b = ImportTar(*store, TarOf({{"x", "b"}}), "b");
    REQUIRE((a.ok() && b.ok()));
    REQUIRE(Tag(*store, "a", "c:2").ok());
    REQUIRE(Tag(*store, "a", "quay.io/x/y").ok());
    CHECK(Find(*store, "a")->names ==
          std::vector<std::string>{"localhost/a:latest", "localhost/c:2", "quay.io/x/y:latest"});
    REQUIRE(Tag(*store, "b", "c:2").ok());
    CHECK(Find(*store, "c:2")->record.id() == *b);
    CHECK(absl::IsNotFound(Tag(*store, "none", "d")));
    CHECK_FALSE(Tag(*store, "a", "BAD NAME").ok());

    CHECK(absl::IsFailedPrecondition(Remove(*store, *a, false, {}).status()));
    auto removal = Remove(*store, "a", false, {});
    REQUIRE(removal.ok());
    CHECK(removal->untagged == std::vector<std::string>{"localhost/a:latest"});
    CHECK(removal->deleted.empty());
    CHECK(absl::IsFailedPrecondition(Remove(*store, "quay.io/x/y", false, {{*a, "c1"}}).status()));
    removal = Remove(*store, "quay.io/x/y", false, {});
    REQUIRE(removal.ok());
    CHECK(removal->deleted == std::vector<std::string>{*a});
    CHECK(absl::IsNotFound(Find(*store, *a).status()));
    CHECK(Count(store->root() + "/layers") == 1);
    CHECK(Count(store->root() + "/blobs/sha256") == 3);
    removal = Remove(*store, *b, true, {{*b, "c1"}});
    REQUIRE(removal.ok());
    CHECK(removal->untagged.size() == 2);
    CHECK(NothingStored(*store));
    CHECK(absl::IsNotFound(Remove(*store, *b, true, {}).status()));
  }

  TEST_CASE("untag takes the names that are given, or all") {
    const TestStore store;
    REQUIRE(ImportTar(*store, TarOf({{"x", "a"}}), "a").ok());
    REQUIRE(Tag(*store, "a", "b").ok());
    REQUIRE(Tag(*store, "a", "c").ok());
    CHECK(absl::IsNotFound(Untag(*store, "a", {"zzz"})));
    REQUIRE(Untag(*store, "a", {"b"}).ok());
    CHECK(Find(*store, "a")->names.size() == 2);
    const std::string id = Find(*store, "a")->record.id();
    REQUIRE(Untag(*store, "a", {}).ok());
    CHECK(Find(*store, id)->names.empty());
  }

  TEST_CASE("two images that share a layer: it stays for the second") {
    const TestStore store;
    const std::string tar = TarOf({{"x", "same"}});
    ImportOptions options;
    options.reference = "one";
    options.message = "1";
    REQUIRE(ImportTar(*store, tar, options).ok());
    options.reference = "two";
    options.message = "2";
    REQUIRE(ImportTar(*store, tar, options).ok());
    CHECK(List(*store)->size() == 2);
    CHECK(Count(store->root() + "/layers") == 1);
    REQUIRE(Remove(*store, "one", false, {}).ok());
    const auto run = FindForRun(*store, "two");
    REQUIRE(run.ok());
    CHECK(*os::ReadFileAt(AT_FDCWD, run->layer_dirs[0] + "/x") == "same");
    const auto info = Find(*store, "two");
    CHECK(ReadManifest(*store, info->record).ok());
  }

  TEST_CASE("prune removes what has no name, or all that is unused, and forgotten layers") {
    const TestStore store;
    const auto a = ImportTar(*store, TarOf({{"x", "a"}}), "a");
    const auto b = ImportTar(*store, TarOf({{"x", "b"}}), "");
    const auto c = ImportTar(*store, TarOf({{"x", "c"}}), "c");
    REQUIRE((a.ok() && b.ok() && c.ok()));
    REQUIRE(os::MakeDirectories(store->LayerDir(std::string(64, 'f')) + "/diff", 0755).ok());
    auto removal = Prune(*store, false, {});
    REQUIRE(removal.ok());
    CHECK(removal->deleted == std::vector<std::string>{*b});
    CHECK(Count(store->root() + "/layers") == 2);
    removal = Prune(*store, true, {{*c, "container"}});
    REQUIRE(removal.ok());
    CHECK(removal->deleted == std::vector<std::string>{*a});
    CHECK(FindForRun(*store, "c").ok());
    REQUIRE(Prune(*store, true, {})->deleted.size() == 1);
    CHECK(NothingStored(*store));
  }

  TEST_CASE("layers of containers and of live leases are not garbage") {
    const TestStore store;
    REQUIRE(ImportTar(*store, TarOf({{"x", "a"}}), "a").ok());
    const std::string layer = FindForRun(*store, "a")->layer_ids[0];
    store::ContainerRecord record = store::RecordNamed("c");
    record.add_layer_ids(layer);
    record.set_auto_remove(true);
    REQUIRE(store::CreateContainer(*store, record, os::Durability::kVolatile).ok());
    REQUIRE(Remove(*store, "a", true, {}).ok());
    CHECK(os::ExistsAt(AT_FDCWD, storage::LayerDiffDir(*store, layer) + "/x"));
    REQUIRE(store::RemoveContainer(*store, record.id()).ok());
    {
      auto lease = store::Lease::Take(*store, "test");
      REQUIRE(lease->ClaimLayer(layer).ok());
      REQUIRE(Prune(*store, false, {}).ok());
      CHECK(os::ExistsAt(AT_FDCWD, storage::LayerDiffDir(*store, layer) + "/x"));
    }
    REQUIRE(Prune(*store, false, {}).ok());
    CHECK(NothingStored(*store));
  }

  TEST_CASE("imports of one tar at once, beside prunes, all succeed and are whole") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    const std::string tar = TarOf({{"x", "same"}, {"y", std::string(100000, 'y')}});
    std::vector<pid_t> children;
    for (int i = 0; i < 5; ++i) {
      const pid_t pid = fork();
      if (pid == 0) {
        for (int n = 0; n < 15; ++n) {
          if (i == 4) {
            if (!Prune(*store, false, {}).ok()) _exit(1);
            continue;
          }
          const std::string name = "n" + std::to_string(i);
          if (!ImportTar(*store, tar, name).ok()) _exit(2);
          const auto run = FindForRun(*store, name);
          if (!run.ok()) _exit(3);
          if (!os::ExistsAt(AT_FDCWD, run->layer_dirs[0] + "/y")) _exit(4);
          if (!ReadManifest(*store, Find(*store, name)->record).ok()) _exit(5);
          if (!Remove(*store, name, false, {}).ok()) _exit(6);
        }
        _exit(0);
      }
      children.push_back(pid);
    }
    for (const pid_t pid : children) {
      int status = -1;
      waitpid(pid, &status, 0);
      CHECK(WEXITSTATUS(status) == 0);
      CHECK(WIFEXITED(status));
    }
    REQUIRE(Prune(*store, true, {}).ok());
    CHECK(NothingStored(*store));
  }
}

}  // namespace coracle::image
