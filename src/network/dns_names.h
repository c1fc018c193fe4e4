// What one container's resolver knows by itself: the names of the networks that the container is on.
//
// Read from what is published (published_names.h), and again what has changed, told by the directories' times
// of change; so a query costs a stat(2) for each network, at most every few milliseconds. A container whose
// monitor was killed is left out as soon as that is seen, which is looked at again after kLifeMillis.
#ifndef CORACLE_NETWORK_DNS_NAMES_H_
#define CORACLE_NETWORK_DNS_NAMES_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "network/published_names.h"
#include "store/store.h"

namespace coracle::network {

class DnsNames {
 public:
  using Links = std::vector<std::pair<std::string, std::string>>;  // alias, container id
  // `store` outlives this.
  DnsNames(const store::Store& store, std::string container_id, Links links)
      : store_(store), container_id_(std::move(container_id)), links_(std::move(links)) {}

  // Sees what has changed. `now_millis`: a clock that only goes forward; kept for the calls below.
  void Refresh(int64_t now_millis);
  // Addresses (4 or 16 bytes) of `name`, lower case. Of several containers of that name in turn another one
  // comes first. False if nobody is called that.
  bool Lookup(absl::string_view name, std::vector<std::string>* addresses);
  // The names of the container that has the address, its own name first. False if nobody has it.
  bool Reverse(absl::string_view address, std::vector<std::string>* names);

  // Whether what is not known may be asked outside: not if all its networks are internal.
  bool may_forward() const { return may_forward_; }
  // The networks' own servers.
  const std::vector<std::string>& servers() const { return servers_; }

 private:
  struct Container {
    uint64_t inode = 0;
    int64_t changed_nanos = 0;
    PublishedNames names;
    std::vector<std::string> addresses;  // bytes
    int64_t alive_until_millis = 0;
    bool alive = false, seen = false;
  };
  struct Directory {
    int64_t changed_nanos = -1;
    bool settled = false;  // its time of change tells of every later change
  };
  struct Network {
    NetworkDns dns;
    Directory directory;
    std::map<std::string, Container> containers;  // by id
    // Names in lower case; whom they mean.
    absl::flat_hash_map<std::string, std::vector<Container*>> by_name;
  };

  // Whether the directory may have changed since it was last asked; notes its state.
  static bool Changed(const std::string& path, Directory* directory);
  void ReadSeen();
  void ReadNetwork(const std::string& id, Network* network);
  static void Index(Network* network);
  bool Alive(Container* container);

  const store::Store& store_;
  const std::string container_id_;
  const Links links_;
  Directory seen_;
  std::map<std::string, Network> networks_;  // by id
  std::vector<std::string> servers_;
  bool may_forward_ = true;
  int64_t now_millis_ = 0, refreshed_millis_ = -1;
  size_t turn_ = 0;
};

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_DNS_NAMES_H_
