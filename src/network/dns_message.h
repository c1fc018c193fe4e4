// DNS messages, as far as a resolver needs them that answers with addresses and pointers and forwards the
// rest. Pure: bytes in, bytes out. Queries come from containers and answers from the network: both are
// hostile.
// Source: RFC 1035 section 4; RFC 6891 section 6.1 (OPT).
#ifndef CORACLE_NETWORK_DNS_MESSAGE_H_
#define CORACLE_NETWORK_DNS_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace coracle::network {

inline constexpr size_t kDnsHeaderBytes = 12;
inline constexpr size_t kMaxDnsName = 255;  // on the wire
inline constexpr size_t kMaxDnsLabel = 63;
inline constexpr size_t kMaxDnsMessage = 65535;
inline constexpr size_t kMinDnsPayload = 512;  // without EDNS
// What we take and send in one datagram, whatever the other side offers: two pages.
inline constexpr size_t kMaxDnsPayload = 8192;

inline constexpr uint16_t kDnsTypeA = 1, kDnsTypePtr = 12, kDnsTypeAaaa = 28, kDnsTypeOpt = 41,
                          kDnsTypeAny = 255;
inline constexpr uint16_t kDnsClassIn = 1;

enum class DnsCode : uint8_t {
  kOk = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNoSuchName = 3,
  kNotImplemented = 4,
  kRefused = 5,
};

struct DnsQuery {
  uint16_t id = 0, type = 0, dns_class = 0;
  // Lower case, labels joined by dots, none at the end. Empty for the root, and for a name that can't be
  // written so (a dot in a label): nothing of ours is called that.
  std::string name;
  size_t question_end = kDnsHeaderBytes;  // in the message; without question: the header's end
  bool has_edns = false;
  size_t payload = kMinDnsPayload;  // what an answer by UDP may have, between 512 and kMaxDnsPayload
};
enum class DnsVerdict {
  kQuery,
  kDrop,            // too short, or an answer: nothing to answer to
  kFormatError,     // `query` has the id at least
  kNotImplemented,  // another opcode
};
DnsVerdict ParseDnsQuery(absl::string_view message, DnsQuery* query);

// An answer to `query`, which was parsed from `message`; both outlive it. Records that do not fit into
// `limit` bytes are left out and the answer is marked as truncated.
class DnsAnswer {
 public:
  DnsAnswer(absl::string_view message, const DnsQuery& query, size_t limit);
  // `bytes`: 4 or 16 of them, an A or AAAA record of the question's name.
  void AddAddress(absl::string_view bytes);
  // A PTR record; `name` as in DnsQuery. One that is no name is left out.
  void AddPointer(absl::string_view name);
  const std::string& Finish(DnsCode code);

 private:
  bool AddRecord(uint16_t type, absl::string_view data);
  const DnsQuery& query_;
  size_t limit_;
  uint16_t answers_ = 0;
  bool truncated_ = false;
  std::string out_;
};

// Whether `answer` answers the query in `query`: same id, question and opcode.
bool DnsAnswers(absl::string_view answer, absl::string_view query);
// Of a message of at least a header's size.
uint16_t DnsId(absl::string_view message);
void SetDnsId(uint16_t id, std::string* message);
DnsCode DnsCodeOf(absl::string_view message);
// Cuts an answer down to header and question, marked as truncated: the client asks again by TCP.
std::string TruncatedDns(absl::string_view answer);

// The address that "4.3.2.1.in-addr.arpa" or "...ip6.arpa" asks for, as 4 or 16 bytes; empty if it is none.
std::string AddressOfReverseName(absl::string_view name);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_DNS_MESSAGE_H_
