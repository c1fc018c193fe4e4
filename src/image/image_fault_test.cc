// Import, tag and removal are killed at each write step; the store must stay sound, and doing it again must
// work.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <functional>

#include "base/sha256.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "image/archive_writer.h"
#include "image/check_store.h"
#include "image/copy_image.h"
#include "image/docker_archive_sink.h"
#include "image/docker_archive_source.h"
#include "image/members.h"
#include "image/store_sink.h"
#include "image/test_source.h"

namespace coracle::image {
namespace {

using store::TestStore;

bool KilledAt(int n, const std::function<absl::Status()>& operation) {
  const int status = store::InChild([&] {
    setenv("CORACLE_FAULT", ("*:" + std::to_string(n)).c_str(), 1);
    return operation().ok() ? 0 : 1;
  });
  if (WIFSIGNALED(status)) return true;
  CHECK(WEXITSTATUS(status) == 0);
  return false;
}

size_t Count(const std::string& dir) {
  const auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  return names.ok() ? names->size() : 0;
}

// All that is listed is whole: config, manifest, layers.
void CheckSound(const store::Store& store) {
  const auto images = List(store);
  REQUIRE(images.ok());
  for (const ImageInfo& image : *images) {
    CHECK(ReadManifest(store, image.record).ok());
    CHECK(Sha256Hex(*ReadConfig(store, image.record)) == image.record.id());
    const auto run = FindForRun(store, image.record.id());
    REQUIRE(run.ok());
    for (const std::string& dir : run->layer_dirs) CHECK(os::ExistsAt(AT_FDCWD, dir + "/x"));
    for (const std::string& name : image.names) CHECK(FindForRun(store, name)->id == image.record.id());
  }
}

void CheckEmptyAfterPrune(const store::Store& store) {
  REQUIRE(store::Sweep(store).ok());
  REQUIRE(Prune(store, true, {}).ok());
  for (const char* dir : {"/layers", "/blobs/sha256", "/tmp", "/trash", "/partial"}) {
    CAPTURE(dir);
    CHECK(Count(store.root() + dir) == 0);
  }
  for (const char* kind : {"/blobs", "/layers"}) {
    CHECK(Count(absl::StrCat(store.root(), "/staged/", store::BootId(), kind)) == 0);
  }
  CHECK(List(store)->empty());
  CHECK(Count(store.runroot() + "/leases") == 0);
}

absl::Status Pull(const store::Store& store, MemoryImage& source) {
  StoreSinkOptions options;
  options.tags = {"example.com/a:1"};
  options.repository = "example.com/a";
  options.single_id = geteuid() != 0;
  ASSIGN_OR_RETURN(const std::unique_ptr<StoreSink> sink, StoreSink::Create(store, options));
  return CopyImage(source, *sink, {}).status();
}

// All images of a docker-archive.
absl::Status Load(const store::Store& store, const std::string& file) {
  RETURN_IF_ERROR(store.EnsureExists());
  ASSIGN_OR_RETURN(const auto members, OpenArchiveMembers(file, store.root() + "/tmp"));
  ASSIGN_OR_RETURN(const auto images, ReadDockerArchiveImages(*members));
  for (const oci::DockerArchiveImage& image : images) {
    StoreSinkOptions options;
    options.tags = image.repo_tags;
    options.single_id = geteuid() != 0;
    ASSIGN_OR_RETURN(const std::unique_ptr<StoreSink> sink, StoreSink::Create(store, options));
    DockerArchiveSource source(members, image, file);
    RETURN_IF_ERROR(CopyImage(source, *sink, {}).status());
  }
  return absl::OkStatus();
}

}  // namespace

TEST_SUITE("image/fault") {
  TEST_CASE("a pull killed at any step is absent or whole, and the next one finishes it") {
    MemoryImage source({TarOf({{"x", Noise(5000)}}), TarOf({{"x", Noise(9000, 2)}})});
    source.Wrap();
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      if (!KilledAt(n, [&] { return Pull(*store, source); })) break;
      ++steps;
      CheckSound(*store);
      // Every other time the killed one's leavings are all there is; else the sweep was there before.
      if (n % 2 == 0) REQUIRE(store::Sweep(*store).ok());
      CHECK(Pull(*store, source).ok());
      CheckSound(*store);
      CHECK(FindForRun(*store, "example.com/a:1").ok());
      CheckEmptyAfterPrune(*store);
    }
    CHECK(steps > 40);
  }

