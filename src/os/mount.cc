#include "os/mount.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace coracle::os {
namespace {

int Result(long value) { return value < 0 ? -errno : static_cast<int>(value); }

}  // namespace

int CloneMount(int dirfd, const char* path, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (recursive) flags |= AT_RECURSIVE;
  if (*path == '\0') flags |= AT_EMPTY_PATH;
  return Result(open_tree(dirfd, path, flags));
}

int SetMountAttributes(int mount_fd, const MountAttributes& attributes, bool recursive) {
  mount_attr attr = {};
  attr.attr_set = attributes.set;
  attr.attr_clr = attributes.clear;
  attr.propagation = attributes.propagation;
  if (attributes.userns >= 0) attr.userns_fd = static_cast<uint64_t>(attributes.userns);
  return Result(
      mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)));
}

int AttachMount(int mount_fd, int dirfd, const char* path) {
  unsigned flags = MOVE_MOUNT_F_EMPTY_PATH;
  if (*path == '\0') flags |= MOVE_MOUNT_T_EMPTY_PATH;
  return Result(move_mount(mount_fd, "", dirfd, path, flags));
}

int SetFsString(int context, const char* key, const char* value) {
  return Result(fsconfig(context, FSCONFIG_SET_STRING, key, value, 0));
}

int SetFsFlag(int context, const char* key) {
  return Result(fsconfig(context, FSCONFIG_SET_FLAG, key, nullptr, 0));
}

int CreateFsMount(int context, uint64_t attributes) {
  const int result = Result(fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
  if (result < 0) return result;
  return Result(fsmount(context, FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
}

void ReadFsMessage(int context, char* message, size_t message_size) {
  if (message_size == 0) return;
  message[0] = '\0';
  // The first line is the cause; later ones are warnings of the same attempt.
  const ssize_t count = read(context, message, message_size - 1);
  if (count <= 0) return;
  message[count] = '\0';
  if (count > 2 && message[1] == ' ') memmove(message, message + 2, static_cast<size_t>(count) - 1);
  if (char* newline = strchr(message, '\n')) *newline = '\0';
}

int MakeFileSystem(const char* type, absl::Span<const FsOption> options, uint64_t attributes, char* message,
                   size_t message_size) {
  if (message_size > 0) message[0] = '\0';
  const int context = Result(fsopen(type, FSOPEN_CLOEXEC));
  if (context < 0) return context;
  int result = 0;
  for (const FsOption& option : options) {
    result = option.value == nullptr ? SetFsFlag(context, option.key)
                                     : SetFsString(context, option.key, option.value);
    if (result < 0) break;
  }
  if (result >= 0) result = CreateFsMount(context, attributes);
  if (result < 0) ReadFsMessage(context, message, message_size);
  close(context);
  return result;
}

int OpenResolved(int dirfd, const char* path, uint64_t flags, uint64_t resolve, mode_t mode) {
  open_how how = {};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  long fd = -1;
  // EAGAIN: a rename or mount raced with the walk; bounded, since a hostile tree can do so for ever.
  for (int attempt = 0; attempt < 128; ++attempt) {
    fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return Result(fd);
}

int PivotInto(int root_fd, bool old_root_shared) {
  const int old_root = old_root_shared ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  if (old_root_shared && old_root < 0) return -errno;
  if (fchdir(root_fd) != 0) return -errno;
  // pivot_root(2), "pivot_root(".", ".")": the old root ends up stacked on the new one, and "." is that old
  // root.
  if (syscall(SYS_pivot_root, ".", ".") != 0) return -errno;
  if (old_root_shared) {
    const int result = SetMountAttributes(old_root, {.propagation = MS_SLAVE}, /*recursive=*/true);
    if (result < 0) return result;
    close(old_root);
  }
  if (umount2(".", MNT_DETACH) != 0) return -errno;
  return chdir("/") == 0 ? 0 : -errno;
}

int SetPropagation(const char* path, unsigned long flags) {
  return mount(nullptr, path, nullptr, flags, nullptr) == 0 ? 0 : -errno;
}

}  // namespace coracle::os
