#include "image/check_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include "doctest/doctest.h"
#include "image/image_files.h"
#include "image/test_image.h"
#include "storage/layer_store.h"

namespace coracle::image {
namespace {

using store::TestStore;

CheckReport Check(const store::Store& store, bool repair = false) {
  CheckOptions options;
  options.repair = repair;
  options.single_id = geteuid() != 0;
  auto report = CheckStore(store, options);
  REQUIRE(report.ok());
  return *std::move(report);
}

struct World {
  TestStore store;
  std::string id, layer;
  World() {
    ImportOptions options;
    options.reference = "a";
    options.single_id = geteuid() != 0;
    id = *ImportTar(*store, TarOf({{"dir/x", std::string(5000, 'x')}, {"y", "why"}}), options);
    layer = storage::LayerDiffDir(*store, ReadImage(*store, id)->layer_ids(0));
  }
  // The blob that is the layer's.
  std::string LayerBlob() const {
    const auto record = storage::ReadLayer(*store, ReadImage(*store, id)->layer_ids(0));
    return store->BlobPath(record->blob_digest().substr(7));
  }
};

}  // namespace

TEST_SUITE("image/check_store") {
  TEST_CASE("a whole store has no problems, an empty one neither") {
    const World world;
    const CheckReport report = Check(*world.store);
    CHECK(report.problems.empty());
    CHECK(report.images == 1);
    CHECK(report.layers == 1);
    CHECK(report.blobs == 3);
    const TestStore empty;
    CHECK(Check(*empty).problems.empty());
  }

  TEST_CASE("any change of a layer's tree is found, named and repaired") {
    struct Row {
      const char* what;
      void (*damage)(const std::string& layer);
    };
    for (const Row& row : {
             Row{"dir/x: content",
                 [](const std::string& layer) {
                   struct stat before;
                   stat((layer + "/dir/x").c_str(), &before);
                   (void)os::WriteFileAt(AT_FDCWD, layer + "/dir/x", std::string(5000, 'z'));
                   const timespec times[2] = {before.st_atim, before.st_mtim};
                   utimensat(AT_FDCWD, (layer + "/dir/x").c_str(), times, 0);
                 }},
             Row{"y: mode", [](const std::string& layer) { chmod((layer + "/y").c_str(), 0600); }},
             Row{"y: missing", [](const std::string& layer) { unlink((layer + "/y").c_str()); }},
             Row{"dir/z: should not be there",
                 [](const std::string& layer) { (void)os::WriteFileAt(AT_FDCWD, layer + "/dir/z", ""); }},
             Row{"y: modification time",
                 [](const std::string& layer) { utimensat(AT_FDCWD, (layer + "/y").c_str(), nullptr, 0); }},
         }) {
      const World world;
      row.damage(world.layer);
      CheckReport report = Check(*world.store);
      REQUIRE_MESSAGE(report.problems.size() == 1, row.what);
      CHECK(report.problems[0].why == row.what);
      CHECK(report.problems[0].images == std::vector<std::string>{"localhost/a:latest"});
      CHECK(!report.problems[0].repaired);
      report = Check(*world.store, /*repair=*/true);
      REQUIRE(report.problems.size() == 1);
      CHECK(report.problems[0].repaired);
      CHECK(Check(*world.store).problems.empty());
    }
  }

  TEST_CASE("a layer whose blob is damaged is not made from it") {
    const World world;
    (void)os::WriteFileAt(AT_FDCWD, world.LayerBlob(), "not this");
    chmod((world.layer + "/y").c_str(), 0600);
    const CheckReport report = Check(*world.store, /*repair=*/true);
    REQUIRE(report.problems.size() == 2);
    for (const CheckProblem& problem : report.problems) CHECK(!problem.repaired);
    struct stat info;
    REQUIRE(stat((world.layer + "/y").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }

  TEST_CASE("a blob is fetched again, and only the right one is kept") {
    const World world;
    const std::string blob = world.LayerBlob();
    const std::string good = *os::ReadFileAt(AT_FDCWD, blob);
    auto record = *ReadImage(*world.store, world.id);
    record.add_repo_digests("example.com/a@" + record.manifest_digest());
    REQUIRE(
        store::WriteRecord(ImageRecordPath(*world.store, world.id), record, os::Durability::kVolatile).ok());
    (void)unlink(blob.c_str());
    std::string gives = "a lie";
    CheckOptions options;
    options.repair = true;
    options.single_id = geteuid() != 0;
    options.fetch =
        [&](const std::vector<std::string>& names,
            const oci::Descriptor& wanted) -> absl::StatusOr<std::unique_ptr<archive::ByteSource>> {
      CHECK(!names.empty());
      CHECK(wanted.size == static_cast<int64_t>(good.size()));
      return std::make_unique<archive::MemorySource>(gives);
    };
    auto report = CheckStore(*world.store, options);
    REQUIRE(report.ok());
    CHECK(!report->problems[0].repaired);
    CHECK(!os::ExistsAt(AT_FDCWD, blob));
    gives = good;
    report = CheckStore(*world.store, options);
    REQUIRE(report.ok());
    CHECK(report->problems[0].repaired);
    CHECK(*os::ReadFileAt(AT_FDCWD, blob) == good);
    CHECK(Check(*world.store).problems.empty());
  }

  TEST_CASE("a config comes from the record; what nobody needs is removed") {
    const World world;
    (void)os::WriteFileAt(AT_FDCWD, world.store->BlobPath(world.id), "{}");
    const std::string stray = world.store->BlobPath(std::string(64, 'a'));
    (void)os::WriteFileAt(AT_FDCWD, stray, "not a's");
    CHECK(Check(*world.store).problems.size() == 2);
    const CheckReport report = Check(*world.store, /*repair=*/true);
    for (const CheckProblem& problem : report.problems) CHECK(problem.repaired);
    CHECK(!os::ExistsAt(AT_FDCWD, stray));
    CHECK(Check(*world.store).problems.empty());
  }

  TEST_CASE("a layer below a running container stays as it is") {
    const World world;
    chmod((world.layer + "/y").c_str(), 0600);
    CheckOptions options;
    options.repair = true;
    options.single_id = geteuid() != 0;
    options.in_use = [](const std::string&) { return true; };
    const auto report = CheckStore(*world.store, options);
    REQUIRE(report.ok());
    REQUIRE(report->problems.size() == 1);
    CHECK(!report->problems[0].repaired);
  }
}

}  // namespace coracle::image
