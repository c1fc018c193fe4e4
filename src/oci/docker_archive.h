// The documents in the archives that `docker save` writes: manifest.json, and repositories of old.
// Source: docker's image specification v1.2, "Combined Image JSON + Filesystem Changeset Format"; what
// docker, podman and skopeo write.
#ifndef CORACLE_OCI_DOCKER_ARCHIVE_H_
#define CORACLE_OCI_DOCKER_ARCHIVE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::oci {

inline constexpr size_t kMaxDockerArchiveManifestBytes = 16 << 20;

// One image: its config and layers are names of members, its tags as people write them.
struct DockerArchiveImage {
  std::string config;
  std::vector<std::string> repo_tags;  // "debian:12", "localhost/a:1"
  std::vector<std::string> layers;     // bottom first
};

// Errors: InvalidArgument naming the member. At least one image comes back.
absl::StatusOr<std::vector<DockerArchiveImage>> ParseDockerArchiveManifest(absl::string_view json);
// The same value always gives the same bytes, which the parser reads back to the same value.
std::string SerializeDockerArchiveManifest(const std::vector<DockerArchiveImage>& images);

// repositories: name -> tag -> id of the top layer's member.
std::string SerializeDockerRepositories(
    const std::map<std::string, std::map<std::string, std::string>>& repositories);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_DOCKER_ARCHIVE_H_
