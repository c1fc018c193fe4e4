#include "oci/docker_archive.h"

#include "doctest/doctest.h"

namespace coracle::oci {

TEST_SUITE("oci/docker_archive") {
  TEST_CASE("what docker, podman and skopeo write is read, and reads back from what we write") {
    const auto images = ParseDockerArchiveManifest(
        R"([{"Config":"a.json","RepoTags":["debian:12"],"Layers":["x/layer.tar","y/layer.tar"]},)"
        R"({"Config":"blobs/sha256/b","RepoTags":null,"Layers":["z.tar"],"LayerSources":{}}])");
    REQUIRE(images.ok());
    REQUIRE(images->size() == 2);
    CHECK((*images)[0].config == "a.json");
    CHECK((*images)[0].repo_tags == std::vector<std::string>{"debian:12"});
    CHECK((*images)[0].layers == std::vector<std::string>{"x/layer.tar", "y/layer.tar"});
    CHECK((*images)[1].repo_tags.empty());
    const std::string written = SerializeDockerArchiveManifest(*images);
    const auto again = ParseDockerArchiveManifest(written);
    REQUIRE(again.ok());
    CHECK(SerializeDockerArchiveManifest(*again) == written);
  }

  TEST_CASE("what is no list of images is refused") {
    for (const char* text : {"", "{}", "[]", "[1]", "[{}]", R"([{"Config":"","Layers":[]}])",
                             R"([{"Config":"a","Layers":"b"}])", R"([{"Config":1,"Layers":[]}])"}) {
      CHECK_MESSAGE(!ParseDockerArchiveManifest(text).ok(), text);
    }
  }

  TEST_CASE("repositories name each tag's top layer") {
    CHECK(SerializeDockerRepositories({{"a", {{"1", "x"}, {"2", "y"}}}}) == R"({"a":{"1":"x","2":"y"}})");
  }
}

}  // namespace coracle::oci
