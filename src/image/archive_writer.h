// Members as a tar archive: a file, or a stream such as a pipe.
#ifndef CORACLE_IMAGE_ARCHIVE_WRITER_H_
#define CORACLE_IMAGE_ARCHIVE_WRITER_H_

#include <memory>
#include <string>

#include "image/member_writer.h"

namespace coracle::image {

struct ArchiveWriterOptions {
  // For blobs whose size is not known before they are read and that go into a pipe: where they are kept
  // until it is.
  std::string spool_dir;
};

// The archive `path`, or standard output if that is "-". A regular file appears, or is replaced, whole, when
// Finish() is called; until then nothing of it has a name. What is no regular file (a fifo, /dev/stdout) is
// written as it comes.
//
// The same members in the same order give the same bytes: owners, times and modes are fixed. The format is
// ustar, with GNU's form of sizes beyond 8 GiB.
//
// Errors: of opening it.
absl::StatusOr<std::unique_ptr<MemberWriter>> CreateArchiveWriter(const std::string& path,
                                                                  const ArchiveWriterOptions& options);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_ARCHIVE_WRITER_H_
