// Netlink sockets: building messages, sending them in batches, errors with the kernel's own words, dumps.
//
// The kernel handles a request inside sendmsg(2), so that all answers are there when it returns; only a dump
// goes on while it is read. A batch is one sendmsg, in which only the last message asks for an
// acknowledgement (errors are told in any case): two system calls and a few short reads, however many
// messages. Source: netlink(7), rtnetlink(7), Documentation/userspace-api/netlink/intro.rst.
#ifndef CORACLE_OS_NETLINK_H_
#define CORACLE_OS_NETLINK_H_

#include <linux/netlink.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "os/unique_fd.h"

namespace coracle::os {

// Messages one behind the other, each with its attributes.
class NetlinkBatch {
 public:
  // A new message; what is put afterwards is its. `flags` on top of NLM_F_REQUEST; `header` is what follows
  // nlmsghdr (ifinfomsg, nfgenmsg, ...). `what` names the message in errors ("add bridge x").
  template <typename Header>
  void Begin(uint16_t type, uint16_t flags, const Header& header, std::string what) {
    BeginMessage(type, flags, &header, sizeof(header), std::move(what));
  }
  void Put(uint16_t attribute, absl::string_view bytes);
  void PutString(uint16_t attribute, absl::string_view text);  // a NUL is added
  void PutFlag(uint16_t attribute) { Put(attribute, ""); }
  void PutU8(uint16_t attribute, uint8_t value) { PutValue(attribute, value); }
  void PutU16(uint16_t attribute, uint16_t value) { PutValue(attribute, value); }
  void PutU32(uint16_t attribute, uint32_t value) { PutValue(attribute, value); }
  void PutBe16(uint16_t attribute, uint16_t value) { PutValue(attribute, __builtin_bswap16(value)); }
  void PutBe32(uint16_t attribute, uint32_t value) { PutValue(attribute, __builtin_bswap32(value)); }
  void PutBe64(uint16_t attribute, uint64_t value) { PutValue(attribute, __builtin_bswap64(value)); }
  // Plain bytes, padded: the header of a nested message (VETH_INFO_PEER).
  void Append(absl::string_view bytes);

  bool empty() const { return messages_.empty(); }
  size_t size() const { return buffer_.size(); }
  size_t message_count() const { return messages_.size(); }

 private:
  friend class NetlinkNest;
  friend class NetlinkSocket;
  struct Message {
    size_t offset;
    std::string what;
  };
  void BeginMessage(uint16_t type, uint16_t flags, const void* header, size_t size, std::string what);
  template <typename T>
  void PutValue(uint16_t attribute, T value) {
    Put(attribute, absl::string_view(reinterpret_cast<const char*>(&value), sizeof(value)));
  }
  void FixLength();

  std::string buffer_;
  std::vector<Message> messages_;
};

// An attribute that holds attributes: those that are put while this lives.
class NetlinkNest {
 public:
  NetlinkNest(NetlinkBatch& batch, uint16_t attribute);
  ~NetlinkNest();
  NetlinkNest(const NetlinkNest&) = delete;
  NetlinkNest& operator=(const NetlinkNest&) = delete;

 private:
  NetlinkBatch& batch_;
  size_t offset_;
};

// The attributes of a received message, without copies. Reads no byte outside of it, whatever it says.
class NetlinkAttributes {
 public:
  explicit NetlinkAttributes(absl::string_view bytes) : bytes_(bytes) {}
  // Of the message behind `Header`.
  template <typename Header>
  static NetlinkAttributes Of(absl::string_view payload) {
    const size_t header = NLMSG_ALIGN(sizeof(Header));
    return NetlinkAttributes(payload.size() < header ? absl::string_view() : payload.substr(header));
  }
  // The content of the first attribute of that type; empty if there is none.
  absl::string_view Find(uint16_t type) const;
  NetlinkAttributes Nested(uint16_t type) const { return NetlinkAttributes(Find(type)); }
  uint32_t U32(uint16_t type, uint32_t missing = 0) const;
  uint32_t Be32(uint16_t type, uint32_t missing = 0) const;
  std::string String(uint16_t type) const;  // up to the first NUL
  bool Has(uint16_t type) const { return Find(type).data() != nullptr; }
  void ForEach(absl::FunctionRef<void(uint16_t type, absl::string_view content)> visit) const;

 private:
  absl::string_view bytes_;
};

class NetlinkSocket {
 public:
  NetlinkSocket() = default;  // not open
  // NETLINK_ROUTE or NETLINK_NETFILTER, in the network namespace of the calling thread, where it stays.
  static absl::StatusOr<NetlinkSocket> Open(int protocol);

  // Sends all and hears of each. Messages are independent of each other: one that fails does not stop those
  // behind it. Errors: the first that is not in `ignored` (errno values), as "<what>: <kernel's text>:
  // errno".
  absl::Status Send(NetlinkBatch& batch, absl::Span<const int> ignored = {});
  // As Send, as one transaction of nf_tables: all or nothing.
  absl::Status SendNftTransaction(NetlinkBatch& batch);

  // One request, whose answers (one, or those of a dump with NLM_F_DUMP) are given to `visit` with what is
  // behind nlmsghdr. A dump that the kernel calls inconsistent (NLM_F_DUMP_INTR) is Unavailable.
  absl::Status Ask(NetlinkBatch& batch,
                   absl::FunctionRef<void(uint16_t type, absl::string_view payload)> visit);

  int fd() const { return fd_.get(); }

 private:
  absl::Status SendBytes(const NetlinkBatch& batch);
  absl::Status ReadAnswers(const NetlinkBatch& batch, uint32_t first, absl::Span<const int> ignored);

  UniqueFd fd_;
  uint32_t next_sequence_ = 1;
};

}  // namespace coracle::os

#endif  // CORACLE_OS_NETLINK_H_
