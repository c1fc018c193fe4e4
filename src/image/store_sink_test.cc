#include "image/store_sink.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "doctest/doctest.h"
#include "image/copy_image.h"
#include "image/garbage.h"
#include "image/staging.h"
#include "image/store_source.h"
#include "image/test_source.h"

namespace coracle::image {
namespace {

using store::TestStore;

constexpr char kTag[] = "example.com/a:1";

size_t Count(const std::string& dir) {
  const auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  return names.ok() ? names->size() : 0;
}

absl::StatusOr<CopyResult> Pull(const store::Store& store, MemoryImage& source, const std::string& tag = kTag,
                                std::string* id = nullptr) {
  StoreSinkOptions options;
  options.tags = {tag};
  options.repository = tag.substr(0, tag.find(':'));
  options.single_id = geteuid() != 0;
  ASSIGN_OR_RETURN(const std::unique_ptr<StoreSink> sink, StoreSink::Create(store, options));
  auto result = CopyImage(source, *sink, {});
  if (id != nullptr) *id = sink->image_id();
  return result;
}

size_t Staged(const store::Store& store) {
  const std::string dir = store.root() + "/staged/" + store::BootId();
  return Count(dir + "/blobs") + Count(dir + "/layers");
}

// Neither listed nor lying about: what a failed pull may leave is a partial blob.
void CheckNothing(const store::Store& store, size_t partial) {
  CHECK(List(store)->empty());
  for (const char* dir : {"/layers", "/blobs/sha256", "/tmp", "/names/images", "/trash"}) {
    CAPTURE(dir);
    CHECK(Count(store.root() + dir) == 0);
  }
  CHECK(Staged(store) == 0);
  CHECK(Count(store.root() + "/partial") == partial);
  CHECK(Count(store.runroot() + "/leases") == 0);
  CHECK(Count(store.runroot() + "/transfers") == 0);
}

}  // namespace

TEST_SUITE("image/store_sink") {
  TEST_CASE("what was pulled is found by tag and digest, and is pushed bit for bit") {
    const TestStore store;
    MemoryImage source({TarOf({{"a", "1"}}), TarOf({{"b", Noise(70000)}})});
    const std::string manifest_digest = source.top.digest.str();
    source.Wrap();
    REQUIRE(Pull(*store, source).ok());
    const auto info = Find(*store, kTag);
    REQUIRE(info.ok());
    CHECK(info->record.id() == source.manifest.config.digest.hex());
    CHECK(info->record.manifest_digest() == manifest_digest);
    CHECK(info->record.index_digest() == source.top.digest.str());
    for (const std::string& digest : {manifest_digest, source.top.digest.str()}) {
      CHECK(Find(*store, "example.com/a@" + digest).ok());
    }
    const auto run = FindForRun(*store, kTag);
    REQUIRE(run.ok());
    CHECK(*os::ReadFileAt(AT_FDCWD, run->layer_dirs[1] + "/a") == "1");
    CHECK(Staged(*store) == 0);

    const auto from = StoreSource::Create(*store, kTag);
    REQUIRE(from.ok());
    MemorySink sink;
    REQUIRE(CopyImage(**from, sink, {}).ok());
    CHECK(sink.top.digest.str() == manifest_digest);
    for (const auto& [digest, bytes] : sink.blobs) CHECK(source.blobs[digest] == bytes);
  }

  TEST_CASE("an unchanged image costs its manifest and nothing else") {
    const TestStore store;
    MemoryImage source({TarOf({{"a", "1"}})});
    source.Wrap();
    REQUIRE(Pull(*store, source).ok());
    const int manifests = source.counts().manifests, blobs = source.counts().blobs;
    const auto again = Pull(*store, source);
    REQUIRE(again.ok());
    CHECK(again->was_there);
    CHECK(source.counts().manifests == manifests + 1);
    CHECK(source.counts().blobs == blobs);
  }

  TEST_CASE("a second name and a second manifest of the same config are kept beside the first") {
    const TestStore store;
    const std::string tar = TarOf({{"a", Noise(20000)}});
    MemoryImage gzip({tar}), zstd({tar}, archive::Compression::kZstd);
    REQUIRE(Pull(*store, gzip).ok());
    REQUIRE(Pull(*store, zstd, "example.com/b:2").ok());
    CHECK(List(*store)->size() == 1);
    for (const auto& [name, source] : {std::pair<std::string, MemoryImage*>{kTag, &gzip},
                                       std::pair<std::string, MemoryImage*>{"example.com/b:2", &zstd}}) {
      const auto from = StoreSource::Create(*store, name);
      REQUIRE(from.ok());
      CHECK((*from)->GetManifest()->digest == source->top.digest);
    }
    REQUIRE(CollectGarbage(*store, absl::ZeroDuration()).ok());
    CHECK(Count((*store).root() + "/blobs/sha256") == 5);  // config, two manifests, two layers
    CHECK(Count((*store).root() + "/layers") == 1);
  }

  TEST_CASE("a layer that another image has is not read again") {
    const TestStore store;
    const std::string base = TarOf({{"a", Noise(20000)}});
    MemoryImage first({base}), second({base, TarOf({{"b", "2"}})});
    REQUIRE(Pull(*store, first).ok());
    REQUIRE(Pull(*store, second, "example.com/b:1").ok());
    CHECK(second.counts().blobs == 2);  // its config and its own layer
  }

  TEST_CASE("bytes that are not what was promised leave nothing at all") {
    const TestStore store;
    MemoryImage source({TarOf({{"a", Noise(50000)}})});
    const std::string digest = source.manifest.layers[0].digest.str();
    SUBCASE("another digest") { source.blobs[digest][30000] ^= 1; }
    SUBCASE("too long") { source.blobs[digest] += "more"; }
    SUBCASE("another content than the config says") {
      oci::ImageConfig config;
      config.os = "linux";
      config.diff_ids = {DigestOf("something else")};
      source.Add(oci::SerializeImageConfig(config), source.manifest.config);
      source.Finish();
    }
    SUBCASE("not a tar archive") {
      const std::string text = Noise(30000);
      source.Add(text, source.manifest.layers[0]);
      oci::ImageConfig config;
      config.diff_ids = {DigestOf(text)};
      source.Add(oci::SerializeImageConfig(config), source.manifest.config);
      source.Finish();
    }
    SUBCASE("a blob that is not there") { source.blobs.erase(digest); }
    SUBCASE("fewer layers than the config says") {
      source.manifest.layers.clear();
      source.Finish();
    }
    SUBCASE("an artifact") {
      source.manifest.config.media_type = "application/vnd.example";
      source.Finish();
    }
    const auto result = Pull(*store, source);
    CHECK(!result.ok());
    CHECK(result.status().message().find('\n') == std::string::npos);
    // The config of the last two, checked and small, may wait for the next try.
    REQUIRE(Staging(*store).Collect(absl::ZeroDuration()).ok());
    CheckNothing(*store, 0);
  }

  TEST_CASE("a cut leaves a partial blob, and the next try goes on where it ended") {
    const TestStore store;
    MemoryImage source({TarOf({{"a", Noise(400000)}})});
    source.cut_at = 150000;
    const auto cut = Pull(*store, source);
    CHECK(cut.status().code() == absl::StatusCode::kUnavailable);
    const std::string partial =
        (*store).root() + "/partial/" + std::string(source.manifest.layers[0].digest.hex());
    struct stat info;
    REQUIRE(stat(partial.c_str(), &info) == 0);
    CHECK(info.st_size == 150000);
    SUBCASE("by range") {
      source.cut_at = SIZE_MAX;
      REQUIRE(Pull(*store, source).ok());
      CHECK(source.counts().last_offset == 150000);
      CHECK(source.counts().bytes < 150000 + 400000 + 20000);
    }
    SUBCASE("and is not believed: a damaged one is fetched anew") {
      const os::UniqueFd file = *os::OpenAt(AT_FDCWD, partial, O_WRONLY);
      REQUIRE(pwrite(file.get(), "damage", 6, 1000) == 6);
      source.cut_at = SIZE_MAX;
      REQUIRE(Pull(*store, source).ok());
      CHECK(source.counts().last_offset == 0);
    }
    SUBCASE("that is whole needs nobody") {
      const os::UniqueFd file = *os::OpenAt(AT_FDCWD, partial, O_WRONLY | O_TRUNC);
      REQUIRE(os::WriteAll(file.get(), source.blobs[source.manifest.layers[0].digest.str()]).ok());
      const int blobs = source.counts().blobs;
      source.cut_at = 0;
      REQUIRE(Pull(*store, source).ok());
      CHECK(source.counts().blobs <= blobs + 1);  // the config, if it did not stay
    }
    CHECK(FindForRun(*store, kTag).ok());
    CHECK(Count((*store).root() + "/partial") == 0);
  }

  TEST_CASE("what an earlier boot left staged is digested again, not fetched, and not believed") {
    const TestStore store;
    MemoryImage source({TarOf({{"a", Noise(40000)}})});
    const std::string hex(source.manifest.layers[0].digest.hex());
    REQUIRE(store->EnsureExists().ok());
    const std::string old = (*store).root() + "/staged/some-other-boot";
    REQUIRE(os::MakeDirectories(old + "/blobs", 0700).ok());
    REQUIRE(os::MakeDirectories(old + "/layers/" + std::string(64, 'a'), 0700).ok());
    REQUIRE(os::WriteFileAt(AT_FDCWD, old + "/blobs/" + hex, source.blobs["sha256:" + hex]).ok());
    REQUIRE(Pull(*store, source).ok());
    CHECK(source.counts().blobs == 1);  // the config
    CHECK(!os::ExistsAt(AT_FDCWD, old));
  }

  TEST_CASE("several processes that pull one image read each blob once") {
    const TestStore store;
    REQUIRE(store->EnsureExists().ok());
    MemoryImage source({TarOf({{"a", Noise(3000000)}}), TarOf({{"b", Noise(2000000, 2)}})});
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i) {
      const pid_t pid = fork();
      if (pid == 0) _exit(Pull(*store, source).ok() ? 0 : 1);
      children.push_back(pid);
    }
    for (const pid_t pid : children) {
      int status = -1;
      waitpid(pid, &status, 0);
      CHECK(status == 0);
    }
    CHECK(source.counts().blobs == 3);
    CHECK(FindForRun(*store, kTag).ok());
    CHECK(Staged(*store) == 0);
    CHECK(Count(store->runroot() + "/transfers") == 0);
  }

