// The fd-based mount API, in a form that is safe between clone and exec.
//
// Every function here allocates nothing and returns a descriptor or 0 on success and -errno on failure; a
// returned descriptor is close-on-exec and owned by the caller. A detached mount lives as long as its
// descriptor, or until it is attached. Source: fsopen(2), fsconfig(2), fsmount(2), open_tree(2),
// move_mount(2), mount_setattr(2), openat2(2), pivot_root(2).
#ifndef CORACLE_OS_MOUNT_H_
#define CORACLE_OS_MOUNT_H_

#include <sys/mount.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace coracle::os {

// A detached copy of the mount at `path` (relative to `dirfd`; "" is `dirfd` itself), with what is mounted
// below it if `recursive`. A final symbolic link is followed.
int CloneMount(int dirfd, const char* path, bool recursive);

struct MountAttributes {
  uint64_t set = 0, clear = 0;  // MOUNT_ATTR_*
  uint64_t propagation = 0;     // 0, or one of MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE
  int userns = -1;              // with MOUNT_ATTR_IDMAP
};
// mount_setattr(2) on the mount at `mount_fd`. -ENOSYS before Linux 5.12.
int SetMountAttributes(int mount_fd, const MountAttributes& attributes, bool recursive);

// Attaches the detached mount at `path` relative to `dirfd` ("" is `dirfd` itself); final links are not
// followed.
int AttachMount(int mount_fd, int dirfd, const char* path);

struct FsOption {
  const char* key;
  const char* value;  // null: a flag
};
// A new file system of `type` as a detached mount with `attributes` (MOUNT_ATTR_*). On error `message` (if
// any) gets the kernel's own explanation from the fs context, or stays empty.
int MakeFileSystem(const char* type, absl::Span<const FsOption> options, uint64_t attributes, char* message,
                   size_t message_size);
// The steps of the above, for callers that build options as they go.
int SetFsString(int context, const char* key, const char* value);
int SetFsFlag(int context, const char* key);
int CreateFsMount(int context, uint64_t attributes);
// One line from the log of an fs context, without its level letter; "" if there is none.
void ReadFsMessage(int context, char* message, size_t message_size);

// openat2(2) with O_CLOEXEC and RESOLVE_NO_MAGICLINKS added; a bounded number of retries on EAGAIN.
int OpenResolved(int dirfd, const char* path, uint64_t flags, uint64_t resolve, mode_t mode = 0);

// Makes the mount at `root_fd` the root of the calling process's mount namespace and detaches the old root.
// The working directory is "/" afterwards. With `old_root_shared` the old root is made a slave first, so that
// detaching it does not reach other namespaces.
int PivotInto(int root_fd, bool old_root_shared);

// Propagation of the mount at `path` (MS_SLAVE | MS_REC and the like).
int SetPropagation(const char* path, unsigned long flags);

}  // namespace coracle::os

#endif  // CORACLE_OS_MOUNT_H_
