#include "network/dns_server.h"

#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "network/dns_forward.h"
#include "network/dns_message.h"
#include "network/dns_names.h"
#include "network/dns_stream.h"
#include "network/host_resolvers.h"

namespace coracle::network {
namespace {

constexpr int64_t kForgetMillis = 3000;
// So that a container that only asks can't keep its monitor from its other work.
constexpr int kMaxDatagramsAtOnce = 64;

int64_t NowMillis() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::vector<DnsServerAddress> Parse(const std::vector<std::string>& names) {
  std::vector<DnsServerAddress> servers;
  for (const std::string& name : names) {
    const auto server = ParseDnsServer(name);
    if (server.has_value()) servers.push_back(*server);
  }
  return servers;
}

}  // namespace

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
  const int64_t now = NowMillis();
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
  const int64_t now = NowMillis();
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
}

void DnsServer::ReadDatagrams(int64_t now_millis) {
  char buffer[kMaxDnsPayload];
  for (int i = 0; i < kMaxDatagramsAtOnce; ++i) {
    DnsClient client;
    socklen_t size = sizeof(client.peer);
    const ssize_t got = recvfrom(sockets_.udp.get(), buffer, sizeof(buffer), 0,
                                 reinterpret_cast<sockaddr*>(&client.peer), &size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return;
    Handle(absl::string_view(buffer, static_cast<size_t>(got)), client, now_millis);
  }
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
  // A datagram that can't be sent is lost, as datagrams may be: the client asks again.
  (void)sendto(sockets_.udp.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&client.peer), sizeof(client.peer));
}

}  // namespace coracle::network
