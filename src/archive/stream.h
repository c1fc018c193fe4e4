// Byte streams: sources are pulled, sinks are pushed. Both are chained by reference; the caller keeps the
// inner one alive for as long as the outer one is used.
#ifndef CORACLE_ARCHIVE_STREAM_H_
#define CORACLE_ARCHIVE_STREAM_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/sha256.h"

namespace coracle::archive {

// What buffers between streams hold: large enough that system calls vanish, small enough for the L2 cache.
inline constexpr size_t kStreamBufferBytes = 256 << 10;

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to buffer.size() (at least 1) bytes into `buffer`; how many. 0 means the end, and only that. After an
  // error nothing more may be read.
  virtual absl::StatusOr<size_t> Read(absl::Span<char> buffer) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Takes all of `data`.
  virtual absl::Status Write(absl::string_view data) = 0;
  // Writes what was held back (a compressor's trailer). Once, at the end. Does not finish the inner sink.
  virtual absl::Status Finish() { return absl::OkStatus(); }
};

// Reads a descriptor that stays the caller's: file, pipe or socket.
class FdSource : public ByteSource {
 public:
  explicit FdSource(int fd) : fd_(fd) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;

 private:
  int fd_;
};

class FdSink : public ByteSink {
 public:
  explicit FdSink(int fd) : fd_(fd) {}
  absl::Status Write(absl::string_view data) override;

 private:
  int fd_;
};

// Reads `data`, which the caller keeps alive.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(absl::string_view data) : data_(data) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;

 private:
  absl::string_view data_;
};

class StringSink : public ByteSink {
 public:
  absl::Status Write(absl::string_view data) override;
  std::string& data() { return data_; }

 private:
  std::string data_;
};

// Passes everything on and digests it on the way.
class HashingSource : public ByteSource {
 public:
  explicit HashingSource(ByteSource& inner) : inner_(inner) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;
  // Once, after the end: the digest of all bytes that were read.
  std::string HexDigest() { return hash_.HexDigest(); }
  int64_t bytes() const { return bytes_; }

 private:
  ByteSource& inner_;
  Sha256 hash_;
  int64_t bytes_ = 0;
};

class HashingSink : public ByteSink {
 public:
  explicit HashingSink(ByteSink& inner) : inner_(inner) {}
  absl::Status Write(absl::string_view data) override;
  std::string HexDigest() { return hash_.HexDigest(); }
  int64_t bytes() const { return bytes_; }

 private:
  ByteSink& inner_;
  Sha256 hash_;
  int64_t bytes_ = 0;
};

// Passes everything on and writes a copy to `copy`: a blob is kept while it is unpacked.
class TeeSource : public ByteSource {
 public:
  TeeSource(ByteSource& inner, ByteSink& copy) : inner_(inner), copy_(copy) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;

 private:
  ByteSource& inner_;
  ByteSink& copy_;
};

// Reads `source` to its end. `bytes`, if given, becomes how many there were.
absl::Status Drain(ByteSource& source, int64_t* bytes = nullptr);
// Copies the rest of `source`; how many bytes. Does not finish the sink.
absl::StatusOr<int64_t> Copy(ByteSource& source, ByteSink& sink);

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_STREAM_H_
