#include "network/dns_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "base/monotonic.h"
#include "network/dns_forward.h"
#include "network/dns_message.h"
#include "network/dns_names.h"
#include "network/dns_stream.h"
#include "network/host_resolvers.h"

namespace coracle::network {
namespace {

constexpr int64_t kForgetMillis = 3000;
// By one system call; and no more in one round, so that a container that only asks can't keep its monitor
// from its other work.
constexpr size_t kDatagramsAtOnce = 32;
// Of a question, whatever its options; what is longer is cut, and no question then.
constexpr size_t kMaxQuery = 2048;

std::vector<DnsServerAddress> Parse(const std::vector<std::string>& names) {
  std::vector<DnsServerAddress> servers;
  for (const std::string& name : names) {
    const auto server = ParseDnsServer(name);
    if (server.has_value()) servers.push_back(*server);
  }
  return servers;
}

}  // namespace

struct Datagram {
  sockaddr_in peer;
  std::string bytes;
};

struct DnsServer::Impl {
  Impl(const store::Store& store, const DnsConfig& config)
      : names(store, config.container_id, config.links), own_servers(Parse(config.servers)) {}

  std::vector<DnsServerAddress> Servers() {
    if (!own_servers.empty()) return own_servers;
    std::vector<DnsServerAddress> networks = Parse(names.servers());
    return networks.empty() ? host.Get() : networks;
  }

