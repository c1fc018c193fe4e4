#include "network/firewall.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "network/firewall_rules.h"
#include "network/host_uplink.h"
#include "network/nft_message.h"

namespace coracle::network {
namespace {

using os::NetlinkAttributes;
using os::NetlinkBatch;
using os::NetlinkNest;

constexpr uint16_t kAnswerElement = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM;

void BeginAsk(NetlinkBatch& batch, uint8_t family, uint16_t message, uint16_t flags, std::string what) {
  nfgenmsg header = {};
  header.nfgen_family = family;
  header.version = NFNETLINK_V0;
  batch.Begin(NFNL_SUBSYS_NFTABLES << 8 | message, flags, header, std::move(what));
}

// Both ends of the interval that a subnet is. One that ends with the last address has no end.
std::vector<NftElement> Interval(const Cidr& subnet) {
  std::vector<NftElement> elements = {{subnet.base().Bytes(), "", false}};
  const IpAddress behind = subnet.last().Plus(1);
  if (behind.value() != 0) elements.push_back({behind.Bytes(), "", true});
  return elements;
}

struct SetElements {
  std::string set;
  std::vector<NftElement> elements;
};

std::vector<SetElements> ElementsOf(const FirewallNetwork& network) {
  const std::string key = InterfaceKey(network.bridge);
  std::vector<SetElements> all = {{kBridgesSet, {{key, "", false}}}, {kOwnSet, {{key + key, "", false}}}};
  if (network.internal) all.push_back({kInternalSet, {{key, "", false}}});
  if (network.isolated) all.push_back({kIsolatedSet, {{key, "", false}}});
  for (const Cidr& subnet : network.subnets) {
    if (!network.internal && network.masqueraded)
      all.push_back({subnet.is_v6() ? kSubnets6Set : kSubnets4Set, Interval(subnet)});
  }
  return all;
}

// The element of each port, by map.
std::vector<SetElements> ElementsOf(const Publication& publication) {
  const bool v6 = publication.target.is_v6();
  SetElements result;
  std::string address;
  if (publication.host_address.empty()) {
    result.set = v6 ? kPorts6Map : kPorts4Map;
  } else {
    result.set = v6 ? kPorts6AtMap : kPorts4AtMap;
    const auto parsed = IpAddress::Parse(publication.host_address);
    // An address of the other family can't lead to this target: the held socket's owner answers there.
    if (!parsed.ok() || parsed->is_v6() != v6) return {};
    address = parsed->Bytes();
  }
  for (uint32_t i = 0; i < publication.count; ++i) {
    result.elements.push_back(
        {absl::StrCat(address, ProtocolKey(publication.protocol), PortKey(publication.host_port + i)),
         absl::StrCat(publication.target.Bytes(), PortKey(publication.target_port + i)), false});
  }
  return {std::move(result)};
}

}  // namespace

absl::StatusOr<Firewall> Firewall::Open() {
  absl::StatusOr<os::NetlinkSocket> socket = os::NetlinkSocket::Open(NETLINK_NETFILTER);
  if (ErrnoOf(socket.status()) == EPROTONOSUPPORT) {
    return absl::UnimplementedError(
        "networks of bridges need nf_tables (CONFIG_NF_TABLES), which this kernel does not have");
  }
  RETURN_IF_ERROR(socket.status());
  return Firewall(*std::move(socket));
}

absl::StatusOr<bool> Firewall::HasTable(absl::string_view name) {
  NetlinkBatch request;
  BeginAsk(request, NFPROTO_INET, NFT_MSG_GETTABLE, 0, absl::StrCat("look for nftables table ", name));
  request.PutString(NFTA_TABLE_NAME, name);
  const absl::Status status = socket_.Ask(request, [](uint16_t, absl::string_view) {});
  if (ErrnoOf(status) == ENOENT) return false;
  if (ErrnoOf(status) == EINVAL || ErrnoOf(status) == EOPNOTSUPP) {
    return absl::UnimplementedError(
        "networks of bridges need nf_tables (CONFIG_NF_TABLES), which this kernel does not have");
  }
  RETURN_IF_ERROR(status);
  return true;
}

absl::Status Firewall::MakeTable() {
  ASSIGN_OR_RETURN(const bool there, HasTable(FirewallTable().name));
  if (there) return absl::OkStatus();
  NetlinkBatch batch;
  PutFirewall(batch);
  const absl::Status status = socket_.SendNftTransaction(batch);
  made_table_ |= status.ok();
  return ErrnoOf(status) == EEXIST ? absl::OkStatus() : status;  // another process was faster
}

// The data of a map's element, or of a set's one its key; empty: there is none.
absl::StatusOr<std::string> Firewall::LookUp(const std::string& map, const std::string& key) {
  NetlinkBatch request;
  PutElements(request, FirewallTable(), map, NFT_MSG_GETSETELEM, 0, {{key, "", false}},
              absl::StrCat("look into nftables set ", map));
  std::string found;
  const absl::Status status = socket_.Ask(request, [&](uint16_t type, absl::string_view payload) {
    if (type != kAnswerElement) return;
    const NetlinkAttributes element =
        NetlinkAttributes::Of<nfgenmsg>(payload).Nested(NFTA_SET_ELEM_LIST_ELEMENTS).Nested(NFTA_LIST_ELEM);
    const bool has_data = element.Has(NFTA_SET_ELEM_DATA);
    found =
        std::string(element.Nested(has_data ? NFTA_SET_ELEM_DATA : NFTA_SET_ELEM_KEY).Find(NFTA_DATA_VALUE));
  });
  if (ErrnoOf(status) == ENOENT) return std::string();
  RETURN_IF_ERROR(status);
  return found;
}

absl::StatusOr<bool> Firewall::HasNetwork(const std::string& bridge) {
  ASSIGN_OR_RETURN(const std::string found, LookUp(kBridgesSet, InterfaceKey(bridge)));
  return !found.empty();
}

absl::Status Firewall::AddNetwork(const FirewallNetwork& network) {
  RETURN_IF_ERROR(MakeTable());
  NetlinkBatch batch;
  for (const SetElements& set : ElementsOf(network)) {
    PutElements(batch, FirewallTable(), set.set, NFT_MSG_NEWSETELEM, NLM_F_CREATE, set.elements,
                absl::StrCat("add ", network.bridge, " to nftables set ", set.set));
  }
  return socket_.SendNftTransaction(batch);
}

absl::Status Firewall::RemoveNetwork(const FirewallNetwork& network) {
  for (const SetElements& set : ElementsOf(network)) {
    NetlinkBatch batch;
    PutElements(batch, FirewallTable(), set.set, NFT_MSG_DELSETELEM, 0, set.elements,
                absl::StrCat("remove ", network.bridge, " from nftables set ", set.set));
    const absl::Status status = socket_.SendNftTransaction(batch);
    if (!status.ok() && ErrnoOf(status) != ENOENT) return status;
  }
  ASSIGN_OR_RETURN(const std::vector<ForeignRule> foreign, ForeignRules(network.bridge));
  for (const ForeignRule& rule : foreign) {
    NetlinkBatch batch;
    BeginAsk(batch, rule.family, NFT_MSG_DELRULE, 0, "remove a rule of iptables");
    batch.PutString(NFTA_RULE_TABLE, "filter");
    batch.PutString(NFTA_RULE_CHAIN, rule.chain);
    batch.PutBe64(NFTA_RULE_HANDLE, rule.handle);
    const absl::Status status = socket_.SendNftTransaction(batch);
    if (!status.ok() && ErrnoOf(status) != ENOENT) return status;
  }
  return absl::OkStatus();
}

absl::Status Firewall::Destroy(const std::string& set, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    NetlinkBatch batch;
    PutElements(batch, FirewallTable(), set, NFT_MSG_DELSETELEM, 0, {{key, "", false}}, "unpublish a port");
    const absl::Status status = socket_.SendNftTransaction(batch);
    if (!status.ok() && ErrnoOf(status) != ENOENT) return status;
  }
  return absl::OkStatus();
}

