#include "image/copy_image.h"

#include "archive/decompress.h"
#include "doctest/doctest.h"
#include "image/test_source.h"

namespace coracle::image {
namespace {

std::string Plain(const std::string& data) {
  archive::MemorySource source(data);
  auto plain = archive::Decompressor::Open(source);
  REQUIRE(plain.ok());
  archive::StringSink sink;
  REQUIRE(archive::Copy(**plain, sink).ok());
  return sink.data();
}

}  // namespace

TEST_SUITE("image/copy_image") {
  TEST_CASE("a copy without wishes has the same bytes throughout") {
    MemoryImage source({TarOf({{"a", "1"}}), TarOf({{"b", Noise(50000)}})});
    MemorySink sink;
    const auto result = CopyImage(source, sink, {});
    REQUIRE(result.ok());
    CHECK(sink.committed);
    CHECK(sink.top.bytes == source.top.bytes);
    CHECK(result->top.digest == source.top.digest);
    CHECK(sink.blobs == source.blobs);
  }

  TEST_CASE("a layer that a manifest names twice is read once") {
    const std::string tar = TarOf({{"a", "1"}});
    MemoryImage source({tar, TarOf({{"b", "2"}}), tar});
    MemorySink sink;
    REQUIRE(CopyImage(source, sink, {}).ok());
    CHECK(source.counts().blobs == 3);  // two layers and the config
    CHECK(sink.top.bytes == source.top.bytes);
  }

  TEST_CASE("a stream that is wrong, too long or too short is an error, and nothing is committed") {
    for (const int lie : {0, 1, 2}) {
      CAPTURE(lie);
      MemoryImage source({TarOf({{"a", Noise(5000)}})});
      std::string& blob = source.blobs[source.manifest.layers[0].digest.str()];
      if (lie == 0) blob[100] ^= 1;
      if (lie == 1) blob += "x";
      if (lie == 2) blob.pop_back();
      MemorySink sink;
      const auto result = CopyImage(source, sink, {});
      REQUIRE(!result.ok());
      CHECK(result.status().code() ==
            (lie == 2 ? absl::StatusCode::kUnavailable : absl::StatusCode::kDataLoss));
      CHECK(!sink.committed);
    }
  }

  TEST_CASE("compressing anew changes blobs and manifest, and neither content nor config") {
    const std::string tar = TarOf({{"a", Noise(3000)}});
    MemoryImage source({tar});
    MemorySink sink;
    CopyOptions options;
    options.compression = archive::Compression::kZstd;
    SUBCASE("only if it is forced") {
      REQUIRE(CopyImage(source, sink, options).ok());
      CHECK(sink.top.bytes == source.top.bytes);
    }
    SUBCASE("forced") {
      options.force_compression = true;
      REQUIRE(CopyImage(source, sink, options).ok());
      const auto manifest = oci::ParseManifest(sink.top.bytes, sink.top.media_type);
      REQUIRE(manifest.ok());
      CHECK(manifest->config.digest == source.manifest.config.digest);
      CHECK(manifest->layers[0].media_type == oci::kOciLayerZstd);
      const std::string& blob = sink.blobs[manifest->layers[0].digest.str()];
      CHECK(static_cast<int64_t>(blob.size()) == manifest->layers[0].size);
      CHECK(Plain(blob) == tar);
    }
    SUBCASE("never against a wish for the same digest") {
      options.force_compression = true;
      options.preserve_digests = true;
      CHECK(CopyImage(source, sink, options).status().code() == absl::StatusCode::kInvalidArgument);
    }
  }

  TEST_CASE("docker's format and back gives the same manifest again") {
    MemoryImage source({TarOf({{"a", "1"}})});
    MemorySink docker;
    docker.wanted.manifest_types = {oci::kDockerManifest};
    REQUIRE(CopyImage(source, docker, {}).ok());
    CHECK(docker.top.media_type == oci::kDockerManifest);
    MemoryImage again({});
    again.top = docker.top;
    again.blobs = docker.blobs;
    MemorySink oci_sink;
    CopyOptions options;
    options.format = ManifestFormat::kOci;
    REQUIRE(CopyImage(again, oci_sink, options).ok());
    CHECK(oci_sink.top.bytes == source.top.bytes);
  }

  TEST_CASE("a sink that wants plain layers gets them, in the manifest's order") {
    const std::string tar = TarOf({{"a", Noise(3000)}});
    MemoryImage source({tar});
    MemorySink sink;
    sink.wanted.layer_compression = archive::Compression::kNone;
    sink.wanted.max_parallel_blobs = 1;
    REQUIRE(CopyImage(source, sink, {}).ok());
    CHECK(sink.blobs.contains(DigestOf(tar).str()));
  }

  TEST_CASE("of an index the image of the platform is taken, or all of it") {
    MemoryImage source({TarOf({{"a", "1"}})});
    const ManifestDocument image = source.top;
    source.Wrap();
    MemorySink sink;
    SUBCASE("one") {
      const auto result = CopyImage(source, sink, {});
      REQUIRE(result.ok());
      CHECK(result->top.digest == image.digest);
      CHECK(sink.top.bytes == image.bytes);
    }
    SUBCASE("none that runs") {
      CopyOptions options;
      options.platform = *oci::ParsePlatform("linux/ppc64le");
      CHECK(CopyImage(source, sink, options).status().code() == absl::StatusCode::kNotFound);
    }
  }

  TEST_CASE("after Cancel nothing is committed") {
    MemoryImage source({TarOf({{"a", Noise(50000)}})});
    MemorySink sink;
    os::CancelFlag flag;
    flag.Set();
    CopyOptions options;
    options.cancel = &flag;
    CHECK(CopyImage(source, sink, options).status().code() == absl::StatusCode::kCancelled);
    CHECK(!sink.committed);
  }
}

}  // namespace coracle::image
