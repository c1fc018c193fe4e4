// A lease: proof of life for long work, and its place in tmp/.
//
// <runroot>/leases/<name> is OFD-locked as long as the owner lives, <root>/tmp/<name>/ is where it works.
// When the lock is free, Sweep deletes both. The file names what the owner is about to use and no record
// names yet ("layer HEX" or "blob HEX", one a line): whoever deletes layers or blobs first renames them out
// of sight, then reads records and live leases, and puts back what is named. So an owner claims first and
// looks second: what it then finds stays, what it does not find it makes anew.
#ifndef CORACLE_STORE_LEASE_H_
#define CORACLE_STORE_LEASE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/store.h"

namespace coracle::store {

class Lease {
 public:
  // Makes the store's directories if need be, and deletes what leases of the dead left. `purpose` is for
  // people
  // ("import").
  static absl::StatusOr<Lease> Take(const Store& store, absl::string_view purpose);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  // Deletes the work directory, then the lease. In a forked child both stay: call Forget() there.
  ~Lease();

  // <root>/tmp/<name>, which exists, mode 0700.
  const std::string& work_dir() const { return work_dir_; }

  // Names a layer or blob (hex digits) as in use. Of effect when it returns.
  absl::Status ClaimLayer(absl::string_view id);
  absl::Status ClaimBlob(absl::string_view hex);

  void Forget();

 private:
  Lease(os::UniqueFd fd, std::string path, std::string work_dir);
  absl::Status Append(absl::string_view line);

  os::UniqueFd fd_;
  std::string path_, work_dir_;
};

// What the live leases claim.
struct LeaseClaims {
  std::vector<std::string> layers, blobs;
};
absl::StatusOr<LeaseClaims> ReadLiveLeases(const Store& store);

// The owner of one that is alive, of another process: "pid 12 (coracle pull x)"; empty if there is none.
std::string DescribeLiveLease(const Store& store);

}  // namespace coracle::store

#endif  // CORACLE_STORE_LEASE_H_
