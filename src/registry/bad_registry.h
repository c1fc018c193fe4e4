// For tests: tests/e2e/bad-registry as a child process.
#ifndef CORACLE_REGISTRY_BAD_REGISTRY_H_
#define CORACLE_REGISTRY_BAD_REGISTRY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "oci/digest.h"
#include "os/process.h"
#include "registry/client.h"

namespace coracle::registry {

// Serves a directory of its own until it is destroyed. Fails the running test where it can't.
class BadRegistry {
 public:
  // `arguments` as bad-registry takes them after its directory.
  explicit BadRegistry(const std::vector<std::string>& arguments = {});
  ~BadRegistry();
  BadRegistry(const BadRegistry&) = delete;
  BadRegistry& operator=(const BadRegistry&) = delete;

  // What it is to have: in any repository.
  oci::Digest AddBlob(absl::string_view content) const;
  oci::Digest AddManifest(absl::string_view tag, absl::string_view json) const;
  void RemoveTags() const;
  // Whether it has the blob, which is removed.
  bool TakeBlob(const oci::Digest& digest) const;

  const std::string& host() const { return host_; }  // "127.0.0.1:PORT"
  // A client that tries quickly.
  std::unique_ptr<Client> Connect(const Credentials& credentials = {}) const;
  // The log's lines that have `text`.
  std::vector<std::string> Requests(absl::string_view text = "") const;

 private:
  std::string directory_, host_;
  os::ChildProcess process_;
};

// What it may take until a stalled transfer counts as cut, in those clients.
inline constexpr absl::Duration kTestStall = absl::Milliseconds(300);
ClientOptions QuickOptions();

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_BAD_REGISTRY_H_
