#include "store/lease.h"

#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/fault.h"
#include "base/status.h"
#include "store/lock_holder.h"

namespace coracle::store {
namespace {

constexpr size_t kMaxLeaseBytes = 1 << 20;

}  // namespace

Lease::Lease(os::UniqueFd fd, std::string path, std::string work_dir)
    : fd_(std::move(fd)), path_(std::move(path)), work_dir_(std::move(work_dir)) {}

Lease::Lease(Lease&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::move(other.path_)), work_dir_(std::move(other.work_dir_)) {}

Lease::~Lease() {
  if (!fd_.valid()) return;
  (void)os::RemoveTreeAt(AT_FDCWD, work_dir_);  // best effort: the sweep finds it
  FaultPoint("store.lease.after-work");
  (void)unlink(path_.c_str());
}

void Lease::Forget() { fd_.Reset(); }

absl::StatusOr<Lease> Lease::Take(const Store& store, absl::string_view purpose) {
  RETURN_IF_ERROR(store.EnsureExists());
  const std::string name = NewContainerId().substr(0, 32);
  const std::string path = absl::StrCat(store.runroot(), "/leases/", name);
  ASSIGN_OR_RETURN(FileLock lock, FileLock::Acquire(path, "a lease"));
  FaultPoint("store.lease.after-lock");
  Lease lease(os::UniqueFd(fcntl(lock.fd(), F_DUPFD_CLOEXEC, 0)), path,
              absl::StrCat(store.root(), "/tmp/", name));
  if (!lease.fd_.valid()) return ErrnoStatus(errno, absl::StrCat("lease ", path));
  RETURN_IF_ERROR(lease.Append(absl::StrCat("for ", purpose)));
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, lease.work_dir_, 0700));
  FaultPoint("store.lease.after-dir");
  // Half a layer of one who was killed may be most of the room that there is.
  (void)SweepLeases(store);  // whoever looks for what is left meets its errors
  return lease;
}

absl::Status Lease::Append(absl::string_view line) {
  // One write: readers see the line or not, and take only lines that end.
  RETURN_IF_ERROR(os::WriteAll(fd_.get(), absl::StrCat(line, "\n")), "lease ", path_);
  return absl::OkStatus();
}

absl::Status Lease::ClaimLayer(absl::string_view id) { return Append(absl::StrCat("layer ", id)); }
absl::Status Lease::ClaimBlob(absl::string_view hex) { return Append(absl::StrCat("blob ", hex)); }

absl::StatusOr<LeaseClaims> ReadLiveLeases(const Store& store) {
  LeaseClaims claims;
  const std::string dir = absl::StrCat(store.runroot(), "/leases");
  const auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  if (!names.ok()) {
    if (ErrnoOf(names.status()) == ENOENT) return claims;
    return names.status();
  }
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(dir, "/", name);
    if (!FileLock::IsHeld(path)) continue;
    const auto text = os::ReadFileAt(AT_FDCWD, path, kMaxLeaseBytes);
    if (!text.ok()) {
      if (ErrnoOf(text.status()) == ENOENT) continue;
      return text.status();
    }
    const size_t end = text->rfind('\n');
    if (end == std::string::npos) continue;
    for (absl::string_view line : absl::StrSplit(absl::string_view(*text).substr(0, end), '\n')) {
      if (absl::ConsumePrefix(&line, "layer ")) {
        claims.layers.emplace_back(line);
      } else if (absl::ConsumePrefix(&line, "blob ")) {
        claims.blobs.emplace_back(line);
      }
    }
  }
  return claims;
}

std::string DescribeLiveLease(const Store& store) {
  const std::string dir = absl::StrCat(store.runroot(), "/leases");
  const auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  if (!names.ok()) return "";
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(dir, "/", name);
    if (!FileLock::IsHeld(path)) continue;
    const auto fd = os::OpenAt(AT_FDCWD, path, O_RDONLY);
    if (fd.ok()) return DescribeLockHolder(fd->get());
  }
  return "";
}

}  // namespace coracle::store
