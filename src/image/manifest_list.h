// Indexes that are put together here before they are pushed, as objects of the store.
//
// <root>/manifests/<escaped full name> is a record (store.h) of JSON: name, index, and for each entry the
// place where its image is. Images are not copied into the list; a push reads them from there.
#ifndef CORACLE_IMAGE_MANIFEST_LIST_H_
#define CORACLE_IMAGE_MANIFEST_LIST_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "image/transport.h"
#include "oci/manifest.h"
#include "store/store.h"

namespace coracle::image {

struct ManifestList {
  std::string name;  // full
  oci::Index index;
  std::map<std::string, std::string> sources;  // digest -> place
};

// The full name of what people call a list: as of an image made here. Errors: InvalidArgument.
absl::StatusOr<std::string> ManifestListName(absl::string_view text);

// Errors: NotFound `no such manifest list: foo`.
absl::StatusOr<ManifestList> ReadManifestList(const store::Store& store, absl::string_view name);

// Makes an empty one. Errors: AlreadyExists, unless `amend`: then the one that is there stays.
absl::Status CreateManifestList(const store::Store& store, const ManifestList& list, bool amend);

// Reads, lets `change` change, and writes, held against other changes. Gives the list as it is then. Errors:
// of `change`: then nothing is written.
absl::StatusOr<ManifestList> ChangeManifestList(const store::Store& store, absl::string_view name,
                                                const std::function<absl::Status(ManifestList&)>& change);

// Errors: NotFound.
absl::Status RemoveManifestList(const store::Store& store, absl::string_view name);

// The list as a source, for CopyImage with `all`. `open` gives the source of a place.
class ManifestListSource : public ImageSource {
 public:
  using Open = std::function<absl::StatusOr<std::unique_ptr<ImageSource>>(const std::string& place)>;
  ManifestListSource(ManifestList list, Open open) : list_(std::move(list)), open_(std::move(open)) {}

  std::string Name() const override { return list_.name; }
  absl::StatusOr<ManifestDocument> GetManifest() override;
  absl::StatusOr<ManifestDocument> GetInstance(const oci::Descriptor& descriptor) override;
  absl::StatusOr<std::unique_ptr<archive::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                                int64_t offset) override;

 private:
  const ManifestList list_;
  const Open open_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<ImageSource>> opened_;  // by place
  std::map<oci::Digest, ImageSource*> blobs_;
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_MANIFEST_LIST_H_
