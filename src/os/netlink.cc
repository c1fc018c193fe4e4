#include "os/netlink.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace coracle::os {
namespace {

// The kernel's answers are at most this long (NLMSG_GOODSIZE is a page, dumps use up to 32 KiB).
constexpr size_t kAnswerBytes = 32 << 10;

constexpr int kSolNetlink = 270;  // SOL_NETLINK

nlmsghdr HeaderAt(absl::string_view bytes) {
  nlmsghdr header;
  memcpy(&header, bytes.data(), sizeof(header));
  return header;
}

// Calls `visit` for each message of a datagram.
void ForEachMessage(absl::string_view datagram,
                    absl::FunctionRef<void(const nlmsghdr& header, absl::string_view payload)> visit) {
  while (datagram.size() >= sizeof(nlmsghdr)) {
    const nlmsghdr header = HeaderAt(datagram);
    if (header.nlmsg_len < sizeof(nlmsghdr) || header.nlmsg_len > datagram.size()) return;
    visit(header, datagram.substr(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN));
    datagram.remove_prefix(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
  }
}

// The errno of an NLMSG_ERROR or NLMSG_DONE, and the kernel's own words if it has any.
struct Answer {
  int error = 0;
  std::string text;
};
Answer ReadError(const nlmsghdr& header, absl::string_view payload) {
  Answer answer;
  int32_t code = 0;
  if (payload.size() < sizeof(code)) return answer;
  memcpy(&code, payload.data(), sizeof(code));
  answer.error = -code;
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return answer;
  size_t skip = NLMSG_ALIGN(sizeof(code));
  if (header.nlmsg_type == NLMSG_ERROR) {
    if (payload.size() < sizeof(nlmsgerr)) return answer;
    skip = sizeof(nlmsgerr);  // with NETLINK_CAP_ACK the request itself is not there
    if ((header.nlmsg_flags & NLM_F_CAPPED) == 0) {
      nlmsgerr error;
      memcpy(&error, payload.data(), sizeof(error));
      skip += NLMSG_ALIGN(error.msg.nlmsg_len) - NLMSG_HDRLEN;
    }
  }
  if (skip < payload.size()) answer.text = NetlinkAttributes(payload.substr(skip)).String(NLMSGERR_ATTR_MSG);
  return answer;
}

absl::Status ErrorOf(const Answer& answer, const std::string& what) {
  return ErrnoStatus(answer.error, answer.text.empty() ? what : absl::StrCat(what, ": ", answer.text));
}

}  // namespace

// ---- building ----

void NetlinkBatch::BeginMessage(uint16_t type, uint16_t flags, const void* header, size_t size,
                                std::string what) {
  messages_.push_back({buffer_.size(), std::move(what)});
  nlmsghdr message = {};
  message.nlmsg_type = type;
  message.nlmsg_flags = NLM_F_REQUEST | flags;
  buffer_.append(reinterpret_cast<const char*>(&message), sizeof(message));
  Append(absl::string_view(static_cast<const char*>(header), size));
}

void NetlinkBatch::Append(absl::string_view bytes) {
  buffer_.append(bytes.data(), bytes.size());
  buffer_.resize(NLMSG_ALIGN(buffer_.size()));
  FixLength();
}

void NetlinkBatch::FixLength() {
  const size_t offset = messages_.back().offset;
  const uint32_t length = buffer_.size() - offset;
  memcpy(buffer_.data() + offset, &length, sizeof(length));
}

void NetlinkBatch::Put(uint16_t attribute, absl::string_view bytes) {
  nlattr header;
  header.nla_type = attribute;
  header.nla_len = NLA_HDRLEN + bytes.size();
  buffer_.append(reinterpret_cast<const char*>(&header), sizeof(header));
  Append(bytes);
}

void NetlinkBatch::PutString(uint16_t attribute, absl::string_view text) {
  std::string bytes(text);
  bytes.push_back('\0');
  Put(attribute, bytes);
}

NetlinkNest::NetlinkNest(NetlinkBatch& batch, uint16_t attribute)
    : batch_(batch), offset_(batch.buffer_.size()) {
  batch.Put(attribute | NLA_F_NESTED, "");
}

NetlinkNest::~NetlinkNest() {
  const uint16_t length = batch_.buffer_.size() - offset_;
  memcpy(batch_.buffer_.data() + offset_, &length, sizeof(length));
}

// ---- reading ----

void NetlinkAttributes::ForEach(
    absl::FunctionRef<void(uint16_t type, absl::string_view content)> visit) const {
  absl::string_view rest = bytes_;
  while (rest.size() >= sizeof(nlattr)) {
    nlattr header;
    memcpy(&header, rest.data(), sizeof(header));
    if (header.nla_len < NLA_HDRLEN || header.nla_len > rest.size()) return;
    visit(header.nla_type & NLA_TYPE_MASK, rest.substr(NLA_HDRLEN, header.nla_len - NLA_HDRLEN));
    rest.remove_prefix(std::min<size_t>(NLA_ALIGN(header.nla_len), rest.size()));
  }
}

absl::string_view NetlinkAttributes::Find(uint16_t type) const {
  absl::string_view found;
  ForEach([&](uint16_t other, absl::string_view content) {
    if (other == type && found.data() == nullptr) found = content;
  });
  return found;
}

uint32_t NetlinkAttributes::U32(uint16_t type, uint32_t missing) const {
  const absl::string_view content = Find(type);
  uint32_t value = missing;
  if (content.size() >= sizeof(value)) memcpy(&value, content.data(), sizeof(value));
  return value;
}

uint32_t NetlinkAttributes::Be32(uint16_t type, uint32_t missing) const {
  return Has(type) ? __builtin_bswap32(U32(type)) : missing;
}

std::string NetlinkAttributes::String(uint16_t type) const {
  const absl::string_view content = Find(type);
  return std::string(content.substr(0, content.find('\0')));
}

// ---- the socket ----

absl::StatusOr<NetlinkSocket> NetlinkSocket::Open(int protocol) {
  NetlinkSocket result;
  result.fd_.Reset(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!result.fd_.valid()) {
    return ErrnoStatus(errno,
                       protocol == NETLINK_NETFILTER ? "open a netfilter socket" : "open a netlink socket");
  }
  // Of what a kernel before 4.12 refuses here only the texts of errors are lost.
  const int on = 1;
  (void)setsockopt(result.fd_.get(), kSolNetlink, NETLINK_EXT_ACK, &on, sizeof(on));
  (void)setsockopt(result.fd_.get(), kSolNetlink, NETLINK_CAP_ACK, &on, sizeof(on));
  return result;
}

absl::Status NetlinkSocket::SendBytes(const NetlinkBatch& batch) {
  // A message must fit in the socket's buffer whole; root may have more than wmem_max allows.
  if (batch.buffer_.size() > (64u << 10)) {
    const int wanted = static_cast<int>(batch.buffer_.size() + (64 << 10));
    if (setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted)) != 0) {
      (void)setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
    }
  }
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  for (;;) {
    const ssize_t sent = sendto(fd_.get(), batch.buffer_.data(), batch.buffer_.size(), 0,
                                reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel));
    if (sent == static_cast<ssize_t>(batch.buffer_.size())) return absl::OkStatus();
    if (sent >= 0 || errno != EINTR) {
      return ErrnoStatus(sent >= 0 ? EIO : errno, absl::StrCat(batch.messages_.front().what, ": netlink"));
    }
  }
}