  TEST_CASE("a load killed at any step is absent or whole, image by image, and the next one finishes it") {
    const std::string dir = TestStore().base();
    REQUIRE(os::MakeDirectories(dir, 0700).ok());
    const std::string file = dir + "/a.tar";
    {
      auto members = CreateArchiveWriter(file, {dir});
      REQUIRE(members.ok());
      DockerArchiveWriter writer(*std::move(members));
      MemoryImage one({TarOf({{"x", Noise(5000)}})});
      MemoryImage two({TarOf({{"x", Noise(5000)}}), TarOf({{"x", Noise(9000, 2)}})});
      for (auto& [image, tag] :
           {std::pair<MemoryImage*, const char*>{&one, "example.com/a:1"}, {&two, "example.com/b:1"}}) {
        const auto sink = writer.NewSink(file, {tag}, /*finish=*/false);
        REQUIRE(CopyImage(*image, *sink, {}).ok());
      }
      REQUIRE(writer.Finish().ok());
    }
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      if (!KilledAt(n, [&] { return Load(*store, file); })) break;
      ++steps;
      CheckSound(*store);
      if (n % 2 == 0) REQUIRE(store::Sweep(*store).ok());
      CHECK(Load(*store, file).ok());
      CheckSound(*store);
      for (const char* name : {"example.com/a:1", "example.com/b:1"}) CHECK(FindForRun(*store, name).ok());
      CHECK(CheckStore(*store, {})->problems.empty());
      CheckEmptyAfterPrune(*store);
    }
    CHECK(steps > 40);
    (void)os::RemoveTreeAt(AT_FDCWD, dir);
  }

  TEST_CASE("a repair killed at any step leaves the layer damaged or whole") {
    MemoryImage source({TarOf({{"x", Noise(5000)}})});
    CheckOptions repair;
    repair.repair = true;
    repair.single_id = geteuid() != 0;
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      REQUIRE(Pull(*store, source).ok());
      const auto run = FindForRun(*store, "example.com/a:1");
      REQUIRE(run.ok());
      REQUIRE(os::WriteFileAt(AT_FDCWD, run->layer_dirs[0] + "/x", "damaged").ok());
      const bool killed = KilledAt(n, [&] { return CheckStore(*store, repair).status(); });
      CheckSound(*store);
      if (!killed) break;
      ++steps;
      REQUIRE(CheckStore(*store, repair).ok());
      CHECK(CheckStore(*store, {})->problems.empty());
      CheckEmptyAfterPrune(*store);
    }
    CHECK(steps > 3);
  }

  TEST_CASE("import killed at any step is absent or whole, and works when done again") {
    const std::string tar = TarOf({{"x", "content"}});
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      if (!KilledAt(n, [&] { return ImportTar(*store, tar, "a").status(); })) break;
      ++steps;
      CheckSound(*store);
      CHECK(ImportTar(*store, tar, "a").ok());
      CheckSound(*store);
      CHECK(FindForRun(*store, "a").ok());
      CheckEmptyAfterPrune(*store);
    }
    CHECK(steps > 20);
  }

  TEST_CASE("a tag killed at any step is the old or the new") {
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      const auto a = ImportTar(*store, TarOf({{"x", "a"}}), "a");
      const auto b = ImportTar(*store, TarOf({{"x", "b"}}), "b");
      REQUIRE((a.ok() && b.ok()));
      if (!KilledAt(n, [&] { return Tag(*store, "a", "b"); })) break;
      ++steps;
      CheckSound(*store);
      const std::string id = FindForRun(*store, "b")->id;
      CHECK((id == *a || id == *b));
      CHECK(Tag(*store, "a", "b").ok());
      CHECK(FindForRun(*store, "b")->id == *a);
    }
    CHECK(steps >= 3);
  }

  TEST_CASE("removal killed at any step leaves whole images only") {
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      REQUIRE(ImportTar(*store, TarOf({{"x", "a"}}), "a").ok());
      REQUIRE(ImportTar(*store, TarOf({{"x", "b"}}), "b").ok());
      if (!KilledAt(n, [&] { return Remove(*store, "a", false, {}).status(); })) break;
      ++steps;
      CheckSound(*store);
      CHECK(FindForRun(*store, "b").ok());
      CheckEmptyAfterPrune(*store);
    }
    CHECK(steps >= 5);
  }
}

}  // namespace coracle::image
