#include "network/dns_message.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace coracle::network {
namespace {

// Bits of the second word of the header.
constexpr uint16_t kResponse = 0x8000, kOpcode = 0x7800, kAuthoritative = 0x0400, kTruncated = 0x0200;
constexpr uint16_t kRecursionDesired = 0x0100, kRecursionAvailable = 0x0080, kCode = 0x000f;
constexpr uint8_t kPointer = 0xc0;
// The question's name, from any record.
constexpr char kPointerToQuestion[] = {'\xc0', '\x0c'};
constexpr size_t kOptBytes = 11;

uint16_t At(absl::string_view text, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(text[at]) << 8 | static_cast<uint8_t>(text[at + 1]));
}
void Put(uint16_t value, std::string* out) {
  out->push_back(static_cast<char>(value >> 8));
  out->push_back(static_cast<char>(value & 0xff));
}
void PutAt(uint16_t value, size_t at, std::string* out) {
  (*out)[at] = static_cast<char>(value >> 8);
  (*out)[at + 1] = static_cast<char>(value & 0xff);
}

// The name of the question, which can't be compressed: nothing stands before it. False if it is malformed.
bool ReadName(absl::string_view message, size_t* at, std::string* name) {
  const size_t begin = *at;
  bool writable = true;
  name->clear();
  for (;;) {
    if (*at >= message.size()) return false;
    const size_t length = static_cast<uint8_t>(message[*at]);
    ++*at;
    if (length == 0) break;
    if (length > kMaxDnsLabel || message.size() - *at < length || *at + length - begin >= kMaxDnsName)
      return false;
    if (!name->empty()) name->push_back('.');
    for (const char c : message.substr(*at, length)) {
      if (c == '.') writable = false;
      name->push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    }
    *at += length;
  }
  if (!writable) name->clear();
  return true;
}

// Past a name of any later record. Pointers are not followed.
bool SkipName(absl::string_view message, size_t* at) {
  for (;;) {
    if (*at >= message.size()) return false;
    const uint8_t length = static_cast<uint8_t>(message[*at]);
    if ((length & kPointer) == kPointer) {
      *at += 2;
      return *at <= message.size();
    }
    if (length > kMaxDnsLabel) return false;
    *at += 1u + length;
    if (length == 0) return true;
  }
}

// The records behind the question: of interest is only whether there is an OPT.
bool ReadRecords(absl::string_view message, size_t at, DnsQuery* query) {
  const size_t count = size_t{At(message, 6)} + At(message, 8) + At(message, 10);
  for (size_t i = 0; i < count; ++i) {
    if (!SkipName(message, &at) || message.size() - at < 10) return false;
    const uint16_t type = At(message, at), size = At(message, at + 8);
    if (type == kDnsTypeOpt) {
      query->has_edns = true;
      query->payload = std::clamp<size_t>(At(message, at + 2), kMinDnsPayload, kMaxDnsPayload);
    }
    at += 10;
    if (message.size() - at < size) return false;
    at += size;
  }
  return true;
}

// The labels of "a.b" on the wire. False if it is no name.
bool WriteName(absl::string_view name, std::string* out) {
  if (name.size() + 2 > kMaxDnsName) return false;
  while (!name.empty()) {
    const size_t length = std::min(name.find('.'), name.size());
    if (length == 0 || length > kMaxDnsLabel) return false;
    out->push_back(static_cast<char>(length));
    out->append(name.data(), length);
    name.remove_prefix(std::min(length + 1, name.size()));
  }
  out->push_back('\0');
  return true;
}

}  // namespace

DnsVerdict ParseDnsQuery(absl::string_view message, DnsQuery* query) {
  *query = DnsQuery();
  if (message.size() < kDnsHeaderBytes || message.size() > kMaxDnsMessage) return DnsVerdict::kDrop;
  query->id = At(message, 0);
  const uint16_t flags = At(message, 2);
  if ((flags & kResponse) != 0) return DnsVerdict::kDrop;
  if ((flags & kOpcode) != 0) return DnsVerdict::kNotImplemented;
  if (At(message, 4) != 1) return DnsVerdict::kFormatError;
  size_t at = kDnsHeaderBytes;
  if (!ReadName(message, &at, &query->name) || message.size() - at < 4) return DnsVerdict::kFormatError;
  query->type = At(message, at);
  query->dns_class = At(message, at + 2);
  if (!ReadRecords(message, at + 4, query)) return DnsVerdict::kFormatError;
  query->question_end = at + 4;
  return DnsVerdict::kQuery;
}

DnsAnswer::DnsAnswer(absl::string_view message, const DnsQuery& query, size_t limit)
    : query_(query), limit_(limit - (query.has_edns ? kOptBytes : 0)) {
  out_.reserve(256);
  out_.append(message.data(), query.question_end);
  // Of the query's flags only opcode and RD come back.
  PutAt(static_cast<uint16_t>((At(message, 2) & (kOpcode | kRecursionDesired)) | kResponse |
                              kRecursionAvailable),
        2, &out_);
  PutAt(query.question_end > kDnsHeaderBytes ? 1 : 0, 4, &out_);
  for (const size_t at : {6, 8, 10}) PutAt(0, at, &out_);
}

