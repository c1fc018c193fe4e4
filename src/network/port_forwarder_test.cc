#include "network/port_forwarder.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "doctest/doctest.h"
#include "os/unique_fd.h"

namespace coracle::network {
namespace {

struct Bound {
  os::UniqueFd fd;
  uint16_t port = 0;
};

Bound Bind(int type, bool non_blocking) {
  Bound result;
  result.fd.Reset(socket(AF_INET, type | SOCK_CLOEXEC | (non_blocking ? SOCK_NONBLOCK : 0), 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(result.fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  if (type == SOCK_STREAM) REQUIRE(listen(result.fd.get(), 16) == 0);
  socklen_t size = sizeof(address);
  REQUIRE(getsockname(result.fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  result.port = ntohs(address.sin_port);
  return result;
}

os::UniqueFd Connect(int type, uint16_t port) {
  os::UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  REQUIRE(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  return fd;
}

struct Fixture {
  explicit Fixture(int type) : held(Bind(type, true)), server(Bind(type, false)) {
    auto opened = PortForwarder::Open({held.fd.get()}, [this](const PortForwarder::Socket& socket) {
      CHECK(socket.port == held.port);
      if (!reachable) return std::optional<PortForwarder::Target>();
      return std::optional<PortForwarder::Target>({IpAddress::Parse("127.0.0.1").value(), server.port});
    });
    REQUIRE(opened.ok());
    forwarder.emplace(*std::move(opened));
  }
  // A few rounds of the owner's loop.
  void Serve(int rounds = 5) {
    for (int i = 0; i < rounds; ++i) {
      std::vector<pollfd> polls;
      int timeout = 20;
      forwarder->Prepare(&polls, &timeout);
      poll(polls.data(), polls.size(), timeout);
      forwarder->Dispatch();
    }
  }
  bool reachable = true;
  Bound held, server;
  std::optional<PortForwarder> forwarder;
};

std::string Receive(int fd, size_t size = 100) {
  std::string text(size, '\0');
  const ssize_t got = recv(fd, text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return text;
}

TEST_SUITE("network/port_forwarder") {
  TEST_CASE(
      "TCP goes both ways, and one end's end of sending reaches the "
      "other after its last byte") {
    Fixture fixture(SOCK_STREAM);
    const os::UniqueFd client = Connect(SOCK_STREAM, fixture.held.port);
    REQUIRE(send(client.get(), "question", 8, 0) == 8);
    REQUIRE(shutdown(client.get(), SHUT_WR) == 0);
    fixture.Serve();
    os::UniqueFd server(accept(fixture.server.fd.get(), nullptr, nullptr));
    CHECK(Receive(server.get()) == "question");
    CHECK(Receive(server.get()).empty());
    REQUIRE(send(server.get(), "answer", 6, 0) == 6);
    server.Reset();
    fixture.Serve();
    CHECK(Receive(client.get()) == "answer");
    CHECK(Receive(client.get()).empty());
  }

  TEST_CASE("more than the sockets take waits and arrives whole") {
    Fixture fixture(SOCK_STREAM);
    const os::UniqueFd client = Connect(SOCK_STREAM, fixture.held.port);
    fixture.Serve();
    const os::UniqueFd server(accept(fixture.server.fd.get(), nullptr, nullptr));
    const std::string block(65536, 'x');
    size_t sent = 0, received = 0;
    while (sent < (size_t{8} << 20)) {
      const ssize_t count = send(server.get(), block.data(), block.size(), MSG_DONTWAIT);
      if (count > 0) {
        sent += static_cast<size_t>(count);
        continue;
      }
      fixture.Serve(2);
      for (;;) {
        std::string got(block.size(), '\0');
        const ssize_t size = recv(client.get(), got.data(), got.size(), MSG_DONTWAIT);
        if (size <= 0) break;
        received += static_cast<size_t>(size);
      }
    }
    REQUIRE(shutdown(server.get(), SHUT_WR) == 0);
    for (bool ended = false; !ended;) {
      fixture.Serve(2);
      for (;;) {
        std::string got(block.size(), '\0');
        const ssize_t size = recv(client.get(), got.data(), got.size(), MSG_DONTWAIT);
        ended = size == 0;
        if (size <= 0) break;
        received += static_cast<size_t>(size);
      }
    }
    CHECK(received == sent);
  }

  TEST_CASE("a client is refused when nobody is there to serve it") {
    Fixture fixture(SOCK_STREAM);
    fixture.reachable = false;
    const os::UniqueFd client = Connect(SOCK_STREAM, fixture.held.port);
    fixture.Serve();
    CHECK(Receive(client.get()).empty());
    fixture.reachable = true;
    fixture.server.fd.Reset();  // the port is closed
    const os::UniqueFd other = Connect(SOCK_STREAM, fixture.held.port);
    fixture.Serve();
    CHECK(Receive(other.get()).empty());
  }

  TEST_CASE("datagrams of several clients are answered each to its own") {
    Fixture fixture(SOCK_DGRAM);
    const os::UniqueFd one = Connect(SOCK_DGRAM, fixture.held.port),
                       two = Connect(SOCK_DGRAM, fixture.held.port);
    REQUIRE(send(one.get(), "one", 3, 0) == 3);
    REQUIRE(send(two.get(), "two", 3, 0) == 3);
    fixture.Serve();
    for (int i = 0; i < 2; ++i) {
      char text[16];
      sockaddr_in from = {};
      socklen_t size = sizeof(from);
      const ssize_t got =
          recvfrom(fixture.server.fd.get(), text, sizeof(text), 0, reinterpret_cast<sockaddr*>(&from), &size);
      REQUIRE(got == 3);
      REQUIRE(sendto(fixture.server.fd.get(), text, 3, 0, reinterpret_cast<sockaddr*>(&from), size) == 3);
    }
    fixture.Serve();
    CHECK(Receive(one.get()) == "one");
    CHECK(Receive(two.get()) == "two");
  }
}

}  // namespace
}  // namespace coracle::network
