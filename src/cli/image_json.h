// What inspect and images say about images, with the member names of podman and docker.
#ifndef CORACLE_CLI_IMAGE_JSON_H_
#define CORACLE_CLI_IMAGE_JSON_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/json.h"
#include "cli/listed_fields.h"
#include "image/image_store.h"

namespace coracle::cli {

// The object of `image inspect`.
absl::StatusOr<Json> ImageInspectJson(const store::Store& store, const image::ImageInfo& info);

// An element of `images --format json`.
Json ImagesJson(const image::ImageInfo& info, bool in_use);

// Rows of the table: one for each name, or one with <none>. Repository, Tag and ID are always there.
std::vector<Json> ImageRows(const image::ImageInfo& info, bool truncate, const ListedFields& fields);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_IMAGE_JSON_H_
