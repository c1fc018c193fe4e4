// Messages of nf_tables: what nft(8) says in words, as netlink attributes.
//
// A rule is a row of expressions that load values into registers, compare them, and end in a verdict. The
// first registers are 16 bytes long (1 to 4); the same bytes are seen as four registers of 4 bytes each (8 to
// 23): register 1 is 8 to 11. A key of several parts lies in consecutive registers, each part padded to 4.
// Source: linux/netfilter/nf_tables.h; nft --debug=netlink.
#ifndef CORACLE_NETWORK_NFT_MESSAGE_H_
#define CORACLE_NETWORK_NFT_MESSAGE_H_

#include <linux/netfilter/nf_tables.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "os/netlink.h"

namespace coracle::network {

// A table, by family (NFPROTO_INET, ...) and name.
struct NftTable {
  uint8_t family;
  std::string name;
};

// nft(8)'s numbers for the types of keys, so that it shows them as what they are.
enum class NftType : uint32_t { kIpv4 = 7, kIpv6 = 8, kProtocol = 12, kPort = 13, kInterface = 41 };

struct NftSet {
  std::string name;
  std::vector<NftType> key;
  std::vector<NftType> data;  // of a map
  bool interval = false;
};

struct NftChain {
  std::string name;
  std::string type;  // filter, nat; empty: not a base chain
  uint32_t hook = 0;
  int32_t priority = 0;
};

struct NftElement {
  std::string key, data;
  bool interval_end = false;
};

// EEXIST if it is there.
void PutNewTable(os::NetlinkBatch& batch, const NftTable& table);
void PutNewSet(os::NetlinkBatch& batch, const NftTable& table, const NftSet& set, uint32_t id);
void PutNewChain(os::NetlinkBatch& batch, const NftTable& table, const NftChain& chain);

// One or more messages with all elements. `message` is NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM or
// kNftDestroyElement; `flags` NLM_F_CREATE, NLM_F_EXCL or 0.
inline constexpr uint16_t kNftDestroyElement = 30;  // NFT_MSG_DESTROYSETELEM: Linux 6.3
void PutElements(os::NetlinkBatch& batch, const NftTable& table, const std::string& set, uint16_t message,
                 uint16_t flags, const std::vector<NftElement>& elements, const std::string& what);

// Fixed width as keys have it.
std::string InterfaceKey(absl::string_view name);  // 16 bytes
std::string PortKey(uint16_t port);                // 2 bytes and padding
std::string ProtocolKey(uint8_t protocol);         // 1 byte and padding

// A rule at the end of a chain, or with `insert` at its beginning. `add` puts its expressions. `comment` is
// the rule's user data, as nft(8) shows comments; at most 100 bytes.
class NftRule {
 public:
  explicit NftRule(os::NetlinkBatch& batch) : batch_(batch) {}
  NftRule& Meta(nft_meta_keys key, uint32_t reg);
  NftRule& Payload(nft_payload_bases base, uint32_t offset, uint32_t length, uint32_t reg);
  // Writes to the header of TCP or UDP and mends its checksum, which is at `checksum_offset`.
  NftRule& SetTransport(uint32_t reg, uint32_t offset, uint32_t length, uint32_t checksum_offset);
  NftRule& Compare(uint32_t reg, nft_cmp_ops op, absl::string_view bytes);
  // reg = reg & mask, of 4 bytes.
  NftRule& And(uint32_t reg, uint32_t mask);
  NftRule& Load(uint32_t reg, absl::string_view bytes);
  NftRule& Ct(nft_ct_keys key, uint32_t reg);
  NftRule& SetMeta(nft_meta_keys key, uint32_t reg);
  NftRule& SetCt(nft_ct_keys key, uint32_t reg);
  NftRule& FibType(uint32_t reg);  // of the destination
  NftRule& InSet(const std::string& set, uint32_t reg, bool inverted = false);
  NftRule& Map(const std::string& map, uint32_t reg, uint32_t result_reg);
  NftRule& Verdict(int32_t code, absl::string_view chain = "");
  NftRule& DnatTo(uint32_t family, uint32_t address_reg, uint32_t port_reg);
  NftRule& Masquerade();
  NftRule& Counter();

  // What comes often.
  NftRule& IsFamily(uint8_t family);
  NftRule& InterfaceIs(nft_meta_keys which, absl::string_view name);  // NFT_META_IIFNAME or OIFNAME

 private:
  void Expression(absl::string_view name, absl::FunctionRef<void()> put);
  os::NetlinkBatch& batch_;
};
void PutRule(os::NetlinkBatch& batch, const NftTable& table, const std::string& chain,
             absl::FunctionRef<void(NftRule& rule)> add, absl::string_view comment = "", bool insert = false);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_NFT_MESSAGE_H_