bool DnsAnswer::AddRecord(uint16_t type, absl::string_view data) {
  if (out_.size() + 12 + data.size() > limit_) {
    truncated_ = true;
    return false;
  }
  out_.append(kPointerToQuestion, sizeof(kPointerToQuestion));
  Put(type, &out_);
  Put(kDnsClassIn, &out_);
  // Of no lifetime: the next query sees what has changed.
  Put(0, &out_);
  Put(0, &out_);
  Put(static_cast<uint16_t>(data.size()), &out_);
  out_.append(data.data(), data.size());
  ++answers_;
  return true;
}

void DnsAnswer::AddAddress(absl::string_view bytes) {
  (void)AddRecord(bytes.size() == 4 ? kDnsTypeA : kDnsTypeAaaa, bytes);  // what is too much is marked
}

void DnsAnswer::AddPointer(absl::string_view name) {
  std::string data;
  if (WriteName(name, &data)) (void)AddRecord(kDnsTypePtr, data);
}

const std::string& DnsAnswer::Finish(DnsCode code) {
  uint16_t flags = At(out_, 2);
  if (code == DnsCode::kOk || code == DnsCode::kNoSuchName) flags |= kAuthoritative;
  if (truncated_) flags |= kTruncated;
  PutAt(static_cast<uint16_t>(flags | static_cast<uint16_t>(code)), 2, &out_);
  PutAt(answers_, 6, &out_);
  if (query_.has_edns) {
    out_.push_back('\0');  // the root
    Put(kDnsTypeOpt, &out_);
    Put(static_cast<uint16_t>(kMaxDnsPayload), &out_);
    out_.append(6, '\0');  // extended code and version 0, no flags, no options
    PutAt(1, 10, &out_);
  }
  return out_;
}

bool DnsAnswers(absl::string_view answer, absl::string_view query) {
  if (answer.size() < kDnsHeaderBytes || query.size() < kDnsHeaderBytes) return false;
  if (At(answer, 0) != At(query, 0) || (At(answer, 2) & kResponse) == 0) return false;
  if ((At(answer, 2) & kOpcode) != (At(query, 2) & kOpcode)) return false;
  DnsQuery parsed;
  if (ParseDnsQuery(query, &parsed) != DnsVerdict::kQuery) return false;
  // A server that can't read the question need not repeat it.
  if (At(answer, 4) == 0) return DnsCodeOf(answer) != DnsCode::kOk;
  if (At(answer, 4) != 1 || answer.size() < parsed.question_end) return false;
  // Some servers change the case of letters in names.
  const size_t name_end = parsed.question_end - 4, size = name_end - kDnsHeaderBytes;
  return absl::EqualsIgnoreCase(answer.substr(kDnsHeaderBytes, size), query.substr(kDnsHeaderBytes, size)) &&
         answer.substr(name_end, 4) == query.substr(name_end, 4);
}

uint16_t DnsId(absl::string_view message) { return At(message, 0); }
void SetDnsId(uint16_t id, std::string* message) { PutAt(id, 0, message); }
DnsCode DnsCodeOf(absl::string_view message) { return static_cast<DnsCode>(At(message, 2) & kCode); }

std::string TruncatedDns(absl::string_view answer) {
  size_t end = kDnsHeaderBytes;
  std::string name;
  const bool question = At(answer, 4) == 1 && ReadName(answer, &end, &name) && answer.size() - end >= 4;
  std::string cut(answer.substr(0, question ? end + 4 : kDnsHeaderBytes));
  PutAt(static_cast<uint16_t>(At(answer, 2) | kTruncated), 2, &cut);
  PutAt(question ? 1 : 0, 4, &cut);
  for (const size_t at : {6, 8, 10}) PutAt(0, at, &cut);
  return cut;
}

std::string AddressOfReverseName(absl::string_view name) {
  std::string bytes;
  if (absl::ConsumeSuffix(&name, ".in-addr.arpa")) {
    std::array<uint32_t, 4> parts{};
    size_t count = 0;
    bool any = false;
    for (const char c : name) {
      if (c == '.') {
        if (!any || ++count > 3) return "";
        any = false;
      } else if (c < '0' || c > '9' ||
                 (parts[count] = parts[count] * 10 + static_cast<uint32_t>(c - '0')) > 255) {
        return "";
      } else {
        any = true;
      }
    }
    if (count != 3 || !any) return "";
    for (size_t i = 4; i-- > 0;) bytes.push_back(static_cast<char>(parts[i]));
    return bytes;
  }
  if (!absl::ConsumeSuffix(&name, ".ip6.arpa") || name.size() != 63) return "";
  bytes.resize(16);
  for (size_t i = 0; i < 32; ++i) {
    const char c = name[2 * i];
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c)) || (i < 31 && name[2 * i + 1] != '.')) return "";
    const int digit = c <= '9' ? c - '0' : absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
    char& byte = bytes[15 - i / 2];
    byte = static_cast<char>(static_cast<uint8_t>(byte) | (i % 2 == 0 ? digit : digit << 4));
  }
  return bytes;
}

}  // namespace coracle::network
