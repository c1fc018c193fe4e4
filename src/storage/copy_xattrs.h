// Extended attributes of one file onto another.
#ifndef CORACLE_STORAGE_COPY_XATTRS_H_
#define CORACLE_STORAGE_COPY_XATTRS_H_

#include <string>

#include "absl/status/status.h"

namespace coracle::storage {

// Where the attributes of a file are: of an open one, or, for what is never opened (links, devices), of a
// name in a directory.
struct XattrNode {
  int fd = -1;
  std::string path;  // "/proc/self/fd/DIR/NAME"
};

struct CopyXattrsOptions {
  bool selinux =
      false;  // a copy that stays in its place keeps the label; any other gets that of its new place
  bool capabilities = true;  // they go with an owner's choice to run the file, as set-id bits do
};

// All of them but overlay's own. What may not be set here is left out: without the privilege (EPERM), on a
// file system that has none (EOPNOTSUPP), or an ACL of ids that a user namespace does not have (EINVAL).
// Errors: errno of another kind, naming the attribute. Source: xattr(7).
absl::Status CopyXattrs(const XattrNode& from, const XattrNode& to, const CopyXattrsOptions& options);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_COPY_XATTRS_H_
