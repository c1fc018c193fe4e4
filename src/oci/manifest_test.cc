#include "oci/manifest.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "doctest/doctest.h"

namespace coracle::oci {
namespace {

// `text` with a valid digest for each DIGEST and with ' for ".
std::string Doc(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"DIGEST", "sha256:" + std::string(64, 'd')}, {"'", "\""}});
}
std::string Error(absl::string_view text, absl::string_view media_type = "") {
  return std::string(ParseManifestOrIndex(Doc(text), media_type).status().message());
}
Descriptor ImageFor(absl::string_view platform, char digit) {
  Descriptor descriptor;
  descriptor.media_type = kOciManifest;
  descriptor.digest = Digest::FromHex(std::string(64, digit)).value();
  if (!platform.empty()) descriptor.platform = ParsePlatform(platform).value();
  return descriptor;
}

TEST_SUITE("oci/manifest") {
  TEST_CASE("a manifest with every member is written as it was read") {
    const std::string text = Doc(
        "{'schemaVersion':2,'mediaType':'application/vnd.oci.image.manifest.v1+json','artifactType':'a/b',"
        "'config':{'mediaType':'application/vnd.oci.image.config.v1+json','digest':'DIGEST','size':7},"
        "'layers':[{'mediaType':'application/vnd.oci.image.layer.v1.tar+gzip','digest':'DIGEST',"
        "'size':9223372036854775807,'urls':['u'],'annotations':{'k':'v'},'data':'e30=','artifactType':'x/"
        "y'}],"
        "'subject':{'mediaType':'m/n','digest':'DIGEST','size':0},'annotations':{'a':'b'}}");
    const auto manifest = ParseManifest(text, kOciManifest);
    REQUIRE_MESSAGE(manifest.ok(), manifest.status().message());
    CHECK(SerializeManifest(*manifest) == text);
    CHECK(LayerKindOf(manifest->layers[0].media_type) == LayerKind::kTarGzip);
    CHECK_FALSE(ParseIndex(text).ok());
  }
  TEST_CASE("an index with every member is written as it was read") {
    const std::string text =
        Doc("{'schemaVersion':2,'mediaType':'application/"
            "vnd.docker.distribution.manifest.list.v2+json','manifests':"
            "[{'mediaType':'application/vnd.docker.distribution.manifest.v2+json','digest':'DIGEST','size':1,"
            "'platform':{'architecture':'arm','os':'linux','os.version':'1','os.features':['f'],'variant':'"
            "v7'}}],"
            "'annotations':{'a':'b'}}");
    const auto index = ParseIndex(text, kDockerManifestList);
    REQUIRE_MESSAGE(index.ok(), index.status().message());
    CHECK(SerializeIndex(*index) == text);
    CHECK_FALSE(ParseManifest(text).ok());
  }
  TEST_CASE("what could be read as two things is refused") {
    const char* image =
        "{'schemaVersion':2,'config':{'mediaType':'c','digest':'DIGEST','size':1},'layers':[]}";
    CHECK(Error(image).empty());
    CHECK(Error(image, kOciManifest).empty());
    CHECK(Error(image, kOciIndex) == "manifest: an image where an index was expected");
    CHECK(Error("{'schemaVersion':2,'manifests':[],'layers':[]}") == "manifest: both an image and an index");
    CHECK(Error("{'schemaVersion':2,'manifests':[]}", kDockerManifest) ==
          "manifest: an index where an image was expected");
    CHECK(Error("{'schemaVersion':2,'mediaType':'a/b','manifests':[]}", kOciIndex) ==
          "manifest: mediaType: \"a/b\", but it was given as \"application/vnd.oci.image.index.v1+json\"");
    CHECK_FALSE(
        Error("{'schemaVersion':2,'mediaType':'application/vnd.oci.image.manifest.v1+json','manifests':[]}")
            .empty());
  }
  TEST_CASE("errors name the member") {
    CHECK(Error("[]") == "manifest: not an object");
    CHECK(Error("{}") == "manifest: schemaVersion: not 2");
    CHECK(Error("{'schemaVersion':1}") == "manifest: docker's schema 1 is not supported");
    CHECK(Error("{'schemaVersion':2}") == "manifest: config: missing");
    CHECK(Error("{'schemaVersion':2,'manifests':[{'mediaType':'a','digest':'DIGEST','size':-1}]}") ==
          "manifest: manifests[0].size: negative");
    CHECK(Error("{'schemaVersion':2,'manifests':[{'mediaType':'a','digest':'x','size':1}]}") ==
          "manifest: manifests[0].digest: invalid digest \"x\"");
    std::string many = "0";
    for (size_t i = 0; i < kMaxManifestEntries; ++i) many += ",0";
    CHECK(Error("{'schemaVersion':2,'manifests':[" + many + "]}") ==
          "manifest: manifests: more than 4096 entries");
  }
  TEST_CASE("the best image for a platform is selected") {
    Index index;
    index.manifests = {ImageFor("linux/amd64/v3", '1'), ImageFor("linux/amd64", '2'),
                       ImageFor("linux/arm/v6", '3'), ImageFor("linux/amd64", '4')};
    const auto pick = [&](absl::string_view platform) {
      const auto found = SelectPlatform(index, ParsePlatform(platform).value());
      return found.ok() ? std::string(found->digest.hex().substr(0, 1))
                        : std::string(found.status().message());
    };
    CHECK(pick("linux/amd64") == "2");
    CHECK(pick("linux/amd64/v4") == "1");
    CHECK(pick("linux/arm/v7") == "3");
    CHECK(pick("linux/s390x") ==
          "no image for linux/s390x, only for linux/amd64/v3, linux/amd64, linux/arm/v6");
    index.manifests[1].artifact_type = "application/attestation";
    CHECK(pick("linux/amd64") == "4");
    index.manifests = {ImageFor("", '5')};
    CHECK(pick("linux/amd64") == "5");
  }
}

}  // namespace
}  // namespace coracle::oci
