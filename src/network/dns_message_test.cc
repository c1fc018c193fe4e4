#include "network/dns_message.h"

#include <string>

#include "doctest/doctest.h"

namespace coracle::network {
namespace {

std::string Word(uint16_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)}; }

std::string Header(uint16_t id, uint16_t flags, uint16_t questions, uint16_t additional = 0) {
  return Word(id) + Word(flags) + Word(questions) + Word(0) + Word(0) + Word(additional);
}

std::string Name(absl::string_view dotted) {
  std::string wire;
  while (!dotted.empty()) {
    const size_t length = std::min(dotted.find('.'), dotted.size());
    wire += static_cast<char>(length);
    wire += std::string(dotted.substr(0, length));
    dotted.remove_prefix(std::min(length + 1, dotted.size()));
  }
  return wire + '\0';
}

std::string Query(absl::string_view name, uint16_t type) {
  return Header(0x1234, 0x0100, 1) + Name(name) + Word(type) + Word(1);
}

std::string Opt(uint16_t payload) {
  return std::string(1, '\0') + Word(41) + Word(payload) + std::string(4, '\0') + Word(0);
}

TEST_SUITE("network/dns_message") {
  TEST_CASE("a query is read: its name in lower case, and what EDNS offers") {
    DnsQuery query;
    CHECK(ParseDnsQuery(Query("Web.Example", kDnsTypeA), &query) == DnsVerdict::kQuery);
    CHECK(query.name == "web.example");
    CHECK(query.type == kDnsTypeA);
    CHECK(query.id == 0x1234);
    CHECK(query.payload == 512);
    const std::string edns = Header(1, 0x0100, 1, 1) + Name("a") + Word(28) + Word(1);
    CHECK(ParseDnsQuery(edns + Opt(1232), &query) == DnsVerdict::kQuery);
    CHECK(query.has_edns);
    CHECK(query.payload == 1232);
    CHECK(ParseDnsQuery(edns + Opt(100), &query) == DnsVerdict::kQuery);
    CHECK(query.payload == 512);
    CHECK(ParseDnsQuery(edns + Opt(65535), &query) == DnsVerdict::kQuery);
    CHECK(query.payload == kMaxDnsPayload);
  }

  TEST_CASE("what is no good query is told apart") {
    DnsQuery query;
    CHECK(ParseDnsQuery("", &query) == DnsVerdict::kDrop);
    CHECK(ParseDnsQuery(std::string(11, '\0'), &query) == DnsVerdict::kDrop);
    CHECK(ParseDnsQuery(Header(1, 0x8000, 1) + Name("a") + Word(1) + Word(1), &query) == DnsVerdict::kDrop);
    CHECK(ParseDnsQuery(Header(1, 0x2800, 1) + Name("a") + Word(1) + Word(1), &query) ==
          DnsVerdict::kNotImplemented);
    CHECK(ParseDnsQuery(Header(1, 0, 0), &query) == DnsVerdict::kFormatError);
    CHECK(ParseDnsQuery(Header(1, 0, 2) + Name("a") + Word(1) + Word(1), &query) == DnsVerdict::kFormatError);
    CHECK(ParseDnsQuery(Header(1, 0, 1) + Name("a") + Word(1), &query) == DnsVerdict::kFormatError);
    // A label that runs past the end, a pointer in the question, too long a name, a record that is not there.
    CHECK(ParseDnsQuery(Header(1, 0, 1) + "\x3f"
                                          "abc",
                        &query) == DnsVerdict::kFormatError);
    CHECK(ParseDnsQuery(Header(1, 0, 1) + "\xc0\x0c" + Word(1) + Word(1), &query) ==
          DnsVerdict::kFormatError);
    std::string longest;
    for (int i = 0; i < 64; ++i) longest += "abc.";
    CHECK(ParseDnsQuery(Query(longest, 1), &query) == DnsVerdict::kFormatError);
    CHECK(ParseDnsQuery(Header(1, 0, 1, 1) + Name("a") + Word(1) + Word(1), &query) ==
          DnsVerdict::kFormatError);
  }

  TEST_CASE("a dot within a label is no dot between labels") {
    DnsQuery query;
    const std::string message = Header(1, 0, 1) +
                                "\x03"
                                "a.b" +
                                std::string(1, '\0') + Word(1) + Word(1);
    CHECK(ParseDnsQuery(message, &query) == DnsVerdict::kQuery);
    CHECK(query.name.empty());
  }

  TEST_CASE("an answer repeats the question as it was asked and adds records") {
    const std::string message = Query("wEb", kDnsTypeA);
    DnsQuery query;
    REQUIRE(ParseDnsQuery(message, &query) == DnsVerdict::kQuery);
    DnsAnswer answer(message, query, 512);
    answer.AddAddress(std::string("\x0a\x59\x00\x02", 4));
    const std::string bytes = answer.Finish(DnsCode::kOk);
    // QR, AA, RD, RA.
    CHECK(bytes == Word(0x1234) + Word(0x8580) + Word(1) + Word(1) + Word(0) + Word(0) + Name("wEb") +
                       Word(1) + Word(1) + "\xc0\x0c" + Word(1) + Word(1) + Word(0) + Word(0) + Word(4) +
                       std::string("\x0a\x59\x00\x02", 4));
    CHECK(DnsAnswers(bytes, message));
    CHECK_FALSE(DnsAnswers(message, message));
    CHECK_FALSE(DnsAnswers(bytes, Query("web2", kDnsTypeA)));
    CHECK_FALSE(DnsAnswers(bytes, Query("web", kDnsTypeAaaa)));
    CHECK(DnsAnswers(bytes, Query("WEB", kDnsTypeA)));
  }

  TEST_CASE("what does not fit is left out and marked") {
    const std::string message = Query("web", kDnsTypeA);
    DnsQuery query;
    REQUIRE(ParseDnsQuery(message, &query) == DnsVerdict::kQuery);
    DnsAnswer answer(message, query, 512);
    for (int i = 0; i < 100; ++i) answer.AddAddress("abcd");
    const std::string bytes = answer.Finish(DnsCode::kOk);
    CHECK(bytes.size() <= 512);
    CHECK(bytes.size() > 490);
    CHECK((bytes[2] & 2) != 0);
    CHECK((TruncatedDns(bytes)[2] & 2) != 0);
    CHECK(TruncatedDns(bytes).size() == message.size());
  }

  TEST_CASE("names of addresses are read, and nothing else") {
    CHECK(AddressOfReverseName("2.0.89.10.in-addr.arpa") == std::string("\x0a\x59\x00\x02", 4));
    for (const char* bad : {"0.89.10.in-addr.arpa", "1.2.3.4.5.in-addr.arpa", "256.0.0.1.in-addr.arpa",
                            "a.0.0.1.in-addr.arpa", "..0.1.in-addr.arpa", "in-addr.arpa", ".in-addr.arpa",
                            "1.0.ip6.arpa", "99999999999.0.0.1.in-addr.arpa"}) {
      CHECK(AddressOfReverseName(bad).empty());
    }
    const std::string six =
        AddressOfReverseName("2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa");
    CHECK(six == std::string("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02", 16));
  }
}

}  // namespace
}  // namespace coracle::network
