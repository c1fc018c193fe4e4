#include "network/host_resolvers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "os/file.h"

namespace coracle::network {
namespace {

constexpr uint16_t kDnsPort = 53;
constexpr size_t kMaxResolvConfBytes = 1 << 20;
constexpr char kOfThisHost[] = "127.0.0.1";

const char* only_server = nullptr;

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

std::optional<DnsServerAddress> ParseDnsServer(absl::string_view text) {
  uint16_t port = kDnsPort;
  const size_t hash = text.find('#');
  if (hash != absl::string_view::npos) {
    uint32_t number = 0;
    if (!absl::SimpleAtoi(text.substr(hash + 1), &number) || number == 0 || number > 65535)
      return std::nullopt;
    port = static_cast<uint16_t>(number);
    text = text.substr(0, hash);
  }
  DnsServerAddress server;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&server.storage);
  if (inet_pton(AF_INET, std::string(text).c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    server.size = sizeof(*v4);
    return server;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&server.storage);
  const size_t percent = text.find('%');
  if (inet_pton(AF_INET6, std::string(text.substr(0, percent)).c_str(), &v6->sin6_addr) != 1)
    return std::nullopt;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  if (percent != absl::string_view::npos) {
    const std::string scope(text.substr(percent + 1));
    v6->sin6_scope_id = if_nametoindex(scope.c_str());
    if (v6->sin6_scope_id == 0 && !absl::SimpleAtoi(scope, &v6->sin6_scope_id)) return std::nullopt;
  }
  server.size = sizeof(*v6);
  return server;
}

std::vector<std::string> ParseNameservers(absl::string_view text) {
  std::vector<std::string> servers;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.size() >= 2 && words[0] == "nameserver" && servers.size() < kMaxHostResolvers) {
      servers.emplace_back(words[1]);
    }
  }
  return servers;
}

void AskOnly(const char* server) { only_server = server; }

const std::vector<DnsServerAddress>& HostResolvers::Get() {
  if (only_server != nullptr) {
    if (servers_.empty()) servers_.push_back(*ParseDnsServer(only_server));
    return servers_;
  }
  struct stat now;
  if (stat(path_.c_str(), &now) != 0) now = {};
  if (!servers_.empty() && SameFile(now, seen_)) return servers_;
  seen_ = now;
  servers_.clear();
  const auto text = os::ReadFileAt(AT_FDCWD, path_, kMaxResolvConfBytes);
  for (const std::string& name : text.ok() ? ParseNameservers(*text) : std::vector<std::string>()) {
    const auto server = ParseDnsServer(name);
    if (server.has_value()) servers_.push_back(*server);
  }
  if (servers_.empty()) servers_.push_back(*ParseDnsServer(kOfThisHost));
  return servers_;
}

}  // namespace coracle::network
