// Large files of a context, copied while they are read for their digests.
//
// The digest decides whether a step has to be run at all, so it comes first; but who builds something new
// needs the copy next, and a disk that idles meanwhile is what a large COPY waits for. So files that were
// never seen are written while they are hashed, and a thread tells the kernel to put them on the disk. If the
// step is found in the cache after all, the copies go.
#ifndef CORACLE_BUILD_COPY_AHEAD_H_
#define CORACLE_BUILD_COPY_AHEAD_H_

#include <sys/stat.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/thread.h"
#include "os/unique_fd.h"

namespace coracle::build {

class CopyAhead {
 public:
  // Smaller files are copied faster than a guess is worth.
  static constexpr int64_t kMinFileBytes = 1 << 20;
  static constexpr int64_t kMinTotalBytes = 32 << 20;

  // `directory`, which is not there yet, is on the file system of the layers. `is_likely`: whether a copy
  // will be needed; asked at most once, and only if there is enough to copy.
  CopyAhead(std::string directory, std::function<bool()> is_likely)
      : directory_(std::move(directory)), is_likely_(std::move(is_likely)) {}
  CopyAhead(const CopyAhead&) = delete;
  CopyAhead& operator=(const CopyAhead&) = delete;
  // Ends the thread, removes what was not taken.
  ~CopyAhead();

  // Before files of so many bytes altogether are read: whether they are to be copied.
  bool Begin(int64_t bytes);

  // One file's copy in the making. Any number at a time, each used by one thread.
  class File {
   public:
    // Content, in order. A failure (disk full) ends the copy, nothing else.
    void Write(absl::string_view data);
    // Whether nothing is to be written: the copy shares the source's content already.
    bool is_clone() const { return is_clone_; }

   private:
    friend class CopyAhead;
    os::UniqueFd fd_;
    std::string name_;
    bool is_clone_ = false;
    bool failed_ = false;
    int64_t written_ = 0, flushed_ = 0;
    CopyAhead* owner_ = nullptr;
  };
  // Nothing for a file that is too small, or if it can't be made. `source` is at its start.
  std::optional<File> Start(int source, const struct stat& info);
  // `info`: what fstat(2) said before and after.
  void Keep(File file, const struct stat& info);

  // Moves the copy of the file that `info` tells of, unchanged since, to `name` in `to`, where nothing is:
  // whoever takes it sets owner, mode, attributes and times. Whether there was one.
  bool Take(const struct stat& info, int to, const std::string& name);

 private:
  struct Kept {
    std::string name;
    struct stat info = {};
  };
  struct Range {
    os::UniqueFd fd;
    int64_t offset = 0, length = 0;
  };
  void Flush(int fd, int64_t offset, int64_t length);
  void FlushRanges();

  const std::string directory_;
  const std::function<bool()> is_likely_;
  std::optional<bool> wanted_;
  os::UniqueFd root_;
  std::mutex mutex_;  // of all below
  std::condition_variable more_;
  std::deque<Range> ranges_;
  bool ended_ = false;
  int last_name_ = 0;
  std::map<std::pair<dev_t, ino_t>, Kept> kept_;
  std::optional<os::Thread> flusher_;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_COPY_AHEAD_H_
