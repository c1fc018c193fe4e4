// What the host's files, its kernel and systemd tell us: subordinate ids, routes, mounts, cgroups, netlink
// and D-Bus messages. The first byte says which.
#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "network/used_subnets.h"
#include "os/netlink.h"
#include "os/user_namespace.h"
#include "runtime/cgroup_host.h"
#include "runtime/cgroup_systemd.h"
#include "runtime/dbus_message.h"

namespace {

using namespace coracle;  // NOLINT: the subject of this file

void Require(bool holds) {
  if (!holds) abort();
}

void CheckUsers(absl::string_view text) {
  for (const auto& range : os::ParseSubordinateIds(text, "user", 1000)) {
    Require(range.count > 0 && uint64_t{range.start} + range.count <= uint64_t{1} << 32);
  }
  Require(os::UserNameIn(text, 1000).size() <= text.size());
}

void CheckSubnets(absl::string_view text) {
  for (const auto& used :
       {network::ParseRoutes4(text), network::ParseRoutes6(text), network::ParseNameServers(text)}) {
    for (const network::UsedSubnet& one : used) {
      const auto again = network::Cidr::Parse(one.subnet.ToString());
      Require(again.ok() && *again == one.subnet);
    }
  }
}

void CheckCgroups(absl::string_view text) {
  const size_t nul = text.find('\0');
  const absl::string_view own = nul == absl::string_view::npos ? "" : text.substr(nul + 1);
  const auto layout = runtime::ParseCgroupLayout(text.substr(0, nul), own);
  for (const auto& hierarchy : layout.v1) Require(!hierarchy.v2 && !hierarchy.controllers.empty());
  Require(!layout.v2 || layout.v2->v2);
  const auto path = runtime::CleanCgroupPath(text);
  if (path.ok()) {
    Require(absl::StartsWith(*path, "/") && *runtime::CleanCgroupPath(*path) == *path);
    Require(!absl::StrContains(absl::string_view(*path), "/../"));
  }
  const auto scope = runtime::ParseSystemdPath(text, /*user_manager=*/false);
  if (!scope.ok()) return;
  Require(absl::EndsWith(scope->unit, ".scope") && absl::EndsWith(scope->slice, ".slice"));
  Require(!absl::StrContains(scope->unit, '/') && !absl::StrContains(scope->slice, '/'));
}

void CheckNetlink(absl::string_view bytes) {
  size_t seen = 0;
  const auto attributes = os::NetlinkAttributes::Of<ifinfomsg>(bytes);
  attributes.ForEach([&](uint16_t type, absl::string_view content) {
    Require(content.empty() || (content.data() >= bytes.data() &&
                                content.data() + content.size() <= bytes.data() + bytes.size()));
    seen += content.size();
    (void)attributes.Nested(type).U32(type);
    Require(attributes.String(type).size() <= bytes.size());
  });
  Require(seen <= bytes.size());
}

void CheckDbus(absl::string_view bytes) {
  const size_t length = runtime::MessageLength(bytes.substr(0, 16));
  Require(length == 0 || length >= 16);
  const auto message = runtime::DecodeMessage(bytes);
  if (!message.ok()) return;
  runtime::DbusReader reader(message->body);
  for (int i = 0; reader.ok() && i < 100; ++i) {
    Require(reader.at() <= message->body.size());
    (void)reader.String();
    (void)reader.Uint32();
    (void)reader.Signature();
  }
  const std::string written = runtime::EncodeMessage(*message, "org.example");
  Require(runtime::MessageLength(absl::string_view(written).substr(0, 16)) == written.size());
  const auto again = runtime::DecodeMessage(written);
  if (again.ok()) Require(again->member == message->member && again->body == message->body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 65536) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      CheckUsers(text);
      break;
    case 1:
      CheckSubnets(text);
      break;
    case 2:
      CheckCgroups(text);
      break;
    case 3:
      CheckNetlink(text);
      break;
    default:
      CheckDbus(text);
      break;
  }
  return 0;
}
