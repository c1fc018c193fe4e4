#include "network/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::network {
namespace {

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

// All bits of a family that a host may choose.
absl::uint128 HostMask(int bits, int prefix) {
  const int host_bits = bits - prefix;
  if (host_bits == 0) return 0;
  if (host_bits == 128) return absl::Uint128Max();
  return (absl::uint128(1) << host_bits) - 1;
}

absl::uint128 FamilyMask(bool is_v6) { return is_v6 ? absl::Uint128Max() : absl::uint128(UINT32_MAX); }

}  // namespace

absl::StatusOr<IpAddress> IpAddress::Parse(absl::string_view text) {
  const std::string copy(text);
  unsigned char bytes[16];
  if (copy.size() == text.size() && copy.find('\0') == std::string::npos) {
    if (inet_pton(AF_INET, copy.c_str(), bytes) == 1) {
      absl::uint128 value = 0;
      for (int i = 0; i < 4; ++i) value = (value << 8) | bytes[i];
      return IpAddress(value, /*is_v6=*/false);
    }
    if (inet_pton(AF_INET6, copy.c_str(), bytes) == 1) {
      absl::uint128 value = 0;
      for (int i = 0; i < 16; ++i) value = (value << 8) | bytes[i];
      return IpAddress(value, /*is_v6=*/true);
    }
  }
  return Refuse(absl::StrCat("\"", Printable(text), "\" is not an IP address"));
}

std::string IpAddress::Bytes() const {
  const int count = is_v6_ ? 16 : 4;
  std::string bytes(static_cast<size_t>(count), '\0');
  for (int i = 0; i < count; ++i) {
    bytes[static_cast<size_t>(i)] =
        static_cast<char>(static_cast<uint8_t>(absl::Uint128Low64(value_ >> (8 * (count - 1 - i)))));
  }
  return bytes;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  const std::string bytes = Bytes();
  return inet_ntop(is_v6_ ? AF_INET6 : AF_INET, bytes.data(), text, sizeof(text)) == nullptr ? "" : text;
}

IpAddress IpAddress::Plus(absl::uint128 offset) const {
  return IpAddress((value_ + offset) & FamilyMask(is_v6_), is_v6_);
}

Cidr::Cidr(const IpAddress& address, int prefix)
    : base_(address.value() & ~HostMask(address.bits(), prefix) & FamilyMask(address.is_v6()),
            address.is_v6()),
      prefix_(prefix) {}

absl::StatusOr<Cidr> Cidr::Parse(absl::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::Parse(text.substr(0, slash));
  int prefix = -1;
  if (!address.ok() || slash == absl::string_view::npos || slash + 1 == text.size() ||
      !absl::ascii_isdigit(static_cast<unsigned char>(text[slash + 1])) ||
      !absl::SimpleAtoi(text.substr(slash + 1), &prefix) || prefix > address->bits()) {
    return Refuse(absl::StrCat("\"", Printable(text), "\" is not a subnet: expected ADDRESS/PREFIX"));
  }
  return Cidr(*address, prefix);
}

std::string Cidr::ToString() const { return absl::StrCat(base_.ToString(), "/", prefix_); }

IpAddress Cidr::last() const {
  return IpAddress(base_.value() | HostMask(base_.bits(), prefix_), base_.is_v6());
}

bool Cidr::Contains(const IpAddress& address) const {
  return address.is_v6() == is_v6() && !(address < base_) && !(last() < address);
}
bool Cidr::Contains(const Cidr& other) const { return prefix_ <= other.prefix_ && Contains(other.base_); }
bool Cidr::Overlaps(const Cidr& other) const { return Contains(other.base_) || other.Contains(base_); }

IpAddress Cidr::first_host() const { return prefix_ >= base_.bits() - 1 ? base_ : base_.Plus(1); }
IpAddress Cidr::last_host() const {
  if (is_v6() || prefix_ >= 31) return last();
  return IpAddress(last().value() - 1, /*is_v6=*/false);
}

Cidr Cidr::Next() const { return Cidr(last().Plus(1), prefix_); }

absl::StatusOr<IpRange> ParseRange(absl::string_view text, const Cidr& subnet) {
  IpRange range;
  const size_t dash = text.find('-');
  if (dash == absl::string_view::npos) {
    ASSIGN_OR_RETURN(const Cidr part, Cidr::Parse(text));
    if (!subnet.Contains(part)) {
      return Refuse(
          absl::StrCat("ip range ", Printable(text), " is not within the subnet ", subnet.ToString()));
    }
    range.first = std::max(part.base(), subnet.first_host());
    range.last = std::min(part.last(), subnet.last_host());
    if (range.last < range.first) {
      return Refuse(absl::StrCat("ip range ", Printable(text), " has no address that a host can have"));
    }
    return range;
  }
  ASSIGN_OR_RETURN(range.first, IpAddress::Parse(text.substr(0, dash)));
  ASSIGN_OR_RETURN(range.last, IpAddress::Parse(text.substr(dash + 1)));
  if (!subnet.Contains(range.first) || !subnet.Contains(range.last)) {
    return Refuse(
        absl::StrCat("ip range ", Printable(text), " is not within the subnet ", subnet.ToString()));
  }
  if (range.last < range.first) {
    return Refuse(absl::StrCat("ip range ", Printable(text), " ends before it begins"));
  }
  return range;
}

absl::StatusOr<std::string> ParseMac(absl::string_view text) {
  const std::string bad = absl::StrCat("\"", Printable(text), "\" is not a MAC address");
  const char separator = text.find('-') != absl::string_view::npos ? '-' : ':';
  const std::vector<absl::string_view> parts = absl::StrSplit(text, separator);
  if (parts.size() != 6) return Refuse(bad);
  std::string result;
  for (const absl::string_view part : parts) {
    if (part.size() != 2 || !absl::ascii_isxdigit(static_cast<unsigned char>(part[0])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(part[1]))) {
      return Refuse(bad);
    }
    absl::StrAppend(&result, result.empty() ? "" : ":", absl::AsciiStrToLower(part));
  }
  const std::string first = absl::HexStringToBytes(result.substr(0, 2));
  if ((static_cast<uint8_t>(first[0]) & 1U) != 0) {
    return Refuse(absl::StrCat(bad, " of one interface: it is a multicast address"));
  }
  if (result == "00:00:00:00:00:00") return Refuse(bad);
  return result;
}

}  // namespace coracle::network