absl::Status NetlinkSocket::ReadAnswers(const NetlinkBatch& batch, uint32_t first,
                                        absl::Span<const int> ignored) {
  absl::Status result;
  uint32_t failed = UINT32_MAX;  // the first message in order, not in time, is the cause of the others
  bool any = false;
  char buffer[4096];
  for (;;) {
    const ssize_t got = recv(fd_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) continue;  // more errors than the buffer takes: the first ones are told
    if (got <= 0) break;
    ForEachMessage(absl::string_view(buffer, got), [&](const nlmsghdr& header, absl::string_view payload) {
      const uint32_t index = header.nlmsg_seq - first;
      if (header.nlmsg_type != NLMSG_ERROR || index >= batch.messages_.size()) return;
      any = true;
      const Answer answer = ReadError(header, payload);
      if (answer.error == 0 || index >= failed) return;
      if (std::find(ignored.begin(), ignored.end(), answer.error) != ignored.end()) return;
      failed = index;
      result = ErrorOf(answer, batch.messages_[index].what);
    });
  }
  if (!any)
    return absl::UnknownError(absl::StrCat(batch.messages_.front().what, ": the kernel gave no answer"));
  return result;
}

absl::Status NetlinkSocket::Send(NetlinkBatch& batch, absl::Span<const int> ignored) {
  if (batch.empty()) return absl::OkStatus();
  const uint32_t first = next_sequence_;
  for (const NetlinkBatch::Message& message : batch.messages_) {
    nlmsghdr* header = reinterpret_cast<nlmsghdr*>(batch.buffer_.data() + message.offset);
    header->nlmsg_seq = next_sequence_++;
    if (&message == &batch.messages_.back()) header->nlmsg_flags |= NLM_F_ACK;
  }
  RETURN_IF_ERROR(SendBytes(batch));
  return ReadAnswers(batch, first, ignored);
}

