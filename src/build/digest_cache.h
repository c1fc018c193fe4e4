// SHA-256 of files, remembered by what stat(2) says of them, so that a cached build reads none.
//
// One file per tree: a header, records of a fixed size and a checksum; replaced whole. What is missing or
// damaged counts as empty. A digest is kept only if the file was last changed well before it was read: a
// later change within one tick of the clock would leave no trace in its times.
#ifndef CORACLE_BUILD_DIGEST_CACHE_H_
#define CORACLE_BUILD_DIGEST_CACHE_H_

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "build/copy_ahead.h"
#include "build/source_walk.h"

namespace coracle::build {

class DigestCache {
 public:
  // At most this many files are remembered.
  static constexpr size_t kMaxRecords = 2'000'000;

  // Reads `path`.
  static DigestCache Open(std::string path);

  // The content digest (64 hex digits) of each item's regular file below `root`, the target of a link; "" for
  // all else. Those that are not known are read, on several threads, all of which have ended on return, and
  // given to `ahead` if there is one.
  // Errors: errno of the reading; Aborted for a file that changes while it is read.
  absl::StatusOr<std::vector<std::string>> Digests(int root, absl::Span<const SourceItem> items,
                                                   CopyAhead* ahead = nullptr);

  // Writes what is new. Best effort for the caller: nothing is lost but time.
  absl::Status Save();

  size_t files_read() const { return files_read_; }

 private:
  using Sha = std::array<uint8_t, 32>;
  struct Record {
    int64_t size = 0;
    int64_t changed = 0;   // ctime, ns
    int64_t modified = 0;  // mtime, ns
    Sha sha{};
    uint32_t unused = 0;  // how many times it was saved without being asked for
    bool asked = false;
  };
  using Inode = std::pair<uint64_t, uint64_t>;  // device, number

  void Load(absl::string_view text);
  const Record* Find(const struct stat& info);

  std::string path_;
  absl::flat_hash_map<Inode, Record> records_;
  bool changed_ = false;
  size_t files_read_ = 0;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_DIGEST_CACHE_H_
