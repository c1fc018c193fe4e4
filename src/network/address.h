// Addresses and subnets of IPv4 and IPv6 as values, and what can be calculated with them. Pure.
#ifndef CORACLE_NETWORK_ADDRESS_H_
#define CORACLE_NETWORK_ADDRESS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::network {

// An address of either family.
// - An IPv4 address is below 2^32, and is never an IPv6 one that maps it.
class IpAddress {
 public:
  IpAddress() = default;
  IpAddress(absl::uint128 value, bool is_v6) : value_(value), is_v6_(is_v6) {}
  // Dotted quad, or RFC 4291 text without zone. Errors: InvalidArgument, exit code 125.
  static absl::StatusOr<IpAddress> Parse(absl::string_view text);

  bool is_v6() const { return is_v6_; }
  int bits() const { return is_v6_ ? 128 : 32; }
  absl::uint128 value() const { return value_; }
  // Of 4 or 16 bytes, in the order of the network.
  std::string Bytes() const;
  std::string ToString() const;
  // Wraps around at the end of the family.
  IpAddress Plus(absl::uint128 offset) const;

  friend bool operator==(const IpAddress& a, const IpAddress& b) {
    return a.is_v6_ == b.is_v6_ && a.value_ == b.value_;
  }
  friend bool operator!=(const IpAddress& a, const IpAddress& b) { return !(a == b); }
  // IPv4 comes before IPv6.
  friend bool operator<(const IpAddress& a, const IpAddress& b) {
    return a.is_v6_ != b.is_v6_ ? b.is_v6_ : a.value_ < b.value_;
  }

 private:
  absl::uint128 value_ = 0;
  bool is_v6_ = false;
};

// A subnet: `base` has no bit set behind the prefix.
class Cidr {
 public:
  Cidr() = default;
  // Clears what is behind the prefix.
  Cidr(const IpAddress& address, int prefix);
  // "10.89.0.0/24"; bits behind the prefix are cleared. Errors: InvalidArgument, exit code 125.
  static absl::StatusOr<Cidr> Parse(absl::string_view text);

  const IpAddress& base() const { return base_; }
  int prefix() const { return prefix_; }
  bool is_v6() const { return base_.is_v6(); }
  std::string ToString() const;
  IpAddress last() const;
  bool Contains(const IpAddress& address) const;
  bool Contains(const Cidr& other) const;
  bool Overlaps(const Cidr& other) const;
  // The first and last address that a host can have. Of IPv4: without those of the network and of broadcast,
  // unless the prefix is 31 or longer. Of IPv6: without the first (anycast of the routers, RFC 4291 2.6.1),
  // unless it is 127 or longer.
  IpAddress first_host() const;
  IpAddress last_host() const;
  // The subnet of the same size behind this one; wraps around.
  Cidr Next() const;

  friend bool operator==(const Cidr& a, const Cidr& b) {
    return a.prefix_ == b.prefix_ && a.base_ == b.base_;
  }

 private:
  IpAddress base_;
  int prefix_ = 0;
};

// Addresses from `first` to `last`, both included, of one family.
struct IpRange {
  IpAddress first, last;
  bool Contains(const IpAddress& address) const {
    return address.is_v6() == first.is_v6() && !(address < first) && !(last < address);
  }
};
// "10.0.0.0/25" (of which only what hosts of `subnet` can have) or "10.0.0.5-10.0.0.9". Errors:
// InvalidArgument if it is neither, or not within `subnet`.
absl::StatusOr<IpRange> ParseRange(absl::string_view text, const Cidr& subnet);

// "02:42:0a:58:00:02". Accepts ':' and '-' as separators; gives lower case with ':'. Errors: InvalidArgument
// for what is no unicast address of six bytes, exit code 125.
absl::StatusOr<std::string> ParseMac(absl::string_view text);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_ADDRESS_H_
