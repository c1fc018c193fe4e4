// The files that make up an image outside of the store, in a directory or in a tar archive alike.
#ifndef CORACLE_IMAGE_MEMBERS_H_
#define CORACLE_IMAGE_MEMBERS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archive/stream.h"
#include "archive/tar_index.h"
#include "os/unique_fd.h"

namespace coracle::image {

// Names are relative and stay inside, whatever links there are. All calls from any thread.
class Members {
 public:
  virtual ~Members() = default;
  virtual bool Has(absl::string_view name) const = 0;
  // Errors: NotFound naming it.
  virtual absl::StatusOr<int64_t> SizeOf(absl::string_view name) const = 0;
  virtual absl::StatusOr<std::unique_ptr<archive::ByteSource>> Open(absl::string_view name,
                                                                    int64_t offset) const = 0;
  // Errors: NotFound; ResourceExhausted for one longer than `max_bytes`.
  virtual absl::StatusOr<std::string> Read(absl::string_view name, size_t max_bytes) const = 0;
};

// Errors: of opening it.
absl::StatusOr<std::shared_ptr<Members>> OpenDirectoryMembers(const std::string& dir);

// `file` "-" or "/dev/stdin" is standard input. Errors: as archive::TarIndex::Open, with the file in front.
absl::StatusOr<std::shared_ptr<Members>> OpenArchiveMembers(const std::string& file,
                                                            const std::string& spool_dir);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_MEMBERS_H_
