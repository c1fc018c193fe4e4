// Image and tag records as files; what image/ shares within itself.
#ifndef CORACLE_IMAGE_IMAGE_FILES_H_
#define CORACLE_IMAGE_IMAGE_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "store/store.h"

namespace coracle::image {

inline constexpr int kExitEngine = 125;

std::string ImageRecordPath(const store::Store& store, absl::string_view id);
absl::StatusOr<store::ImageRecord> ReadImage(const store::Store& store, absl::string_view id);
// Ids of all images; those without a record (half deleted) are left out.
absl::StatusOr<std::vector<std::string>> ListImageIds(const store::Store& store);
absl::Status SyncDirectory(const std::string& path);
// One sync of the file system instead of one for each of thousands of files.
absl::Status SyncStore(const store::Store& store);

// Held for the few renames and unlinks that change which names and images exist; nothing long is done under
// it, and run takes it never. It makes "this image has no name left" and "this name's image is there" stay
// true between looking and doing.
absl::StatusOr<store::FileLock> LockNames(const store::Store& store);

// `no such image: foo`.
absl::Status NoSuchImage(absl::string_view reference);

// The tag or image that `reference` names.
struct Found {
  store::ImageRecord record;
  std::string name;  // full name of the tag it was found by; empty if by id
};
// Errors: NotFound; InvalidArgument for what can't be a name; FailedPrecondition for an ambiguous id.
absl::StatusOr<Found> Lookup(const store::Store& store, absl::string_view reference);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_IMAGE_FILES_H_
