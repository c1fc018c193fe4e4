#include "os/file.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "base/status.h"

namespace coracle::os {
namespace {

absl::Status CheckPath(absl::string_view path) {
  if (absl::StrContains(path, '\0')) return absl::InvalidArgumentError("a path contains a NUL byte");
  return absl::OkStatus();
}

template <typename Call>
auto Retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Six random bytes in hex, for names of temporary files.
std::string RandomSuffix() {
  unsigned char bytes[6];
  if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) memset(bytes, 0, sizeof(bytes));
  std::string suffix;
  for (const unsigned char b : bytes) absl::StrAppend(&suffix, absl::Hex(b, absl::kZeroPad2));
  return suffix;
}

absl::string_view ParentOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

absl::StatusOr<UniqueFd> OpenAt(int dirfd, absl::string_view path, int flags, mode_t mode) {
  RETURN_IF_ERROR(CheckPath(path));
  const std::string name(path);
  UniqueFd fd(Retry([&] { return openat(dirfd, name.c_str(), flags | O_CLOEXEC, mode); }));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path));
  return fd;
}

absl::StatusOr<UniqueFd> OpenBeneath(int dirfd, absl::string_view path, int flags, uint64_t resolve,
                                     mode_t mode) {
  RETURN_IF_ERROR(CheckPath(path));
  const std::string name(path);
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  long fd = -1;
  // EAGAIN: a rename or mount raced with the walk (openat2(2)); bounded, since a hostile tree can do so for
  // ever.
  for (int attempt = 0; attempt < 128; ++attempt) {
    fd = syscall(SYS_openat2, dirfd, name.c_str(), &how, sizeof(how));
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  return UniqueFd(static_cast<int>(fd));
}

absl::StatusOr<std::string> ReadAll(int fd, size_t max_bytes) {
  std::string data;
  size_t used = 0;
  for (;;) {
    if (data.size() - used < 4096) data.resize(used + (used < 65536 ? 16384 : used));
    const ssize_t count = Retry([&] { return read(fd, data.data() + used, data.size() - used); });
    if (count < 0) return ErrnoStatus(errno, "read");
    if (count == 0) break;
    used += static_cast<size_t>(count);
    if (used > max_bytes)
      return absl::ResourceExhaustedError(absl::StrCat("larger than ", max_bytes, " bytes"));
  }
  data.resize(used);
  return data;
}

absl::StatusOr<std::string> ReadFileAt(int dirfd, absl::string_view path, size_t max_bytes) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenAt(dirfd, path, O_RDONLY));
  ASSIGN_OR_RETURN(std::string data, ReadAll(fd.get(), max_bytes), "read ", path);
  return data;
}

absl::Status WriteAll(int fd, absl::string_view data) {
  while (!data.empty()) {
    const ssize_t count = Retry([&] { return write(fd, data.data(), data.size()); });
    if (count < 0) return ErrnoStatus(errno, "write");
    data.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

absl::Status WriteFileAt(int dirfd, absl::string_view path, absl::string_view data, mode_t mode) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenAt(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  RETURN_IF_ERROR(WriteAll(fd.get(), data), path);
  return absl::OkStatus();
}

absl::Status WriteControlFileAt(int dirfd, absl::string_view path, absl::string_view data) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenAt(dirfd, path, O_WRONLY));
  const ssize_t count = Retry([&] { return write(fd.get(), data.data(), data.size()); });
  if (count < 0) return ErrnoStatus(errno, absl::StrCat("write '", data, "' to ", path));
  if (static_cast<size_t>(count) != data.size()) return ErrnoStatus(EIO, absl::StrCat("write to ", path));
  return absl::OkStatus();
}

absl::Status ReplaceFileAt(int dirfd, absl::string_view path, absl::string_view data, Durability durability,
                           mode_t mode) {
  RETURN_IF_ERROR(CheckPath(path));
  const std::string name(path);
  const std::string temporary = absl::StrCat(path, ".tmp-", RandomSuffix());
  ASSIGN_OR_RETURN(UniqueFd fd, OpenAt(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL, mode));
  absl::Status status = WriteAll(fd.get(), data);
  if (status.ok() && durability == Durability::kDurable && fsync(fd.get()) != 0) {
    status = ErrnoStatus(errno, "sync");
  }
  if (status.ok() && renameat(dirfd, temporary.c_str(), dirfd, name.c_str()) != 0) {
    status = ErrnoStatus(errno, "rename");
  }
  if (!status.ok()) {
    (void)unlinkat(dirfd, temporary.c_str(), 0);  // best effort: the sweep finds it
    return Annotate(status, absl::StrCat("write ", path));
  }
  if (durability == Durability::kDurable) {
    ASSIGN_OR_RETURN(UniqueFd parent, OpenAt(dirfd, ParentOf(path), O_RDONLY | O_DIRECTORY));
    if (fsync(parent.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync directory of ", path));
  }
  return absl::OkStatus();
}

absl::Status MakeDirectoryAt(int dirfd, absl::string_view path, mode_t mode) {
  RETURN_IF_ERROR(CheckPath(path));
  const std::string name(path);
  if (mkdirat(dirfd, name.c_str(), mode) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("make directory ", path));
}

absl::Status MakeDirectories(absl::string_view path, mode_t mode) {
  const absl::Status status = MakeDirectoryAt(AT_FDCWD, path, mode);
  if (ErrnoOf(status) != ENOENT || path.empty()) return status;
  const absl::string_view parent = ParentOf(path);
  if (parent == path) return status;
  RETURN_IF_ERROR(MakeDirectories(parent, mode));
  return MakeDirectoryAt(AT_FDCWD, path, mode);
}

absl::StatusOr<std::vector<std::string>> ListDirectoryAt(int dirfd, absl::string_view path) {
  ASSIGN_OR_RETURN(UniqueFd dir, OpenAt(dirfd, path, O_RDONLY | O_DIRECTORY));
  DIR* stream = fdopendir(dir.get());
  if (stream == nullptr) return ErrnoStatus(errno, absl::StrCat("read directory ", path));
  dir.Release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream)) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      names.emplace_back(entry->d_name);
    errno = 0;
  }
  const int error = errno;
  closedir(stream);
  if (error != 0) return ErrnoStatus(error, absl::StrCat("read directory ", path));
  return names;
}

bool ExistsAt(int dirfd, absl::string_view path) {
  return faccessat(dirfd, std::string(path).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

absl::StatusOr<std::string> ReadLinkAt(int dirfd, absl::string_view path) {
  RETURN_IF_ERROR(CheckPath(path));
  std::string target(4096, '\0');
  const ssize_t count = readlinkat(dirfd, std::string(path).c_str(), target.data(), target.size());
  if (count < 0) return ErrnoStatus(errno, absl::StrCat("read link ", path));
  target.resize(static_cast<size_t>(count));
  return target;
}

}  // namespace coracle::os
