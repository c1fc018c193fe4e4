// The state directory of `coracle oci`: which containers exist, as other engines' OCI runtime.
//
//   <root>/<id>/state.json   the record; the container exists once this name exists
//   <root>/<id>/config.json  the config as it was at create
//   <root>/<id>/exec.fifo    the held process waits here; gone once it was started
//   <root>/<id>/lock         locked by whoever changes the container
//
// A directory without a record, or with one without a process, is a create in progress (its lock is held) or
// one that was killed; the record names the cgroup before anything is started in it, so that delete finds
// what is left. Status is never stored: it is read from the process, the fifo and the cgroup. Lives on tmpfs,
// so nothing is synced. Source: runtime-spec runtime.md "State".
#ifndef CORACLE_RUNTIME_OCI_STATE_H_
#define CORACLE_RUNTIME_OCI_STATE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/runtime_spec.h"
#include "os/unique_fd.h"

namespace coracle::runtime {

struct OciState {
  std::string id;
  std::string bundle;     // absolute
  std::string root_path;  // absolute
  std::string created;    // RFC 3339
  pid_t pid = -1;
  uint64_t start_time = 0;  // with pid: names the process for good
  std::string boot_id;
  std::vector<std::string> cgroup_paths;
};

enum class OciStatus { kCreating, kCreated, kRunning, kPaused, kStopped };
absl::string_view OciStatusName(OciStatus status);

class OciStore {
 public:
  // `root` is absolute; made (0700) when the first container is. Empty: /run/coracle-oci, or for another user
  // $XDG_RUNTIME_DIR/coracle-oci.
  explicit OciStore(std::string root);
  const std::string& root() const { return root_; }
  std::string Directory(const std::string& id) const;
  std::string FifoPath(const std::string& id) const;

  // Takes the name `id` for a new container and locks it.
  // Errors: AlreadyExists; InvalidArgument for an id with other characters than letters, digits and "_+-.".
  absl::StatusOr<os::UniqueFd> Claim(const std::string& id) const;
  // Waits for whoever changes it. Errors: NotFound "container X does not exist".
  absl::StatusOr<os::UniqueFd> Lock(const std::string& id) const;
  absl::Status SaveSpec(const std::string& id, const oci::Spec& spec) const;
  absl::Status Save(const OciState& state) const;
  // Errors: NotFound "container X does not exist"; DataLoss for a record that can't be read.
  absl::StatusOr<OciState> Load(const std::string& id) const;
  absl::StatusOr<oci::Spec> LoadSpec(const std::string& id) const;
  // Sorted by id. What cannot be read is left out.
  absl::StatusOr<std::vector<OciState>> List() const;
  absl::Status Remove(const std::string& id) const;
  // From the kernel: the process by pid and start time, the fifo, the freezer.
  OciStatus StatusOf(const OciState& state) const;

 private:
  std::string root_;
};

// The id of this boot of the kernel: a record of another boot names processes that are gone.
std::string KernelBootId();

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_OCI_STATE_H_
