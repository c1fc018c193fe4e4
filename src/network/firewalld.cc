#include "network/firewalld.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/monotonic.h"
#include "base/status.h"
#include "runtime/dbus_message.h"

namespace coracle::network {
namespace {

using runtime::DbusConnection;
using runtime::DbusMessage;

// It answers when it has ended a reload, which takes it about a second.
constexpr int64_t kPatienceMillis = 10000;
constexpr char kService[] = "org.fedoraproject.FirewallD1";

std::string SystemBus() {
  const char* const address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
  absl::string_view path = address == nullptr ? "" : address;
  if (!absl::ConsumePrefix(&path, "unix:path=")) return "/run/dbus/system_bus_socket";
  return std::string(path.substr(0, path.find_first_of(",;")));
}

absl::Status AwaitReply(DbusConnection& bus, uint32_t serial) {
  const int64_t deadline = MonotonicMillis() + kPatienceMillis;
  for (;;) {
    ASSIGN_OR_RETURN(const DbusMessage message, bus.Receive(deadline));
    if (message.reply_serial != serial) continue;
    return message.type == DbusMessage::kReturn ? absl::OkStatus()
                                                : absl::FailedPreconditionError(message.error_name);
  }
}

// `member` is addSource or removeSource: (s zone, s source) -> s. One that is there, or of another zone by
// the administrator's will, is an error of no interest.
absl::Status ChangeSources(const char* member, const std::vector<Cidr>& subnets) {
  ASSIGN_OR_RETURN(DbusConnection bus, DbusConnection::Connect(SystemBus()));
  DbusMessage hello;
  hello.path = "/org/freedesktop/DBus";
  hello.interface = "org.freedesktop.DBus";
  hello.member = "Hello";
  ASSIGN_OR_RETURN(uint32_t serial, bus.Send(hello, "org.freedesktop.DBus"));
  RETURN_IF_ERROR(AwaitReply(bus, serial));
  for (const Cidr& subnet : subnets) {
    runtime::DbusWriter body;
    body.String("trusted");
    body.String(subnet.ToString());
    DbusMessage call;
    call.path = "/org/fedoraproject/FirewallD1";
    call.interface = absl::StrCat(kService, ".zone");
    call.member = member;
    call.signature = "ss";
    call.body = body.data();
    ASSIGN_OR_RETURN(serial, bus.Send(std::move(call), kService));
    (void)AwaitReply(bus, serial);
  }
  return absl::OkStatus();
}

}  // namespace

void TrustInFirewalld(const std::vector<Cidr>& subnets) { (void)ChangeSources("addSource", subnets); }
void DistrustInFirewalld(const std::vector<Cidr>& subnets) { (void)ChangeSources("removeSource", subnets); }

}  // namespace coracle::network
