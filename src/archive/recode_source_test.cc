#include "archive/recode_source.h"

#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

std::string Packed(const std::string& text, Compression compression) {
  StringSink sink;
  auto compressor = MakeCompressor(compression, sink);
  REQUIRE(compressor.ok());
  REQUIRE((*compressor)->Write(text).ok());
  REQUIRE((*compressor)->Finish().ok());
  return sink.data();
}

std::string ReadAllOf(ByteSource& source) {
  StringSink sink;
  REQUIRE(Copy(source, sink).ok());
  return sink.data();
}

TEST_SUITE("archive/recode_source") {
  TEST_CASE("any format becomes any other, as if it had been made so") {
    std::string text;
    for (int i = 0; i < 100000; ++i) text += std::to_string(i * 7919);
    constexpr Compression kAll[] = {Compression::kNone, Compression::kGzip, Compression::kZstd};
    for (const Compression from : kAll) {
      const std::string packed = Packed(text, from);
      for (const Compression to : kAll) {
        auto source = RecodeSource::Open(std::make_unique<MemorySource>(packed), to);
        REQUIRE(source.ok());
        CHECK(ReadAllOf(**source) == Packed(text, to));
      }
    }
  }
  TEST_CASE("damage inside the input is an error, not an end") {
    std::string packed = Packed(std::string(1 << 20, 'x'), Compression::kGzip);
    packed.resize(packed.size() / 2);
    auto source = RecodeSource::Open(std::make_unique<MemorySource>(packed), Compression::kZstd);
    REQUIRE(source.ok());
    CHECK(Drain(**source).code() == absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace coracle::archive