absl::Status NetlinkSocket::SendNftTransaction(NetlinkBatch& batch) {
  if (batch.empty()) return absl::OkStatus();
  NetlinkBatch whole;
  nfgenmsg control = {};
  control.res_id = __builtin_bswap16(NFNL_SUBSYS_NFTABLES);
  whole.Begin(NFNL_MSG_BATCH_BEGIN, 0, control, batch.messages_.front().what);
  const size_t shift = whole.buffer_.size();
  whole.buffer_ += batch.buffer_;
  for (NetlinkBatch::Message& message : batch.messages_) {
    whole.messages_.push_back({message.offset + shift, std::move(message.what)});
  }
  const size_t last = whole.messages_.back().offset;
  whole.Begin(NFNL_MSG_BATCH_END, 0, control, "end a transaction");
  const uint32_t first = next_sequence_;
  for (const NetlinkBatch::Message& message : whole.messages_) {
    nlmsghdr* header = reinterpret_cast<nlmsghdr*>(whole.buffer_.data() + message.offset);
    header->nlmsg_seq = next_sequence_++;
    // Only since 6.10 the end answers too.
    if (message.offset == last) header->nlmsg_flags |= NLM_F_ACK;
  }
  RETURN_IF_ERROR(SendBytes(whole));
  return ReadAnswers(whole, first, {});
}

absl::Status NetlinkSocket::Ask(NetlinkBatch& batch,
                                absl::FunctionRef<void(uint16_t type, absl::string_view payload)> visit) {
  const std::string& what = batch.messages_.front().what;
  nlmsghdr* request = reinterpret_cast<nlmsghdr*>(batch.buffer_.data());
  const uint32_t sequence = request->nlmsg_seq = next_sequence_++;
  const bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  if (!dump) request->nlmsg_flags |= NLM_F_ACK;
  RETURN_IF_ERROR(SendBytes(batch));
  std::string buffer(kAnswerBytes, '\0');
  absl::Status result;
  for (bool done = false; !done;) {
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, what);
    ForEachMessage(absl::string_view(buffer.data(), got),
                   [&](const nlmsghdr& header, absl::string_view payload) {
                     if (header.nlmsg_seq != sequence) return;
                     if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0 && result.ok()) {
                       result = absl::UnavailableError(absl::StrCat(what, ": changed while it was read"));
                     }
                     if (header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE) {
                       done = true;
                       const Answer answer = ReadError(header, payload);
                       if (answer.error != 0) result = ErrorOf(answer, what);
                     } else if (header.nlmsg_type >= NLMSG_MIN_TYPE) {
                       visit(header.nlmsg_type, payload);
                     }
                   });
  }
  return result;
}

}  // namespace coracle::os