absl::Status Firewall::Publish(absl::Span<const Publication> publications) {
  for (bool replaced = false;; replaced = true) {
    NetlinkBatch batch;
    for (const Publication& publication : publications) {
      for (const SetElements& map : ElementsOf(publication)) {
        PutElements(batch, FirewallTable(), map.set, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL,
                    map.elements, absl::StrCat("publish port ", publication.host_port));
      }
    }
    const absl::Status status = socket_.SendNftTransaction(batch);
    // EBUSY: there with other data.
    if (replaced || (ErrnoOf(status) != EEXIST && ErrnoOf(status) != EBUSY)) return status;
    for (const Publication& publication : publications) {
      for (const SetElements& map : ElementsOf(publication)) {
        std::vector<std::string> keys;
        for (const NftElement& element : map.elements) keys.push_back(element.key);
        RETURN_IF_ERROR(Destroy(map.set, keys));
      }
    }
  }
}

absl::StatusOr<bool> Firewall::HasPublished(absl::Span<const Publication> publications) {
  for (const Publication& publication : publications) {
    for (const SetElements& map : ElementsOf(publication)) {
      for (const NftElement& element : map.elements) {
        ASSIGN_OR_RETURN(const std::string found, LookUp(map.set, element.key));
        if (found != element.data) return false;
      }
    }
  }
  return true;
}

