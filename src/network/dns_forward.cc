#include "network/dns_forward.h"

#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "network/dns_message.h"

namespace coracle::network {
namespace {

constexpr int64_t kTryMillis = 2000;
constexpr size_t kRounds = 2;
constexpr size_t kMaxTries = 6;

}  // namespace

struct DnsForwarder::Exchange {
  DnsClient client;
  std::string query;  // with our id
  uint16_t clients_id = 0;
  std::vector<DnsServerAddress> servers;
  size_t tries = 0;
  int64_t deadline_millis = 0;
  os::UniqueFd fd;
  // TCP: what is still to be sent, what has come.
  std::string out, in;
  std::string answer, weak_answer;  // weak: an error that another server may not give
};

DnsForwarder::DnsForwarder() = default;
DnsForwarder::~DnsForwarder() = default;

// Opens the socket to the next server and sends. False if no server is left to ask.
bool DnsForwarder::Begin(Exchange* exchange, int64_t now_millis) {
  const bool tcp = exchange->client.connection != 0;
  while (exchange->tries < std::min(kMaxTries, exchange->servers.size() * kRounds)) {
    const DnsServerAddress& server = exchange->servers[exchange->tries++ % exchange->servers.size()];
    exchange->fd.Reset(
        socket(server.storage.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!exchange->fd.valid()) continue;
    const int connected =
        connect(exchange->fd.get(), reinterpret_cast<const sockaddr*>(&server.storage), server.size);
    if (connected != 0 && errno != EINPROGRESS) continue;
    exchange->deadline_millis = now_millis + kTryMillis;
    if (tcp) {
      const size_t size = exchange->query.size();
      exchange->out = {static_cast<char>(size >> 8), static_cast<char>(size & 0xff)};
      exchange->out += exchange->query;
      exchange->in.clear();
      return true;
    }
    if (send(exchange->fd.get(), exchange->query.data(), exchange->query.size(), MSG_NOSIGNAL) >= 0)
      return true;
  }
  exchange->fd.Reset();
  return false;
}

bool DnsForwarder::Ask(absl::string_view query, const DnsClient& client,
                       const std::vector<DnsServerAddress>& servers, int64_t now_millis) {
  if (exchanges_.size() >= kMaxForwarded || servers.empty() || query.size() < kDnsHeaderBytes) return false;
  auto exchange = std::make_unique<Exchange>();
  exchange->client = client;
  exchange->query = std::string(query);
  exchange->clients_id = DnsId(query);
  exchange->servers = servers;
  uint16_t id = 0;
  if (getrandom(&id, sizeof(id), 0) != sizeof(id)) return false;
  SetDnsId(id, &exchange->query);
  if (!Begin(exchange.get(), now_millis)) return false;
  exchanges_.push_back(std::move(exchange));
  return true;
}

void DnsForwarder::Prepare(std::vector<pollfd>* polls, int* timeout_millis, int64_t now_millis) {
  for (const auto& exchange : exchanges_) {
    polls->push_back({exchange->fd.get(), static_cast<short>(exchange->out.empty() ? POLLIN : POLLOUT), 0});
    const int left = static_cast<int>(std::max<int64_t>(exchange->deadline_millis - now_millis, 0));
    if (*timeout_millis < 0 || left < *timeout_millis) *timeout_millis = left;
  }
}

DnsForwarder::Step DnsForwarder::Judge(Exchange* exchange, absl::string_view answer) {
  if (!DnsAnswers(answer, exchange->query)) {
    // By TCP nobody else can have sent it: the server is broken.
    return exchange->client.connection != 0 ? Step::kNextServer : Step::kGoOn;
  }
  const DnsCode code = DnsCodeOf(answer);
  if (code == DnsCode::kServerFailure || code == DnsCode::kRefused || code == DnsCode::kNotImplemented) {
    exchange->weak_answer = std::string(answer);
    return Step::kNextServer;
  }
  exchange->answer = std::string(answer);
  return Step::kAnswered;
}

DnsForwarder::Step DnsForwarder::Read(Exchange* exchange) {
  char buffer[kMaxDnsPayload];
  for (;;) {
    const ssize_t got = recv(exchange->fd.get(), buffer, sizeof(buffer), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN ? Step::kGoOn : Step::kNextServer;
    const Step step = Judge(exchange, absl::string_view(buffer, static_cast<size_t>(got)));
    if (step != Step::kGoOn) return step;
  }
}

DnsForwarder::Step DnsForwarder::WriteStream(Exchange* exchange) {
  const ssize_t sent = send(exchange->fd.get(), exchange->out.data(), exchange->out.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR ? Step::kGoOn : Step::kNextServer;
  exchange->out.erase(0, static_cast<size_t>(sent));
  return Step::kGoOn;
}

DnsForwarder::Step DnsForwarder::ReadStream(Exchange* exchange) {
  char buffer[4096];
  const ssize_t got = recv(exchange->fd.get(), buffer, sizeof(buffer), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Step::kGoOn : Step::kNextServer;
  if (got == 0) return Step::kNextServer;
  std::string& in = exchange->in;
  in.append(buffer, static_cast<size_t>(got));
  if (in.size() < 2) return Step::kGoOn;
  const size_t size = size_t{static_cast<uint8_t>(in[0])} << 8 | static_cast<uint8_t>(in[1]);
  if (in.size() - 2 < size) return Step::kGoOn;
  return Judge(exchange, absl::string_view(in).substr(2, size));
}

void DnsForwarder::Dispatch(const pollfd* polls, size_t count, int64_t now_millis, const Done& done) {
  std::vector<std::unique_ptr<Exchange>> ended;
  const size_t polled = std::min(count, exchanges_.size());
  for (size_t i = 0; i < polled; ++i) {
    Exchange* exchange = exchanges_[i].get();
    Step step = Step::kGoOn;
    if (polls[i].revents != 0) {
      if (exchange->client.connection == 0) {
        step = Read(exchange);
      } else {
        step = exchange->out.empty() ? ReadStream(exchange) : WriteStream(exchange);
      }
    }
    if (step == Step::kGoOn && now_millis >= exchange->deadline_millis) step = Step::kNextServer;
    if (step == Step::kGoOn) continue;
    if (step == Step::kNextServer && Begin(exchange, now_millis)) continue;
    ended.push_back(std::move(exchanges_[i]));
  }
  exchanges_.erase(std::remove(exchanges_.begin(), exchanges_.end(), nullptr), exchanges_.end());
  for (const auto& exchange : ended) {
    SetDnsId(exchange->clients_id, &exchange->query);
    std::string& answer = exchange->answer.empty() ? exchange->weak_answer : exchange->answer;
    if (!answer.empty()) SetDnsId(exchange->clients_id, &answer);
    done(exchange->client, exchange->query, answer);
  }
}

void DnsForwarder::Drop(uint64_t connection) {
  exchanges_.erase(std::remove_if(exchanges_.begin(), exchanges_.end(),
                                  [connection](const auto& exchange) {
                                    return exchange->client.connection == connection;
                                  }),
                   exchanges_.end());
}

}  // namespace coracle::network
