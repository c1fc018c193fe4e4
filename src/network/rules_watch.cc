#include "network/rules_watch.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "base/monotonic.h"
#include "base/status.h"

namespace coracle::network {
namespace {

constexpr int64_t kQuietMillis = 200;
// There are hosts whose rules never rest.
constexpr int64_t kLatestMillis = 5000;
// More is lost, which is told by ENOBUFS and means the same: something has changed.
constexpr int kBufferBytes = 4096;

// As the filter, which takes two bytes for a number of the network's order, finds it in nlmsg_type.
constexpr uint32_t FilterType(uint16_t message) {
  const uint16_t type = NFNL_SUBSYS_NFTABLES << 8 | message;
  return static_cast<uint16_t>(type << 8 | type >> 8);
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

// By the first message of what the kernel sends at once, which is of one transaction.
bool LeaveOutElements(int fd) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FilterType(NFT_MSG_NEWSETELEM), 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FilterType(NFT_MSG_DELSETELEM), 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FilterType(NFT_MSG_NEWGEN), 1, 0),  // ends each transaction
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0;
}

// Whether there was anything; changes that were lost count.
bool Drain(int fd) {
  bool any = false;
  char byte;
  while (recv(fd, &byte, 1, 0) >= 0 || errno == EINTR || errno == ENOBUFS) any = true;
  return any;
}

}  // namespace

absl::StatusOr<RulesWatch> RulesWatch::Open() {
  os::UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!fd.valid()) return ErrnoStatus(errno, "watch the rules of nf_tables");
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof(kBufferBytes));
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1U << (NFNLGRP_NFTABLES - 1);
  if (!LeaveOutElements(fd.get()) ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, "watch the rules of nf_tables");
  }
  return RulesWatch(std::move(fd));
}

void RulesWatch::Prepare(std::vector<pollfd>* polls, int* timeout_millis) {
  if (quiet_at_millis_ == 0) {
    polls->push_back({fd_.get(), POLLIN, 0});
    return;
  }
  polls->push_back({-1, 0, 0});
  const int64_t left = std::max<int64_t>(quiet_at_millis_ - MonotonicMillis(), 0);
  if (*timeout_millis < 0 || left < *timeout_millis) *timeout_millis = static_cast<int>(left);
}

bool RulesWatch::Dispatch(const pollfd& poll) {
  const int64_t now = MonotonicMillis();
  if (quiet_at_millis_ == 0) {
    if (poll.revents == 0) return false;
    (void)Drain(fd_.get());
    quiet_at_millis_ = now + kQuietMillis;
    latest_at_millis_ = now + kLatestMillis;
    return false;
  }
  if (now < quiet_at_millis_) return false;
  if (Drain(fd_.get()) && now < latest_at_millis_) {
    quiet_at_millis_ = now + kQuietMillis;
    return false;
  }
  quiet_at_millis_ = 0;
  return true;
}

}  // namespace coracle::network
