// Tells when somebody has changed rules of nf_tables: docker or firewalld started again, or rules were
// flushed.
//
// What our own containers change at each start, elements of sets, is filtered out in the kernel, so that none
// of hundreds of monitors wakes for it. A program that changes rules changes many: told once things have been
// quiet for a moment. Source: netlink(7); linux/netfilter/nfnetlink.h, NFNLGRP_NFTABLES.
#ifndef CORACLE_NETWORK_RULES_WATCH_H_
#define CORACLE_NETWORK_RULES_WATCH_H_

#include <poll.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"

namespace coracle::network {

class RulesWatch {
 public:
  // Of the network namespace of the calling thread. Errors: as socket(2) and bind(2); PermissionDenied
  // without CAP_NET_ADMIN there.
  static absl::StatusOr<RulesWatch> Open();
  // As NetworkSession; adds one element, also while it waits for the end of changes.
  void Prepare(std::vector<pollfd>* polls, int* timeout_millis);
  // Whether rules were changed, and no more for a moment, or for seconds without one. `poll` is what Prepare
  // added.
  bool Dispatch(const pollfd& poll);

 private:
  explicit RulesWatch(os::UniqueFd fd) : fd_(std::move(fd)) {}
  os::UniqueFd fd_;
  int64_t quiet_at_millis_ = 0;   // 0: nothing has happened
  int64_t latest_at_millis_ = 0;  // told then, quiet or not
};

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_RULES_WATCH_H_