absl::Status Firewall::Unpublish(absl::Span<const Publication> publications) {
  // As a rule all is as it was left, and one transaction does it.
  NetlinkBatch batch;
  std::vector<std::pair<std::string, std::string>> mine;
  for (const Publication& publication : publications) {
    for (const SetElements& map : ElementsOf(publication)) {
      std::vector<NftElement> elements;
      for (const NftElement& element : map.elements) {
        ASSIGN_OR_RETURN(const std::string found, LookUp(map.set, element.key));
        if (found != element.data) continue;
        elements.push_back({element.key, "", false});
        mine.emplace_back(map.set, element.key);
      }
      PutElements(batch, FirewallTable(), map.set, NFT_MSG_DELSETELEM, 0, elements, "unpublish ports");
    }
  }
  const absl::Status status = socket_.SendNftTransaction(batch);
  if (ErrnoOf(status) != ENOENT) return status;
  for (const auto& [set, key] : mine) RETURN_IF_ERROR(Destroy(set, {key}));
  return absl::OkStatus();
}

// ---- the rules of others ----

namespace {

std::string CommentFor(const std::string& bridge) { return absl::StrCat("coracle: ", bridge); }

// docker's bridges: the default one, and how it names those of its networks, unless that is our way out.
std::vector<absl::string_view> DockerBridges() {
  if (absl::StartsWith(FindUplink().interface_name, "br-")) return {"docker0"};
  return {"docker0", "br-"};
}

// What goes to the bridge passes. What comes from it passes too, but what goes on to one of `decided` is for
// the rules behind to decide, as without us.
void PutForeignRules(NetlinkBatch& batch, const NftTable& table, const std::string& chain,
                     const std::string& bridge, const std::vector<absl::string_view>& decided) {
  const std::string comment = CommentFor(bridge);
  const auto put = [&](absl::FunctionRef<void(NftRule&)> add) {
    PutRule(batch, table, chain, add, comment, /*insert=*/true);
  };
  // Each goes before the one before it.
  put([&](NftRule& rule) { rule.InterfaceIs(NFT_META_IIFNAME, bridge).Counter().Verdict(NF_ACCEPT); });
  for (const absl::string_view other : decided) {
    const bool is_prefix = absl::EndsWith(other, "-");
    put([&](NftRule& rule) {
      rule.InterfaceIs(NFT_META_IIFNAME, bridge)
          .Meta(NFT_META_OIFNAME, NFT_REG_1)
          .Compare(NFT_REG_1, NFT_CMP_EQ, is_prefix ? std::string(other) : InterfaceKey(other))
          .Counter()
          .Verdict(NFT_RETURN);
    });
  }
  put([&](NftRule& rule) { rule.InterfaceIs(NFT_META_OIFNAME, bridge).Counter().Verdict(NF_ACCEPT); });
}

}  // namespace

