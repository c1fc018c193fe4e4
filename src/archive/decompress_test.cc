#include "archive/decompress.h"

#include <zlib.h>
#include <zstd.h>

#include <string>

#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::archive {
namespace {

std::string Gzip(const std::string& data) {
  z_stream stream = {};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& data) {
  std::string out(ZSTD_compressBound(data.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 3));
  return out;
}

absl::StatusOr<std::string> Decompress(const std::string& data, const DecompressLimits& limits = {}) {
  MemorySource source(data);
  ASSIGN_OR_RETURN(std::unique_ptr<Decompressor> open, Decompressor::Open(source, limits));
  StringSink sink;
  RETURN_IF_ERROR(Copy(*open, sink).status());
  return sink.data();
}

std::string Sample() {
  std::string data;
  for (int i = 0; i < 100000; ++i) data += std::to_string(i * 7919);
  return data;
}

TEST_SUITE("archive/decompress") {
  TEST_CASE("gzip: one member, several, and zeros after the last") {
    const std::string data = Sample();
    CHECK(Decompress(Gzip(data)).value() == data);
    CHECK(Decompress(Gzip(data) + Gzip("") + Gzip("tail")).value() == data + "tail");
    CHECK(Decompress(Gzip(data) + std::string(1000000, '\0')).value() == data);
    CHECK(Decompress(Gzip("")).value().empty());
  }
  TEST_CASE("gzip: garbage, cuts and flipped bits are errors") {
    const std::string packed = Gzip(Sample());
    CHECK(absl::IsDataLoss(Decompress(packed + "garbage").status()));
    CHECK(absl::IsDataLoss(Decompress(packed.substr(0, packed.size() - 1)).status()));
    CHECK(absl::IsDataLoss(Decompress(packed.substr(0, 5)).status()));
    CHECK(absl::IsDataLoss(Decompress(packed.substr(0, packed.size() / 2)).status()));
    std::string flipped = packed;
    flipped[packed.size() - 6] ^= 1;  // the CRC
    CHECK(absl::IsDataLoss(Decompress(flipped).status()));
  }
  TEST_CASE("zstd: frames, skippable frames, cuts") {
    const std::string data = Sample();
    const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
    CHECK(Decompress(Zstd(data)).value() == data);
    CHECK(Decompress(skippable + Zstd(data) + skippable + Zstd("tail") + skippable).value() == data + "tail");
    const std::string packed = Zstd(data);
    CHECK(absl::IsDataLoss(Decompress(packed.substr(0, packed.size() - 1)).status()));
    CHECK(absl::IsDataLoss(Decompress(packed + "garbage").status()));
    CHECK(absl::IsDataLoss(Decompress(packed + "g").status()));
  }
  TEST_CASE("a bomb is stopped at the limit") {
    const std::string data(10000000, '\0');
    CHECK(absl::IsResourceExhausted(Decompress(Gzip(data), {.max_output_bytes = 9999999}).status()));
    CHECK(absl::IsResourceExhausted(Decompress(Zstd(data), {.max_output_bytes = 9999999}).status()));
    CHECK(absl::IsResourceExhausted(Decompress(data, {.max_output_bytes = 9999999}).status()));
    CHECK(Decompress(Gzip(data), {.max_output_bytes = 10000000}).value().size() == 10000000);
  }
  TEST_CASE("what is not compressed passes unchanged, what is not supported is named") {
    CHECK(Decompress("plain").value() == "plain");
    CHECK(Decompress("").value().empty());
    CHECK(Decompress("BZh").value() == "BZh");
    CHECK(Decompress("BZh9 is a name").value() == "BZh9 is a name");
    const absl::Status xz = Decompress(std::string("\xfd\x37zXZ\0\0\x04", 8)).status();
    CHECK(absl::IsUnimplemented(xz));
    CHECK(xz.message() == "xz compression is not supported");
    CHECK(Decompress("BZh91AY&SY....").status().message() == "bzip2 compression is not supported");
  }
}

}  // namespace
}  // namespace coracle::archive
