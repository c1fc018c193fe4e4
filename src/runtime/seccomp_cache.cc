// Compiled seccomp filters on disk: compiling the default profile costs milliseconds, reading it back
// microseconds.
//
// One file an entry, "seccomp-<sha256>", replaced whole. Layout, in the machine's byte order:
//   8 bytes magic | u32 flags | u32 has_notify | u32 count | u32 0 | 64 hex digits of the rest's SHA-256 |
//   count * 8
// An entry of another user, one that others may write, or one with a wrong checksum counts as absent.
#include <fcntl.h>
#include <seccomp.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "os/file.h"
#include "runtime/seccomp.h"

namespace coracle::runtime {
namespace {

constexpr char kMagic[8] = {'C', 'R', 'S', 'E', 'C', 'C', '0', '1'};
constexpr size_t kMaxInstructions = 4096;

struct Header {
  char magic[8];
  uint32_t flags;
  uint32_t has_notify;
  uint32_t count;
  uint32_t reserved;
  char sha256[64];
};

std::string Checksum(const Header& header, absl::string_view program) {
  Sha256 sha;
  sha.Update(absl::string_view(reinterpret_cast<const char*>(&header), offsetof(Header, sha256)));
  sha.Update(program);
  return sha.HexDigest();
}

// What else decides the program: the library, and the kernel, of which one release supports one set of
// actions.
std::string FileName(absl::string_view kind, absl::string_view key) {
  utsname names = {};
  (void)uname(&names);
  Sha256 sha;
  sha.Update(absl::StrCat("1 ", SCMP_VER_MAJOR, ".", SCMP_VER_MINOR, ".", SCMP_VER_MICRO, " ", names.machine,
                          " ", names.release, " ", kind, " "));
  sha.Update(key);
  return absl::StrCat("seccomp-", sha.HexDigest());
}

// Every field with its length or a separator that can't be in it, so that two profiles never have one form.
void Append(std::string* out, absl::string_view text) { absl::StrAppend(out, text.size(), ":", text, ","); }
void AppendNumber(std::string* out, std::optional<uint64_t> value) {
  absl::StrAppend(out, value.has_value() ? absl::StrCat(*value) : "-", ",");
}

std::string CanonicalForm(const oci::Seccomp& profile) {
  std::string out;
  Append(&out, profile.default_action);
  AppendNumber(&out, profile.default_errno_ret);
  for (const std::string& a : profile.architectures) Append(&out, a);
  out += "|";
  for (const std::string& f : profile.flags) Append(&out, f);
  for (const oci::SeccompSyscall& call : profile.syscalls) {
    out += "\n";
    Append(&out, call.action);
    AppendNumber(&out, call.errno_ret);
    for (const std::string& name : call.names) Append(&out, name);
    for (const oci::SeccompArg& arg : call.args) {
      out += "|";
      AppendNumber(&out, arg.index);
      AppendNumber(&out, arg.value);
      AppendNumber(&out, arg.value_two);
      Append(&out, arg.op);
    }
  }
  return out;
}

std::optional<SeccompFilter> Load(const std::string& path) {
  absl::StatusOr<os::UniqueFd> fd = os::OpenAt(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW);
  struct stat info;
  if (!fd.ok() || fstat(fd->get(), &info) != 0) return std::nullopt;
  if (!S_ISREG(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 022) != 0) return std::nullopt;
  const size_t size = static_cast<size_t>(info.st_size);
  Header header;
  if (size <= sizeof(header) || (size - sizeof(header)) % sizeof(sock_filter) != 0) return std::nullopt;
  if (size > sizeof(header) + kMaxInstructions * sizeof(sock_filter)) return std::nullopt;
  std::string bytes(size, '\0');
  if (pread(fd->get(), bytes.data(), size, 0) != static_cast<ssize_t>(size)) return std::nullopt;
  memcpy(&header, bytes.data(), sizeof(header));
  const absl::string_view program = absl::string_view(bytes).substr(sizeof(header));
  if (memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 ||
      header.count * sizeof(sock_filter) != program.size() ||
      Checksum(header, program) != absl::string_view(header.sha256, sizeof(header.sha256))) {
    return std::nullopt;
  }
  SeccompFilter filter;
  filter.flags = header.flags;
  filter.has_notify = header.has_notify != 0;
  filter.program.resize(header.count);
  memcpy(filter.program.data(), program.data(), program.size());
  return filter;
}

void Save(const std::string& cache_dir, const std::string& path, const SeccompFilter& filter) {
  Header header = {};
  memcpy(header.magic, kMagic, sizeof(kMagic));
  header.flags = filter.flags;
  header.has_notify = filter.has_notify ? 1 : 0;
  header.count = static_cast<uint32_t>(filter.program.size());
  const absl::string_view program(reinterpret_cast<const char*>(filter.program.data()),
                                  filter.program.size() * sizeof(sock_filter));
  memcpy(header.sha256, Checksum(header, program).data(), sizeof(header.sha256));
  const absl::string_view head(reinterpret_cast<const char*>(&header), sizeof(header));
  if (!os::MakeDirectories(cache_dir, 0700).ok()) return;
  // A cache that can't be written (full disk, read-only) costs time, not the container.
  (void)os::ReplaceFileAt(AT_FDCWD, path, absl::StrCat(head, program), os::Durability::kVolatile);
}

absl::StatusOr<SeccompFilter> CompileInto(const oci::Seccomp& profile, const std::string& cache_dir,
                                          const std::string& path) {
  ASSIGN_OR_RETURN(SeccompFilter filter, CompileSeccompUncached(profile));
  Save(cache_dir, path, filter);
  return filter;
}

}  // namespace

absl::StatusOr<SeccompFilter> CompileSeccomp(const oci::Seccomp& profile, const std::string& cache_dir) {
  if (cache_dir.empty()) return CompileSeccompUncached(profile);
  const std::string path = absl::StrCat(cache_dir, "/", FileName("profile", CanonicalForm(profile)));
  if (std::optional<SeccompFilter> cached = Load(path)) return *std::move(cached);
  return CompileInto(profile, cache_dir, path);
}

std::optional<SeccompFilter> CachedSeccomp(const std::string& cache_dir, absl::string_view key) {
  return Load(absl::StrCat(cache_dir, "/", FileName("key", key)));
}

absl::StatusOr<SeccompFilter> CompileSeccompAs(const oci::Seccomp& profile, const std::string& cache_dir,
                                               absl::string_view key) {
  return CompileInto(profile, cache_dir, absl::StrCat(cache_dir, "/", FileName("key", key)));
}

}  // namespace coracle::runtime
