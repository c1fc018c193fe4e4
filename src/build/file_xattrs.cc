#include "build/file_xattrs.h"

#include <sys/xattr.h>

#include <cerrno>
#include <cstring>

#include "archive/whiteout.h"

namespace coracle::build {
namespace {

constexpr size_t kMaxBytes = 64 << 10;  // XATTR_LIST_MAX and XATTR_SIZE_MAX

}  // namespace

std::map<std::string, std::string> ReadXattrs(int fd) {
  std::map<std::string, std::string> attributes;
  char few[1024];
  std::string many;
  const char* names = few;
  ssize_t length = flistxattr(fd, few, sizeof(few));
  if (length < 0 && errno == ERANGE) {
    many.resize(kMaxBytes);
    length = flistxattr(fd, many.data(), many.size());
    names = many.data();
  }
  std::string value;
  for (const char* name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
    if (archive::IsOverlayXattr(name) || strcmp(name, "security.selinux") == 0) continue;
    value.resize(kMaxBytes);
    const ssize_t size = fgetxattr(fd, name, value.data(), value.size());
    if (size >= 0) attributes[name] = value.substr(0, static_cast<size_t>(size));
  }
  return attributes;
}

}  // namespace coracle::build
