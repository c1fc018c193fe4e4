// Writing the files that make up an image outside of the store, into a directory or a tar archive alike.
#ifndef CORACLE_IMAGE_MEMBER_WRITER_H_
#define CORACLE_IMAGE_MEMBER_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archive/stream.h"
#include "oci/digest.h"

namespace coracle::image {

// A blob's member is called prefix + the 64 digits of its digest + suffix.
struct BlobName {
  absl::string_view prefix, suffix;
  std::string For(absl::string_view hex) const;
};

struct WrittenBlob {
  oci::Digest digest;
  int64_t size = 0;
};

class MemberWriter {
 public:
  virtual ~MemberWriter() = default;

  // Blobs at once.
  virtual int max_parallel_blobs() const = 0;
  // Whether a blob of that name is there already, of that size.
  virtual bool HasBlob(const BlobName& name, const oci::Digest& digest, int64_t size) const = 0;
  // Reads `source` to its end; nothing of that name appears unless that succeeds. `digest` and `size` (-1) as
  // far as they are known before; known ones were checked by the source.
  virtual absl::StatusOr<WrittenBlob> PutBlob(archive::ByteSource& source, const oci::Digest& digest,
                                              int64_t size, const BlobName& name) = 0;
  virtual absl::Status PutFile(const std::string& name, absl::string_view bytes) = 0;
  // All of it is in place when this returns. Once. Not synced: it is a file of the user's, as cp(1) makes.
  virtual absl::Status Finish() = 0;
};

// Members as files of `dir`, which is made if it is missing (with it any directories for names with slashes).
// Files appear by renames, as they are put. Blobs and files of that name are replaced. Destroyed without
// Finish, blobs that were put are removed again, and the directory if it was made here.
class DirectoryWriter : public MemberWriter {
 public:
  static absl::StatusOr<std::unique_ptr<DirectoryWriter>> Create(const std::string& dir);
  virtual int fd() const = 0;  // of the directory
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_MEMBER_WRITER_H_
