#include "archive/compress.h"

#include <string>

#include "archive/decompress.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

std::string Compressed(Compression compression, const std::string& data, int level = kDefaultLevel) {
  StringSink out;
  auto sink = MakeCompressor(compression, out, level);
  REQUIRE(sink.ok());
  // Odd pieces, so that buffers are crossed.
  for (size_t i = 0; i < data.size(); i += 70001)
    REQUIRE((*sink)->Write(absl::string_view(data).substr(i, 70001)).ok());
  REQUIRE((*sink)->Finish().ok());
  return out.data();
}

TEST_SUITE("archive/compress") {
  TEST_CASE("what is compressed is found again, and the same each time") {
    std::string data;
    for (unsigned i = 0; i < 300000; ++i) data += static_cast<char>(i * i >> 7);
    for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
      for (const std::string& text : {std::string(), std::string("x"), data}) {
        if (compression == Compression::kNone && text.empty()) continue;
        const std::string packed = Compressed(compression, text);
        CHECK(packed == Compressed(compression, text));
        MemorySource source(packed);
        auto inflated = Decompressor::Open(source);
        REQUIRE(inflated.ok());
        CHECK((*inflated)->compression() == compression);
        StringSink out;
        CHECK(Copy(**inflated, out).ok());
        CHECK(out.data() == text);
      }
    }
  }
  TEST_CASE("levels count and are checked") {
    const std::string data(1000000, 'x');
    CHECK(Compressed(Compression::kGzip, data, 0).size() > data.size());
    CHECK(Compressed(Compression::kGzip, data, 9).size() < 2000);
    StringSink out;
    CHECK(absl::IsInvalidArgument(MakeCompressor(Compression::kGzip, out, 10).status()));
    CHECK(absl::IsInvalidArgument(MakeCompressor(Compression::kZstd, out, 0).status()));
  }
}

}  // namespace
}  // namespace coracle::archive
