#include "storage/copy_xattrs.h"

#include <sys/xattr.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "archive/whiteout.h"
#include "base/status.h"

namespace coracle::storage {
namespace {

constexpr size_t kMaxXattrBytes = 64 << 10;  // XATTR_LIST_MAX, XATTR_SIZE_MAX

ssize_t List(const XattrNode& node, char* names, size_t size) {
  return node.fd >= 0 ? flistxattr(node.fd, names, size) : llistxattr(node.path.c_str(), names, size);
}
ssize_t Get(const XattrNode& node, const char* name, char* value, size_t size) {
  return node.fd >= 0 ? fgetxattr(node.fd, name, value, size)
                      : lgetxattr(node.path.c_str(), name, value, size);
}
int Set(const XattrNode& node, const char* name, const char* value, size_t size) {
  return node.fd >= 0 ? fsetxattr(node.fd, name, value, size, 0)
                      : lsetxattr(node.path.c_str(), name, value, size, 0);
}

bool IsLeftOut(const char* name, const CopyXattrsOptions& options) {
  return archive::IsOverlayXattr(name) || (!options.selinux && strcmp(name, "security.selinux") == 0) ||
         (!options.capabilities && strcmp(name, "security.capability") == 0);
}

}  // namespace

absl::Status CopyXattrs(const XattrNode& from, const XattrNode& to, const CopyXattrsOptions& options) {
  char few[4096];
  std::string many;
  char* names = few;
  ssize_t length = List(from, few, sizeof(few));
  if (length < 0 && errno == ERANGE) {
    many.resize(kMaxXattrBytes);
    names = many.data();
    length = List(from, names, many.size());
  }
  if (length == 0 || (length < 0 && errno == EOPNOTSUPP)) return absl::OkStatus();
  if (length < 0) return ErrnoStatus(errno, "list extended attributes");
  std::string value;
  for (const char* name = names; name < names + length; name += strlen(name) + 1) {
    if (IsLeftOut(name, options)) continue;
    value.resize(kMaxXattrBytes);
    const ssize_t size = Get(from, name, value.data(), value.size());
    if (size < 0) continue;
    if (Set(to, name, value.data(), static_cast<size_t>(size)) == 0) continue;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != EINVAL) {
      return ErrnoStatus(errno, absl::StrCat("set extended attribute ", name));
    }
  }
  return absl::OkStatus();
}

}  // namespace coracle::storage
