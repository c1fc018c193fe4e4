#include "archive/unpack_layer.h"

#include <string>

#include "archive/compress.h"
#include "archive/test_tar.h"
#include "base/sha256.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

TEST_SUITE("archive/unpack_layer") {
  TEST_CASE("both digests cover every byte, padding after the end too") {
    std::string tar = Member({.path = "f", .content = std::string(5 << 20, 'x')}) + EndMarker() +
                      std::string(9 * 512, '\0');
    for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
      StringSink blob, kept;
      auto sink = MakeCompressor(compression, blob);
      REQUIRE(sink.ok());
      REQUIRE((*sink)->Write(tar).ok());
      REQUIRE((*sink)->Finish().ok());
      TestDirectory root;
      MemorySource source(blob.data());
      TeeSource tee(source, kept);
      const auto layer = UnpackLayer(tee, root.fd(), {});
      REQUIRE_MESSAGE(layer.ok(), layer.status().ToString());
      CHECK(layer->compression == compression);
      CHECK(layer->blob_sha256 == Sha256Hex(blob.data()));
      CHECK(layer->blob_bytes == static_cast<int64_t>(blob.data().size()));
      CHECK(layer->content_sha256 == Sha256Hex(tar));
      CHECK(layer->content_bytes == static_cast<int64_t>(tar.size()));
      CHECK(kept.data() == blob.data());
      CHECK(root.Stat("f").st_size == 5 << 20);
    }
  }
  TEST_CASE("a cut stream and a bomb are errors") {
    const std::string tar = Member({.path = "f", .content = std::string(5 << 20, 'x')}) + EndMarker();
    StringSink blob;
    auto sink = MakeCompressor(Compression::kGzip, blob);
    REQUIRE((*sink)->Write(tar).ok());
    REQUIRE((*sink)->Finish().ok());
    TestDirectory root;
    MemorySource cut(absl::string_view(blob.data()).substr(0, blob.data().size() - 4));
    CHECK(absl::IsDataLoss(UnpackLayer(cut, root.fd(), {}).status()));
    MemorySource bomb(blob.data());
    CHECK(
        absl::IsResourceExhausted(UnpackLayer(bomb, root.fd(), {}, {.max_output_bytes = 4 << 20}).status()));
  }
}

}  // namespace
}  // namespace coracle::archive
