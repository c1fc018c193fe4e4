#include "runtime/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "os/unique_fd.h"

namespace coracle::runtime {
namespace {

constexpr int kMaxDepth = 256;  // descriptors are held on the way down

int CopyTree(int from, int to, int depth);

int CopyFile(int from, int to, const char* name, const struct stat& info) {
  const os::UniqueFd source(openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!source.valid()) return -errno;
  const os::UniqueFd target(openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target.valid()) return -errno;
  for (off_t left = info.st_size; left > 0;) {
    const ssize_t count = sendfile(target.get(), source.get(), nullptr, static_cast<size_t>(left));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (count == 0) break;  // it shrank meanwhile
    left -= count;
  }
  // Owner before mode: a change of owner clears set-id bits.
  if (fchown(target.get(), info.st_uid, info.st_gid) != 0 ||
      fchmod(target.get(), info.st_mode & 07777) != 0) {
    return -errno;
  }
  const timespec times[2] = {info.st_atim, info.st_mtim};
  return futimens(target.get(), times) == 0 ? 0 : -errno;
}

int CopyLink(int from, int to, const char* name, const struct stat& info) {
  char text[PATH_MAX];
  const ssize_t length = readlinkat(from, name, text, sizeof(text) - 1);
  if (length < 0) return -errno;
  text[length] = '\0';
  if (symlinkat(text, to, name) != 0) return -errno;
  return fchownat(to, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

int CopyDirectory(int from, int to, const char* name, int depth) {
  os::UniqueFd source(openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!source.valid()) return -errno;
  if (mkdirat(to, name, 0700) != 0) return -errno;
  const os::UniqueFd target(openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!target.valid()) return -errno;
  return CopyTree(source.get(), target.get(), depth + 1);
}

int CopyEntry(int from, int to, const char* name, int depth) {
  struct stat info;
  if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return -errno;
  if (S_ISDIR(info.st_mode)) return CopyDirectory(from, to, name, depth);
  if (S_ISREG(info.st_mode)) return CopyFile(from, to, name, info);
  if (S_ISLNK(info.st_mode)) return CopyLink(from, to, name, info);
  if (S_ISFIFO(info.st_mode)) return mkfifoat(to, name, info.st_mode & 07777) == 0 ? 0 : -errno;
  return 0;
}

int CopyTree(int from, int to, int depth) {
  if (depth > kMaxDepth) return -ELOOP;
  const int copy = fcntl(from, F_DUPFD_CLOEXEC, 3);
  DIR* stream = copy < 0 ? nullptr : fdopendir(copy);
  if (stream == nullptr) return -errno;
  int result = 0;
  while (const dirent* entry = readdir(stream)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    result = CopyEntry(from, to, entry->d_name, depth);
    if (result < 0) break;
  }
  closedir(stream);
  if (result < 0) return result;
  struct stat info;
  if (fstat(from, &info) != 0) return -errno;
  if (fchown(to, info.st_uid, info.st_gid) != 0 || fchmod(to, info.st_mode & 07777) != 0) return -errno;
  const timespec times[2] = {info.st_atim, info.st_mtim};
  return futimens(to, times) == 0 ? 0 : -errno;
}

}  // namespace

int CopyUp(int from, int to) {
  // `to` may be a descriptor from fsmount, which is good for paths only.
  const os::UniqueFd target(openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!target.valid()) return -errno;
  return CopyTree(from, target.get(), 0);
}

}  // namespace coracle::runtime
