#include "network/nft_message.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace coracle::network {
namespace {

using os::NetlinkBatch;
using os::NetlinkNest;

// Attributes have 16 bits for their length; a port's element takes less than 100 bytes.
constexpr size_t kElementsPerMessage = 400;

void Begin(NetlinkBatch& batch, const NftTable& table, uint16_t message, uint16_t flags, std::string what) {
  nfgenmsg header = {};
  header.nfgen_family = table.family;
  header.version = NFNETLINK_V0;
  batch.Begin(NFNL_SUBSYS_NFTABLES << 8 | message, flags, header, std::move(what));
}

uint32_t Size(NftType type) {
  switch (type) {
    case NftType::kIpv6:
    case NftType::kInterface:
      return 16;
    default:
      return 4;  // padded to a register
  }
}

// nft's TYPE_BITS: a type of several parts is their numbers, 6 bits each.
uint32_t TypeNumber(const std::vector<NftType>& parts) {
  uint32_t number = 0;
  for (const NftType part : parts) number = number << 6 | static_cast<uint32_t>(part);
  return number;
}
uint32_t TotalSize(const std::vector<NftType>& parts) {
  uint32_t size = 0;
  for (const NftType part : parts) size += Size(part);
  return size;
}

void PutData(NetlinkBatch& batch, uint16_t attribute, absl::string_view value) {
  const NetlinkNest data(batch, attribute);
  batch.Put(NFTA_DATA_VALUE, value);
}

absl::string_view Bytes(const uint32_t& value) {
  return absl::string_view(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

void PutNewTable(NetlinkBatch& batch, const NftTable& table) {
  Begin(batch, table, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL,
        absl::StrCat("make nftables table ", table.name));
  batch.PutString(NFTA_TABLE_NAME, table.name);
}

void PutNewSet(NetlinkBatch& batch, const NftTable& table, const NftSet& set, uint32_t id) {
  Begin(batch, table, NFT_MSG_NEWSET, NLM_F_CREATE, absl::StrCat("make nftables set ", set.name));
  batch.PutString(NFTA_SET_TABLE, table.name);
  batch.PutString(NFTA_SET_NAME, set.name);
  batch.PutBe32(NFTA_SET_ID, id);
  batch.PutBe32(NFTA_SET_KEY_TYPE, TypeNumber(set.key));
  batch.PutBe32(NFTA_SET_KEY_LEN, TotalSize(set.key));
  batch.PutBe32(NFTA_SET_FLAGS, (set.interval ? NFT_SET_INTERVAL : 0) | (set.data.empty() ? 0 : NFT_SET_MAP));
  if (set.key.front() == NftType::kInterface) {
    // For nft(8), which would show such keys as "" else. libnftnl's NFTNL_UDATA_SET_KEYBYTEORDER: type 0,
    // length, nft's BYTEORDER_HOST_ENDIAN as 32 bits of the host.
    const uint32_t host_endian = 1;
    batch.Put(NFTA_SET_USERDATA, absl::StrCat(std::string({0, sizeof(host_endian)}), Bytes(host_endian)));
  }
  if (set.data.empty()) return;
  batch.PutBe32(NFTA_SET_DATA_TYPE, TypeNumber(set.data));
  batch.PutBe32(NFTA_SET_DATA_LEN, TotalSize(set.data));
}

void PutNewChain(NetlinkBatch& batch, const NftTable& table, const NftChain& chain) {
  Begin(batch, table, NFT_MSG_NEWCHAIN, NLM_F_CREATE, absl::StrCat("make nftables chain ", chain.name));
  batch.PutString(NFTA_CHAIN_TABLE, table.name);
  batch.PutString(NFTA_CHAIN_NAME, chain.name);
  if (chain.type.empty()) return;
  batch.PutString(NFTA_CHAIN_TYPE, chain.type);
  batch.PutBe32(NFTA_CHAIN_POLICY, 1);  // NF_ACCEPT
  const NetlinkNest hook(batch, NFTA_CHAIN_HOOK);
  batch.PutBe32(NFTA_HOOK_HOOKNUM, chain.hook);
  batch.PutBe32(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(chain.priority));
}

void PutElements(NetlinkBatch& batch, const NftTable& table, const std::string& set, uint16_t message,
                 uint16_t flags, const std::vector<NftElement>& elements, const std::string& what) {
  for (size_t begin = 0; begin < elements.size(); begin += kElementsPerMessage) {
    Begin(batch, table, message, flags, what);
    batch.PutString(NFTA_SET_ELEM_LIST_TABLE, table.name);
    batch.PutString(NFTA_SET_ELEM_LIST_SET, set);
    const NetlinkNest list(batch, NFTA_SET_ELEM_LIST_ELEMENTS);
    for (size_t i = begin; i < std::min(elements.size(), begin + kElementsPerMessage); ++i) {
      const NftElement& element = elements[i];
      const NetlinkNest one(batch, NFTA_LIST_ELEM);
      PutData(batch, NFTA_SET_ELEM_KEY, element.key);
      if (!element.data.empty()) PutData(batch, NFTA_SET_ELEM_DATA, element.data);
      if (element.interval_end) batch.PutBe32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
    }
  }
}

std::string InterfaceKey(absl::string_view name) {
  std::string key(name.substr(0, 15));
  key.resize(16);
  return key;
}
std::string PortKey(uint16_t port) {
  return std::string({static_cast<char>(port >> 8), static_cast<char>(port & 0xff), 0, 0});
}
std::string ProtocolKey(uint8_t protocol) { return std::string({static_cast<char>(protocol), 0, 0, 0}); }

// ---- rules ----

void NftRule::Expression(absl::string_view name, absl::FunctionRef<void()> put) {
  const NetlinkNest element(batch_, NFTA_LIST_ELEM);
  batch_.PutString(NFTA_EXPR_NAME, name);
  const NetlinkNest data(batch_, NFTA_EXPR_DATA);
  put();
}

NftRule& NftRule::Meta(nft_meta_keys key, uint32_t reg) {
  Expression("meta", [&] {
    batch_.PutBe32(NFTA_META_KEY, key);
    batch_.PutBe32(NFTA_META_DREG, reg);
  });
  return *this;
}

NftRule& NftRule::Payload(nft_payload_bases base, uint32_t offset, uint32_t length, uint32_t reg) {
  Expression("payload", [&] {
    batch_.PutBe32(NFTA_PAYLOAD_DREG, reg);
    batch_.PutBe32(NFTA_PAYLOAD_BASE, base);
    batch_.PutBe32(NFTA_PAYLOAD_OFFSET, offset);
    batch_.PutBe32(NFTA_PAYLOAD_LEN, length);
  });
  return *this;
}

NftRule& NftRule::SetTransport(uint32_t reg, uint32_t offset, uint32_t length, uint32_t checksum_offset) {
  Expression("payload", [&] {
    batch_.PutBe32(NFTA_PAYLOAD_SREG, reg);
    batch_.PutBe32(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
    batch_.PutBe32(NFTA_PAYLOAD_OFFSET, offset);
    batch_.PutBe32(NFTA_PAYLOAD_LEN, length);
    batch_.PutBe32(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
    batch_.PutBe32(NFTA_PAYLOAD_CSUM_OFFSET, checksum_offset);
  });
  return *this;
}

NftRule& NftRule::Compare(uint32_t reg, nft_cmp_ops op, absl::string_view bytes) {
  Expression("cmp", [&] {
    batch_.PutBe32(NFTA_CMP_SREG, reg);
    batch_.PutBe32(NFTA_CMP_OP, op);
    PutData(batch_, NFTA_CMP_DATA, bytes);
  });
  return *this;
}

NftRule& NftRule::And(uint32_t reg, uint32_t mask) {
  const uint32_t zero = 0;
  Expression("bitwise", [&] {
    batch_.PutBe32(NFTA_BITWISE_SREG, reg);
    batch_.PutBe32(NFTA_BITWISE_DREG, reg);
    batch_.PutBe32(NFTA_BITWISE_LEN, sizeof(mask));
    PutData(batch_, NFTA_BITWISE_MASK, Bytes(mask));
    PutData(batch_, NFTA_BITWISE_XOR, Bytes(zero));
  });
  return *this;
}

NftRule& NftRule::Load(uint32_t reg, absl::string_view bytes) {
  Expression("immediate", [&] {
    batch_.PutBe32(NFTA_IMMEDIATE_DREG, reg);
    PutData(batch_, NFTA_IMMEDIATE_DATA, bytes);
  });
  return *this;
}

NftRule& NftRule::Ct(nft_ct_keys key, uint32_t reg) {
  Expression("ct", [&] {
    batch_.PutBe32(NFTA_CT_KEY, key);
    batch_.PutBe32(NFTA_CT_DREG, reg);
  });
  return *this;
}

NftRule& NftRule::SetMeta(nft_meta_keys key, uint32_t reg) {
  Expression("meta", [&] {
    batch_.PutBe32(NFTA_META_KEY, key);
    batch_.PutBe32(NFTA_META_SREG, reg);
  });
  return *this;
}

NftRule& NftRule::SetCt(nft_ct_keys key, uint32_t reg) {
  Expression("ct", [&] {
    batch_.PutBe32(NFTA_CT_KEY, key);
    batch_.PutBe32(NFTA_CT_SREG, reg);
  });
  return *this;
}

NftRule& NftRule::FibType(uint32_t reg) {
  Expression("fib", [&] {
    batch_.PutBe32(NFTA_FIB_DREG, reg);
    batch_.PutBe32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    batch_.PutBe32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
  });
  return *this;
}

NftRule& NftRule::InSet(const std::string& set, uint32_t reg, bool inverted) {
  Expression("lookup", [&] {
    batch_.PutString(NFTA_LOOKUP_SET, set);
    batch_.PutBe32(NFTA_LOOKUP_SREG, reg);
    if (inverted) batch_.PutBe32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
  });
  return *this;
}

NftRule& NftRule::Map(const std::string& map, uint32_t reg, uint32_t result_reg) {
  Expression("lookup", [&] {
    batch_.PutString(NFTA_LOOKUP_SET, map);
    batch_.PutBe32(NFTA_LOOKUP_SREG, reg);
    batch_.PutBe32(NFTA_LOOKUP_DREG, result_reg);
  });
  return *this;
}

NftRule& NftRule::Verdict(int32_t code, absl::string_view chain) {
  Expression("immediate", [&] {
    batch_.PutBe32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    const NetlinkNest data(batch_, NFTA_IMMEDIATE_DATA);
    const NetlinkNest verdict(batch_, NFTA_DATA_VERDICT);
    batch_.PutBe32(NFTA_VERDICT_CODE, static_cast<uint32_t>(code));
    if (!chain.empty()) batch_.PutString(NFTA_VERDICT_CHAIN, chain);
  });
  return *this;
}

NftRule& NftRule::DnatTo(uint32_t family, uint32_t address_reg, uint32_t port_reg) {
  Expression("nat", [&] {
    batch_.PutBe32(NFTA_NAT_TYPE, NFT_NAT_DNAT);
    batch_.PutBe32(NFTA_NAT_FAMILY, family);
    batch_.PutBe32(NFTA_NAT_REG_ADDR_MIN, address_reg);
    batch_.PutBe32(NFTA_NAT_REG_PROTO_MIN, port_reg);
  });
  return *this;
}

NftRule& NftRule::Masquerade() {
  Expression("masq", [] {});
  return *this;
}

NftRule& NftRule::Counter() {
  Expression("counter", [&] {
    batch_.PutBe64(NFTA_COUNTER_BYTES, 0);
    batch_.PutBe64(NFTA_COUNTER_PACKETS, 0);
  });
  return *this;
}

NftRule& NftRule::IsFamily(uint8_t family) {
  const char bytes[] = {static_cast<char>(family)};
  return Meta(NFT_META_NFPROTO, NFT_REG_1).Compare(NFT_REG_1, NFT_CMP_EQ, absl::string_view(bytes, 1));
}

NftRule& NftRule::InterfaceIs(nft_meta_keys which, absl::string_view name) {
  return Meta(which, NFT_REG_1).Compare(NFT_REG_1, NFT_CMP_EQ, InterfaceKey(name));
}

void PutRule(NetlinkBatch& batch, const NftTable& table, const std::string& chain,
             absl::FunctionRef<void(NftRule& rule)> add, absl::string_view comment, bool insert) {
  Begin(batch, table, NFT_MSG_NEWRULE, NLM_F_CREATE | (insert ? 0 : NLM_F_APPEND),
        absl::StrCat("add a rule to nftables chain ", chain));
  batch.PutString(NFTA_RULE_TABLE, table.name);
  batch.PutString(NFTA_RULE_CHAIN, chain);
  if (!comment.empty()) {
    // libnftnl's NFTNL_UDATA_RULE_COMMENT: type 0, length, text with its NUL.
    std::string data = {0, static_cast<char>(comment.size() + 1)};
    data.append(comment.data(), comment.size()).push_back('\0');
    batch.Put(NFTA_RULE_USERDATA, data);
  }
  const NetlinkNest expressions(batch, NFTA_RULE_EXPRESSIONS);
  NftRule rule(batch);
  add(rule);
}

}  // namespace coracle::network
