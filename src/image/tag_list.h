// All tags of a store, without reading each of a thousand small files again.
//
// A tag is added, replaced and removed by a rename or unlink in names/images, which changes that directory's
// times. So a copy of all tags in the run directory, made when the directory had its present times, is as
// good as the files. Times have a granularity of some milliseconds: no copy is made of a directory that was
// changed just now. It is a copy only: missing, damaged or older, it costs time and nothing else.
#ifndef CORACLE_IMAGE_TAG_LIST_H_
#define CORACLE_IMAGE_TAG_LIST_H_

#include <vector>

#include "absl/status/statusor.h"
#include "store/store.h"

namespace coracle::image {

// All tags, sorted by name. Damaged ones, which only a power cut makes, are left out.
absl::StatusOr<std::vector<store::TagRecord>> ListTags(const store::Store& store);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_TAG_LIST_H_
