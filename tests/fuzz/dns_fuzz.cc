// Hostile DNS messages: what is answered is a message that answers the question, and within its limit.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "network/dns_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coracle::network;
  const absl::string_view message(reinterpret_cast<const char*>(data), size);
  DnsQuery query;
  const DnsVerdict verdict = ParseDnsQuery(message, &query);
  if (query.question_end > message.size() && verdict != DnsVerdict::kDrop) abort();
  if (query.name.size() > kMaxDnsName || query.payload < kMinDnsPayload || query.payload > kMaxDnsPayload)
    abort();
  if (message.size() >= kDnsHeaderBytes) {
    const std::string cut = TruncatedDns(message);
    if (cut.size() > message.size() || cut.size() < kDnsHeaderBytes) abort();
    (void)DnsAnswers(message, cut);
    (void)DnsAnswers(cut, message);
  }
  const std::string address = AddressOfReverseName(query.name);
  if (!address.empty() && address.size() != 4 && address.size() != 16) abort();
  if (verdict == DnsVerdict::kDrop) return 0;
  DnsAnswer answer(message, query, query.payload);
  for (int i = 0; i < 64; ++i) answer.AddAddress(i % 2 == 0 ? "abcd" : "abcdefghijklmnop");
  answer.AddPointer(query.name);
  const std::string& bytes = answer.Finish(DnsCode::kOk);
  if (bytes.size() > query.payload) abort();
  if (verdict == DnsVerdict::kQuery && !DnsAnswers(bytes, message)) abort();
  return 0;
}
