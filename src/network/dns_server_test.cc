#include "network/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "doctest/doctest.h"
#include "network/dns_message.h"
#include "network/published_names.h"
#include "store/test_store.h"

namespace coracle::network {
namespace {

os::UniqueFd Bound(int type, uint16_t* port) {
  os::UniqueFd fd(socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(*port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  if (type == SOCK_STREAM) REQUIRE(listen(fd.get(), 4) == 0);
  *port = ntohs(address.sin_port);
  return fd;
}

os::UniqueFd Connected(int type, uint16_t port) {
  os::UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  return fd;
}

std::string Query(absl::string_view label) {
  std::string message("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  message += static_cast<char>(label.size());
  return message + std::string(label) + std::string("\0\0\x01\0\x01", 5);
}

// A server on ports of its own, which forwards to `servers`.
struct Running {
  explicit Running(std::vector<std::string> servers)
      : id(64, 'c'),
        server(*store, Sockets(), DnsConfig{.container_id = id, .servers = std::move(servers)}) {}
  DnsSockets Sockets() { return {Bound(SOCK_DGRAM, &udp), Bound(SOCK_STREAM, &tcp)}; }
  // One round of the monitor's loop; what it would have waited at most.
  int Round(int wait_millis = 1000) {
    std::vector<pollfd> polls;
    int timeout = -1;
    server.Prepare(&polls, &timeout);
    const int wanted = timeout;
    if (timeout < 0 || timeout > wait_millis) timeout = wait_millis;
    (void)poll(polls.data(), polls.size(), timeout);
    server.Dispatch(polls.data(), polls.size());
    return wanted;
  }
  store::TestStore store;
  uint16_t udp = 0, tcp = 0;
  std::string id;
  DnsServer server;
};

std::string Receive(int fd) {
  char buffer[4096];
  const ssize_t got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
  return got < 0 ? "" : std::string(buffer, static_cast<size_t>(got));
}

TEST_SUITE("network/dns_server") {
  TEST_CASE("what is not known goes to the next server, and its answer comes back") {
    uint16_t port = 0;
    const os::UniqueFd upstream = Bound(SOCK_DGRAM, &port);
    Running running({"127.0.0.1#" + std::to_string(port)});
    CHECK(running.Round(0) == -1);  // nothing to wait for
    const os::UniqueFd client = Connected(SOCK_DGRAM, running.udp);
    const std::string query = Query("far");
    REQUIRE(send(client.get(), query.data(), query.size(), 0) > 0);
    running.Round();
    sockaddr_in peer;
    socklen_t size = sizeof(peer);
    char buffer[512];
    const ssize_t got =
        recvfrom(upstream.get(), buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&peer), &size);
    REQUIRE(got == static_cast<ssize_t>(query.size()));
    const std::string asked(buffer, static_cast<size_t>(got));
    CHECK(asked.substr(2) == query.substr(2));
    // A forged answer counts for nothing, whoever sends it.
    std::string forged = asked;
    forged[0] = static_cast<char>(forged[0] ^ 1);
    forged[2] = static_cast<char>(0x81);
    REQUIRE(sendto(upstream.get(), forged.data(), forged.size(), 0, reinterpret_cast<sockaddr*>(&peer),
                   size) > 0);
    running.Round();
    CHECK(Receive(client.get()).empty());
    DnsQuery parsed;
    REQUIRE(ParseDnsQuery(asked, &parsed) == DnsVerdict::kQuery);
    DnsAnswer answer(asked, parsed, 512);
    answer.AddAddress("abcd");
    const std::string bytes = answer.Finish(DnsCode::kOk);
    REQUIRE(sendto(upstream.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&peer), size) >
            0);
    running.Round();
    const std::string received = Receive(client.get());
    CHECK(received.substr(0, 2) == query.substr(0, 2));
    CHECK(received.substr(2) == bytes.substr(2));
  }

  TEST_CASE("a server that is not there is no answer, and the client hears so") {
    uint16_t port = 0;
    { const os::UniqueFd gone = Bound(SOCK_DGRAM, &port); }
    Running running({"127.0.0.1#" + std::to_string(port)});
    const os::UniqueFd client = Connected(SOCK_DGRAM, running.udp);
    const std::string query = Query("far");
    REQUIRE(send(client.get(), query.data(), query.size(), 0) > 0);
    std::string answer;
    for (int i = 0; i < 8 && answer.empty(); ++i) {
      running.Round(200);
      answer = Receive(client.get());
    }
    REQUIRE(answer.size() >= kDnsHeaderBytes);
    CHECK(DnsCodeOf(answer) == DnsCode::kServerFailure);
  }

  TEST_CASE("names of the network are answered by UDP and by TCP, in pieces too") {
    Running running({});
    CHECK(os::MakeDirectories(running.store->ContainerRunDir(running.id), 0700).ok());
    const auto lock = store::FileLock::Try(running.store->ContainerRunDir(running.id) + "/lock");
    REQUIRE(lock.ok());
    REQUIRE(PublishNames(*running.store, std::string(64, 'a'), {running.id, "me", {}, {"10.0.0.9/24"}},
                         {"net", true, {}})
                .ok());
    const std::string query = Query("ME");
    const os::UniqueFd udp = Connected(SOCK_DGRAM, running.udp);
    REQUIRE(send(udp.get(), query.data(), query.size(), 0) > 0);
    running.Round();
    const std::string answer = Receive(udp.get());
    REQUIRE(answer.size() > query.size());
    CHECK(answer.substr(answer.size() - 4) == std::string("\x0a\0\0\x09", 4));

    const os::UniqueFd tcp = Connected(SOCK_STREAM, running.tcp);
    running.Round();  // accepts
    const std::string framed = std::string("\0", 1) + static_cast<char>(query.size()) + query;
    REQUIRE(send(tcp.get(), framed.data(), 5, 0) == 5);
    running.Round();
    CHECK(Receive(tcp.get()).empty());
    // The rest, and a second one with it.
    const std::string rest = framed.substr(5) + framed;
    REQUIRE(send(tcp.get(), rest.data(), rest.size(), 0) > 0);
    std::string answers;
    for (int i = 0; i < 4 && answers.size() < 2 * (answer.size() + 2); ++i) {
      running.Round(100);
      answers += Receive(tcp.get());
    }
    CHECK(answers.size() == 2 * (answer.size() + 2));
    CHECK(answers.substr(2, answer.size()) == answer);
    // On internal networks only, a stranger's name is nobody's.
    const std::string stranger = Query("stranger");
    REQUIRE(send(udp.get(), stranger.data(), stranger.size(), 0) > 0);
    running.Round();
    CHECK(DnsCodeOf(Receive(udp.get())) == DnsCode::kNoSuchName);
  }
}

}  // namespace
}  // namespace coracle::network
