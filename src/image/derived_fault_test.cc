// A commit killed at each write step: the store stays sound, and doing it again works.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/sha256.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "image/derived_image.h"
#include "image/image_files.h"
#include "image/test_image.h"
#include "os/user_namespace.h"
#include "storage/layer_blob.h"
#include "storage/stage_diff.h"

namespace coracle::image {
namespace {

using store::TestStore;

// An image over `base` with what lies in `upper`, called a.
absl::StatusOr<std::string> Commit(const store::Store& store, const std::string& base,
                                   const std::string& upper) {
  ASSIGN_OR_RETURN(const store::ImageRecord record, ReadImage(store, base));
  const std::string below = storage::LayerDiffDir(store, record.layer_ids(0));
  const bool user_xattr = os::InUserNamespace();
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store, "commit"));
  ASSIGN_OR_RETURN(const storage::MergedTree newer, storage::MergedTree::Open({upper, below}, user_xattr));
  ASSIGN_OR_RETURN(const storage::MergedTree older, storage::MergedTree::Open({below}, user_xattr));
  ASSIGN_OR_RETURN(const std::vector<storage::Change> changes, storage::DiffTrees(newer, older));
  RETURN_IF_ERROR(storage::StageChanges(lease, newer, changes, user_xattr));
  ASSIGN_OR_RETURN(const storage::StagedLayer layer, storage::DigestStaged(lease, user_xattr));
  DerivedSpec spec;
  spec.base_id = base;
  ASSIGN_OR_RETURN(spec.config, oci::ParseImageConfig(record.config_json()));
  ASSIGN_OR_RETURN(spec.tag, NewImageName("a"));
  return StoreDerivedImage(store, lease, layer, std::move(spec));
}

// All that is listed is whole; the name is of one of them.
void CheckSound(const store::Store& store) {
  const auto images = List(store);
  REQUIRE(images.ok());
  for (const ImageInfo& image : *images) {
    CHECK(Sha256Hex(*ReadConfig(store, image.record)) == image.record.id());
    CHECK(ReadManifest(store, image.record).ok());
    for (const std::string& layer : image.record.layer_ids()) {
      CHECK(os::ExistsAt(AT_FDCWD, storage::LayerDiffDir(store, layer) + "/x"));
    }
    // The top layer of a commit has no blob: its archive is made again, and checked.
    if (image.record.layer_ids_size() == 2) CHECK(storage::OpenBlob(store, image.record.layer_ids(1)).ok());
  }
  CHECK(FindForRun(store, "a").ok());
}

}  // namespace

TEST_SUITE("image/derived") {
  TEST_CASE("a commit killed at any step is absent or whole, and works when done again") {
    const std::string tar = TarOf({{"x", "content"}});
    int steps = 0;
    for (int n = 1;; ++n) {
      CAPTURE(n);
      const TestStore store;
      const auto base = ImportTar(*store, tar, "a");
      REQUIRE(base.ok());
      const std::string upper = store.base() + "/upper";
      REQUIRE(os::MakeDirectories(upper + "/d", 0755).ok());
      REQUIRE(os::WriteFileAt(AT_FDCWD, upper + "/x", "changed").ok());
      REQUIRE(os::WriteFileAt(AT_FDCWD, upper + "/d/y", "new").ok());
      const int status = store::InChild([&] {
        setenv("CORACLE_FAULT", ("*:" + std::to_string(n)).c_str(), 1);
        return Commit(*store, *base, upper).ok() ? 0 : 1;
      });
      CheckSound(*store);
      if (!WIFSIGNALED(status)) {
        CHECK(WEXITSTATUS(status) == 0);
        break;
      }
      ++steps;
      const auto again = Commit(*store, *base, upper);
      REQUIRE_MESSAGE(again.ok(), again.status().ToString());
      CHECK(FindForRun(*store, "a")->id == *again);
      CheckSound(*store);
      REQUIRE(store::Sweep(*store).ok());
      REQUIRE(Prune(*store, true, {}).ok());
      for (const char* dir : {"/layers", "/blobs/sha256", "/tmp"}) {
        CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + dir)->empty());
      }
    }
    CHECK(steps > 10);
  }

  TEST_CASE("a commit over an image that is gone is refused, and leaves nothing") {
    const TestStore store;
    const std::string tar = TarOf({{"x", "content"}});
    const auto base = ImportTar(*store, tar, "a");
    REQUIRE(base.ok());
    const std::string upper = store.base() + "/upper";
    REQUIRE(os::MakeDirectories(upper, 0755).ok());
    REQUIRE(Remove(*store, "a", false, {}).ok());
    CHECK(absl::IsNotFound(Commit(*store, *base, upper).status()));
    CHECK(List(*store)->empty());
    CHECK(os::ListDirectoryAt(AT_FDCWD, store->root() + "/tmp")->empty());
  }
}

}  // namespace coracle::image
