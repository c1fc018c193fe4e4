#include "oci/json_codec.h"

#include "absl/strings/str_cat.h"
#include "doctest/doctest.h"
#include "oci/digest.h"

namespace coracle::oci {

struct CodecInner {
  int8_t small = 0;
  uint64_t large = 0;
};
template <typename Codec>
void Members(Codec& codec, CodecInner& inner) {
  codec.Required("small", inner.small);
  codec.Member("large", inner.large);
}

struct CodecOuter {
  bool flag = false;
  std::optional<bool> maybe;
  std::string text;
  Digest digest;
  std::vector<CodecInner> list;
  std::map<std::string, CodecInner> map;
  std::map<std::string, EmptyObject> set;
  int32_t nested = 0;
};
template <typename Codec>
void Members(Codec& codec, CodecOuter& outer) {
  codec.Member("flag", outer.flag);
  codec.Member("maybe", outer.maybe);
  codec.Member("text", outer.text);
  codec.Member("digest", outer.digest);
  codec.Member("list", outer.list);
  codec.Member("map", outer.map);
  codec.Member("set", outer.set);
  codec.Nested("a", [&](Codec& a) { a.Nested("b", [&](Codec& b) { b.Member("c", outer.nested); }); });
}

namespace {

// What is written after `json` was read, or the error.
std::string RoundTrip(absl::string_view json) {
  const Json document = ParseJson(json).value();
  CodecOuter outer;
  JsonReader reader(document, "doc", {.list_entries = 3, .string_bytes = 80});
  const absl::Status status = reader.ReadDocument(outer);
  return status.ok() ? DumpJson(JsonWriter::Write(outer)) : std::string(status.message());
}

TEST_SUITE("oci/json_codec") {
  TEST_CASE("every kind of member is written as it was read") {
    const std::string text = absl::StrCat(
        R"({"flag":true,"maybe":false,"text":"é","digest":"sha256:)", std::string(64, '0'),
        R"(","list":[{"small":-128,"large":18446744073709551615},{"small":0}],)"
        R"("map":{"a":{"small":127},"b":{"small":1}},"set":{"x":{}},"a":{"b":{"c":-2147483648}}})");
    CHECK(RoundTrip(text) == text);
    CHECK(RoundTrip("{}") == "{}");
    CHECK(
        RoundTrip(R"({"flag":null,"maybe":null,"digest":null,"map":{"a":null},"set":null,"a":{"b":null}})") ==
        "{}");
  }
  TEST_CASE("errors give the path and what was expected") {
    CHECK(RoundTrip("[]") == "doc: not an object");
    CHECK(RoundTrip(R"({"flag":0})") == "doc.flag: not true or false");
    CHECK(RoundTrip(R"({"list":[{"small":0},{"small":128}]})") ==
          "doc.list[1].small: not a number from -128 to 127");
    CHECK(RoundTrip(R"({"list":[{}]})") == "doc.list[0].small: missing");
    CHECK(RoundTrip(R"({"list":[null]})") == "doc.list[0]: not an object");
    CHECK(RoundTrip(R"({"map":{"k":{"small":0,"large":-1}}})") ==
          R"(doc.map["k"].large: not a number from 0 to 18446744073709551615)");
    CHECK(RoundTrip(R"({"a":{"b":{"c":2147483648}}})") ==
          "doc.a.b.c: not a number from -2147483648 to 2147483647");
    CHECK(RoundTrip(R"({"a":{"b":7}})") == "doc.a.b: not an object");
    CHECK(RoundTrip(R"({"digest":"md5:0"})") == "doc.digest: invalid digest \"md5:0\"");
  }
  TEST_CASE("limits hold for lists, maps, strings and keys") {
    CHECK(RoundTrip(R"({"set":{"1":{},"2":{},"3":{},"4":{}}})") == "doc.set: more than 3 entries");
    CHECK(RoundTrip(R"({"list":[0,0,0,0]})") == "doc.list: more than 3 entries");
    const std::string long_text(81, 'x');
    CHECK(RoundTrip(absl::StrCat(R"({"text":")", long_text, "\"}")) == "doc.text: longer than 80 bytes");
    CHECK(RoundTrip(absl::StrCat(R"({"set":{")", long_text, R"(":{}}})")) ==
          "doc.set: a key longer than 80 bytes");
    CHECK(RoundTrip(R"({"set":{"":{}}})") == "doc.set: a key that is empty or contains a NUL");
    CHECK(RoundTrip(R"({"set":{"a\u0000":{}}})") == "doc.set: a key that is empty or contains a NUL");
    CHECK(RoundTrip(R"({"text":"\u0000"})") == "doc.text: contains a NUL");
  }
}

}  // namespace
}  // namespace coracle::oci
