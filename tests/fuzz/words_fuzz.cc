// Values as people type them: durations, sizes, times, signals, keys, ports, lists. The first byte says
// which. What is accepted stays in its range, and reads back from what is written of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/time/time.h"
#include "base/filter.h"
#include "base/signal_name.h"
#include "base/size.h"
#include "base/time_format.h"
#include "cli/mount_syntax.h"
#include "cli/publish_syntax.h"
#include "monitor/detach_keys.h"
#include "network/address.h"
#include "network/host_resolvers.h"
#include "oci/change.h"
#include "registry/access.h"

namespace {

using namespace coracle;  // NOLINT: the subject of this file

void Require(bool holds) {
  if (!holds) abort();
}

void CheckDuration(absl::string_view text) {
  const auto duration = ParseGoDuration(text);
  if (!duration.ok()) return;
  const auto again = ParseGoDuration(FormatGoDuration(*duration));
  Require(again.ok() && *again == *duration);
  if (*duration >= absl::ZeroDuration()) Require(!HumanDuration(*duration).empty());
}

void CheckSize(absl::string_view text) {
  const auto size = ParseSize(text);
  if (!size.ok()) return;
  Require(*size >= 0 && !HumanSize(*size).empty());
  if (*size < int64_t{1} << 50) Require(ParseSize(BinarySize(*size)).ok());  // no exabytes
}

void CheckTime(absl::string_view text) {
  const absl::Time now = absl::FromUnixSeconds(1700000000);
  for (const absl::TimeZone zone : {absl::UTCTimeZone(), absl::FixedTimeZone(-34200)}) {
    (void)ParseTimeReference(text, now, zone).status();
  }
  const auto time = ParseRfc3339Nano(text);
  if (!time.ok()) return;
  const auto again = ParseRfc3339Nano(FormatRfc3339Nano(*time));
  if (again.ok()) Require(*again == *time);
}

void CheckKeys(absl::string_view text) {
  const auto signal = ParseSignal(text);
  if (signal.ok()) Require(*signal >= 0 && *signal <= 64);
  const auto keys = monitor::ParseDetachKeys(text);
  if (keys.ok()) Require(keys->size() <= text.size() && keys->empty() == text.empty());
}

void CheckPorts(absl::string_view text) {
  if (const auto range = cli::ParsePortRange(text)) {
    Require(range->first >= 1 && range->first <= range->last && range->last <= 65535);
  }
  const auto query = cli::ParsePortQuery(text);
  if (query.ok()) Require(query->port >= 1 && query->port <= 65535 && !query->protocol.empty());
  const auto ports = oci::ParseExposedPorts(text);
  if (!ports.ok()) return;
  Require(!ports->empty() && ports->size() <= 65536);
  for (const std::string& port : *ports)
    Require(cli::ParsePortQuery(port).ok() || port.find("sctp") != port.npos);
}

void CheckNames(absl::string_view text) {
  const auto mac = network::ParseMac(text);
  if (mac.ok()) Require(mac->size() == 17 && network::ParseMac(*mac).ok());
  if (const auto server = network::ParseDnsServer(text)) Require(server->size != 0);
  Require(network::ParseNameservers(text).size() <= network::kMaxHostResolvers);
  const auto login = registry::ParseCreds(text);
  if (!login.ok()) Require(text.size() < 8 || login.status().message().find(text) == absl::string_view::npos);
}

void CheckLists(const std::string& text) {
  (void)cli::SplitCsvLine(text).status();
  (void)oci::SplitDockerWords(text).status();
  static constexpr absl::string_view kKeys[] = {"name", "label"};
  const auto filters = Filters::Parse({text}, kKeys);
  if (!filters.ok()) return;
  Require(filters->Has("name") || filters->Has("label"));
  (void)filters->MatchPattern("name", text);
  (void)filters->MatchLabels({{"a", "b"}, {text.substr(0, 3), text}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 0:
      CheckDuration(text);
      break;
    case 1:
      CheckSize(text);
      break;
    case 2:
      CheckTime(text);
      break;
    case 3:
      CheckKeys(text);
      break;
    case 4:
      CheckPorts(text);
      break;
    case 5:
      CheckNames(text);
      break;
    default:
      CheckLists(text);
      break;
  }
  return 0;
}
