// Reads a source ahead in a second thread: inflating then overlaps with writing files.
#ifndef CORACLE_ARCHIVE_READ_AHEAD_H_
#define CORACLE_ARCHIVE_READ_AHEAD_H_

#include <pthread.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "archive/stream.h"

namespace coracle::archive {

// The first kReadAheadThreshold bytes are read without a thread, so that small archives do not pay for one;
// if none can be started, all are. The thread takes no signals and has ended when the destructor returns: a
// process may fork before and after, not between. The destructor waits for the inner source's Read() that is
// under way.
class ReadAheadSource : public ByteSource {
 public:
  // `inner` must outlive the object and is the thread's alone until then.
  explicit ReadAheadSource(ByteSource& inner) : inner_(inner) {}
  ~ReadAheadSource() override;
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;

 private:
  struct Block {
    std::unique_ptr<char[]> data;
    absl::StatusOr<size_t> size = size_t{0};  // as the inner Read() gave it
  };

  static void* ThreadMain(void* self);
  void Produce();
  bool StartThread();
  absl::StatusOr<size_t> ReadFromThread(absl::Span<char> buffer);

  ByteSource& inner_;
  size_t direct_bytes_ = 0;
  bool threaded_ = false, direct_only_ = false;
  pthread_t thread_ = {};

  std::mutex mutex_;
  std::condition_variable changed_;
  // A ring. Blocks [consumed_, produced_) are full; each belongs to one side at a time.
  std::vector<Block> ring_;
  size_t produced_ = 0, consumed_ = 0;
  bool stop_ = false;
  size_t offset_ = 0;  // in the block that is being consumed
};

// Copy() (stream.h) with the source read by a second thread: what the source does to its bytes (digesting,
// inflating) overlaps with the writing.
absl::StatusOr<int64_t> CopyAhead(ByteSource& source, ByteSink& sink);

inline constexpr size_t kReadAheadThreshold = 2 << 20;
inline constexpr size_t kReadAheadBlocks = 8;  // of kStreamBufferBytes each

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_READ_AHEAD_H_