// Ours among them, by their comment.
absl::StatusOr<std::vector<Firewall::ForeignRule>> Firewall::ForeignRules(const std::string& bridge) {
  std::vector<ForeignRule> found;
  for (const uint8_t family : {uint8_t{NFPROTO_IPV4}, uint8_t{NFPROTO_IPV6}}) {
    for (const char* chain : {"DOCKER-USER", "FORWARD"}) {
      NetlinkBatch request;
      BeginAsk(request, family, NFT_MSG_GETRULE, NLM_F_DUMP, "look at the rules of iptables");
      request.PutString(NFTA_RULE_TABLE, "filter");
      request.PutString(NFTA_RULE_CHAIN, chain);
      const std::string comment = CommentFor(bridge);
      const absl::Status status = socket_.Ask(request, [&](uint16_t, absl::string_view payload) {
        const auto rule = NetlinkAttributes::Of<nfgenmsg>(payload);
        const absl::string_view data = rule.Find(NFTA_RULE_USERDATA);
        if (rule.String(NFTA_RULE_CHAIN) != chain || data.size() != comment.size() + 3) return;
        if (data.substr(2, comment.size()) != comment) return;
        const absl::string_view handle = rule.Find(NFTA_RULE_HANDLE);
        uint64_t number = 0;
        if (handle.size() == sizeof(number)) memcpy(&number, handle.data(), sizeof(number));
        found.push_back({family, chain, __builtin_bswap64(number)});
      });
      if (!status.ok() && ErrnoOf(status) != ENOENT && !absl::IsUnavailable(status)) return status;
    }
  }
  return found;
}

absl::Status Firewall::PassForeignForward(const std::string& bridge) {
  bool looked = false;
  std::vector<ForeignRule> there;
  for (const uint8_t family : {uint8_t{NFPROTO_IPV4}, uint8_t{NFPROTO_IPV6}}) {
    std::string target;
    for (const char* chain : {"DOCKER-USER", "FORWARD"}) {
      NetlinkBatch request;
      BeginAsk(request, family, NFT_MSG_GETCHAIN, 0, "look at the chains of iptables");
      request.PutString(NFTA_CHAIN_TABLE, "filter");
      request.PutString(NFTA_CHAIN_NAME, chain);
      uint32_t policy = NF_ACCEPT;
      const absl::Status status = socket_.Ask(request, [&](uint16_t, absl::string_view payload) {
        policy = NetlinkAttributes::Of<nfgenmsg>(payload).Be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
      });
      if (ErrnoOf(status) == ENOENT) continue;
      RETURN_IF_ERROR(status);
      // docker asks that rules of others stand in DOCKER-USER, which it calls before its own.
      if (target.empty() && (absl::string_view(chain) == "DOCKER-USER" || policy == NF_DROP)) target = chain;
    }
    if (target.empty()) continue;
    if (!looked) {
      ASSIGN_OR_RETURN(there, ForeignRules(bridge));
    }
    looked = true;
    bool done = false;
    for (const ForeignRule& rule : there) done |= rule.family == family && rule.chain == target;
    if (done) continue;
    NetlinkBatch batch;
    const bool is_docker = target == "DOCKER-USER";
    PutForeignRules(batch, {family, "filter"}, target, bridge,
                    is_docker ? DockerBridges() : std::vector<absl::string_view>());
    RETURN_IF_ERROR(socket_.SendNftTransaction(batch));
  }
  return absl::OkStatus();
}

}  // namespace coracle::network