  DnsNames names;
  DnsForwarder forwarder;
  DnsStreams streams;
  HostResolvers host;
  const std::vector<DnsServerAddress> own_servers;
  std::vector<char> incoming = std::vector<char>(kDatagramsAtOnce * kMaxQuery);
  std::vector<Datagram> outgoing;  // of this round
  int64_t last_used_millis = 0;
  size_t forward_polls = 0, stream_polls = 0;
};

DnsServer::DnsServer(const store::Store& store, DnsSockets sockets, DnsConfig config)
    : store_(store), sockets_(std::move(sockets)), config_(std::move(config)) {}
DnsServer::~DnsServer() = default;

void DnsServer::Prepare(std::vector<pollfd>* polls, int* timeout_millis) {
  polls->push_back({sockets_.udp.get(), POLLIN, 0});
  polls->push_back({sockets_.tcp.get(), POLLIN, 0});
  if (impl_ == nullptr) return;
  const int64_t now = MonotonicMillis();
  if (impl_->forwarder.idle() && impl_->streams.size() == 0) {
    const int64_t left = impl_->last_used_millis + kForgetMillis - now;
    if (left <= 0) {
      impl_.reset();
      return;
    }
    if (*timeout_millis < 0 || left < *timeout_millis) *timeout_millis = static_cast<int>(left);
  }
  const size_t begin = polls->size();
  impl_->forwarder.Prepare(polls, timeout_millis, now);
  impl_->forward_polls = polls->size() - begin;
  impl_->streams.Prepare(polls, timeout_millis, now);
  impl_->stream_polls = polls->size() - begin - impl_->forward_polls;
}

void DnsServer::Dispatch(const pollfd* polls, size_t count) {
  const bool asked = polls[0].revents != 0 || polls[1].revents != 0;
  if (impl_ == nullptr && !asked) return;
  const int64_t now = MonotonicMillis();
  const auto close = [this](uint64_t connection) { impl_->forwarder.Drop(connection); };
  if (impl_ == nullptr) {
    impl_ = std::make_unique<Impl>(store_, config_);
  } else if (count == 2 + impl_->forward_polls + impl_->stream_polls) {
    impl_->forwarder.Dispatch(
        polls + 2, impl_->forward_polls, now,
        [this](const DnsClient& client, absl::string_view query, absl::string_view answer) {
          if (!answer.empty()) return Reply(client, answer);
          DnsQuery parsed;
          (void)ParseDnsQuery(query, &parsed);  // it was good before
          Reply(client, DnsAnswer(query, parsed, client.payload).Finish(DnsCode::kServerFailure));
        });
    impl_->streams.Dispatch(
        polls + 2 + impl_->forward_polls, impl_->stream_polls, now,
        [&](uint64_t connection, absl::string_view query) {
          DnsClient client;
          client.connection = connection;
          client.payload = kMaxDnsMessage;
          Handle(query, client, now);
        },
        close);
  }
  if (asked) impl_->last_used_millis = now;
  if (polls[0].revents != 0) ReadDatagrams(now);
  if (polls[1].revents != 0) impl_->streams.Accept(sockets_.tcp.get(), now, close);
  SendDatagrams();
}

void DnsServer::ReadDatagrams(int64_t now_millis) {
  mmsghdr messages[kDatagramsAtOnce] = {};
  iovec buffers[kDatagramsAtOnce];
  sockaddr_in peers[kDatagramsAtOnce];
  for (size_t i = 0; i < kDatagramsAtOnce; ++i) {
    buffers[i] = {impl_->incoming.data() + i * kMaxQuery, kMaxQuery};
    messages[i].msg_hdr.msg_iov = &buffers[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &peers[i];
    messages[i].msg_hdr.msg_namelen = sizeof(peers[i]);
  }
  const int got = recvmmsg(sockets_.udp.get(), messages, kDatagramsAtOnce, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < got; ++i) {
    DnsClient client;
    client.peer = peers[i];
    Handle(
        absl::string_view(impl_->incoming.data() + static_cast<size_t>(i) * kMaxQuery, messages[i].msg_len),
        client, now_millis);
  }
}

// One that can't be sent is lost, as datagrams may be: the client asks again.
void DnsServer::SendDatagrams() {
  std::vector<Datagram>& outgoing = impl_->outgoing;
  std::vector<mmsghdr> messages(outgoing.size());
  std::vector<iovec> buffers(outgoing.size());
  for (size_t i = 0; i < outgoing.size(); ++i) {
    buffers[i] = {outgoing[i].bytes.data(), outgoing[i].bytes.size()};
    messages[i].msg_hdr.msg_iov = &buffers[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &outgoing[i].peer;
    messages[i].msg_hdr.msg_namelen = sizeof(outgoing[i].peer);
  }
  for (size_t sent = 0; sent < messages.size();) {
    const int count = sendmmsg(sockets_.udp.get(), &messages[sent],
                               static_cast<unsigned>(messages.size() - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
    sent += count > 0 ? static_cast<size_t>(count) : 1;
  }
  outgoing.clear();
}

void DnsServer::Handle(absl::string_view message, const DnsClient& client, int64_t now_millis) {
  DnsQuery query;
  const DnsVerdict verdict = ParseDnsQuery(message, &query);
  DnsClient asker = client;
  if (client.connection == 0) asker.payload = query.payload;
  if (verdict == DnsVerdict::kDrop) return;  // a TCP connection ends by its silence
  DnsAnswer answer(message, query, asker.payload);
  if (verdict == DnsVerdict::kFormatError) return Reply(asker, answer.Finish(DnsCode::kFormatError));
  if (verdict == DnsVerdict::kNotImplemented) return Reply(asker, answer.Finish(DnsCode::kNotImplemented));
  impl_->names.Refresh(now_millis);
  if (query.dns_class == kDnsClassIn && !query.name.empty()) {
    std::vector<std::string> found;
    if (query.type == kDnsTypePtr) {
      const std::string address = AddressOfReverseName(query.name);
      if (!address.empty() && impl_->names.Reverse(address, &found)) {
        for (const std::string& name : found) answer.AddPointer(name);
        return Reply(asker, answer.Finish(DnsCode::kOk));
      }
    } else if (impl_->names.Lookup(query.name, &found)) {
      // Of another type: the name is there and has no such records.
      for (const std::string& address : found) {
        const uint16_t type = address.size() == 4 ? kDnsTypeA : kDnsTypeAaaa;
        if (query.type == type || query.type == kDnsTypeAny) answer.AddAddress(address);
      }
      return Reply(asker, answer.Finish(DnsCode::kOk));
    }
  }
  if (!impl_->names.may_forward()) return Reply(asker, answer.Finish(DnsCode::kNoSuchName));
  if (!impl_->forwarder.Ask(message, asker, impl_->Servers(), now_millis)) {
    Reply(asker, answer.Finish(DnsCode::kServerFailure));
  }
}

void DnsServer::Reply(const DnsClient& client, absl::string_view answer) {
  if (client.connection != 0) return impl_->streams.Answer(client.connection, answer);
  std::string cut;
  if (answer.size() > client.payload) {
    cut = TruncatedDns(answer);
    answer = cut;
  }
  impl_->outgoing.push_back({client.peer, std::string(answer)});
}

}  // namespace coracle::network