  TEST_CASE("an aborted pull leaves alone what another one counts on") {
    const TestStore store;
    MemoryImage whole({TarOf({{"a", Noise(20000)}})});
    // The same layer, and one that never arrives.
    MemoryImage broken({TarOf({{"a", Noise(20000)}}), TarOf({{"b", Noise(60000)}})});
    broken.cut_at = 50000;
    auto lease = store::Lease::Take(*store, "test");
    REQUIRE(lease.ok());
    REQUIRE(lease->ClaimBlob(whole.manifest.layers[0].digest.hex()).ok());
    const std::string diff_id = Sha256Hex(TarOf({{"a", Noise(20000)}}));
    REQUIRE(lease->ClaimLayer(diff_id).ok());
    // The first layer may be given up before it is whole, when the other fails; once it is there, it stays.
    for (int i = 0; i < 100 && !Staging(*store).FindLayer(diff_id)->has_value(); ++i) {
      CHECK(!Pull(*store, broken).ok());
    }
    CHECK(!Pull(*store, broken).ok());
    CHECK(Staging(*store).FindLayer(diff_id)->has_value());
    CHECK(Staging(*store).FindBlob(whole.manifest.layers[0].digest.hex())->has_value());
  }

  TEST_CASE("collection takes old partial blobs, and no younger ones") {
    const TestStore store;
    MemoryImage source({TarOf({{"a", Noise(400000)}})});
    source.cut_at = 150000;
    CHECK(!Pull(*store, source).ok());
    REQUIRE(CollectGarbage(*store).ok());
    CHECK(Count((*store).root() + "/partial") >= 1);
    REQUIRE(Prune(*store, false, {}).ok());
    CheckNothing(*store, 0);
  }
}

}  // namespace coracle::image
