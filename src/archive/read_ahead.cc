#include "archive/read_ahead.h"

#include <signal.h>

#include <algorithm>
#include <cstring>

#include "base/status.h"

namespace coracle::archive {

ReadAheadSource::~ReadAheadSource() {
  if (!threaded_) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  pthread_join(thread_, nullptr);
}

absl::StatusOr<size_t> ReadAheadSource::Read(absl::Span<char> buffer) {
  if (!threaded_) {
    if (direct_only_ || direct_bytes_ < kReadAheadThreshold || !StartThread()) {
      ASSIGN_OR_RETURN(const size_t count, inner_.Read(buffer));
      direct_bytes_ += count;
      if (count == 0) direct_only_ = true;
      return count;
    }
  }
  return ReadFromThread(buffer);
}

bool ReadAheadSource::StartThread() {
  ring_.resize(kReadAheadBlocks);
  for (Block& block : ring_) block.data.reset(new char[kStreamBufferBytes]);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the thread
  threaded_ = pthread_create(&thread_, nullptr, &ReadAheadSource::ThreadMain, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  direct_only_ = !threaded_;
  return threaded_;
}

void* ReadAheadSource::ThreadMain(void* self) {
  static_cast<ReadAheadSource*>(self)->Produce();
  return nullptr;
}

void ReadAheadSource::Produce() {
  for (;;) {
    Block* block;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || produced_ - consumed_ < ring_.size(); });
      if (stop_) return;
      block = &ring_[produced_ % ring_.size()];
    }
    block->size = inner_.Read(absl::MakeSpan(block->data.get(), kStreamBufferBytes));
    const bool ended = !block->size.ok() || *block->size == 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++produced_;
    }
    changed_.notify_all();
    if (ended) return;
  }
}

absl::StatusOr<size_t> ReadAheadSource::ReadFromThread(absl::Span<char> buffer) {
  Block* block;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return produced_ > consumed_; });
    block = &ring_[consumed_ % ring_.size()];
  }
  // An end or error stays in the ring, so that it is given again.
  if (!block->size.ok() || *block->size == 0) return block->size;
  const size_t count = std::min(buffer.size(), *block->size - offset_);
  memcpy(buffer.data(), block->data.get() + offset_, count);
  offset_ += count;
  if (offset_ == *block->size) {
    offset_ = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++consumed_;
    }
    changed_.notify_all();
  }
  return count;
}

absl::StatusOr<int64_t> CopyAhead(ByteSource& source, ByteSink& sink) {
  ReadAheadSource ahead(source);
  return Copy(ahead, sink);
}

}  // namespace coracle::archive
