// A blob that is read over as many connections as it takes.
#ifndef CORACLE_REGISTRY_BLOB_READER_H_
#define CORACLE_REGISTRY_BLOB_READER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "registry/client.h"
#include "registry/session.h"

namespace coracle::registry {

class ResumingReader : public BlobReader {
 public:
  enum class Content { kImmutable, kMayChange };

  // Opens `request` (a GET) so that the first Read gives byte `offset`; retries. What may change is resumed
  // only if the server gives it a strong ETag, by which a change is seen. `session` must outlive the result,
  // unless it is given in `owned`. Errors: as Session::Open; OutOfRange if there are fewer bytes than
  // `offset`.
  static absl::StatusOr<std::unique_ptr<BlobReader>> Open(Session& session, const Request& request,
                                                          int64_t offset, Content content,
                                                          std::unique_ptr<Session> owned = nullptr);

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;
  int64_t size() const override { return size_; }

 private:
  ResumingReader(Session& session, const Request& request, int64_t offset, Content content,
                 std::unique_ptr<Session> owned);
  // One attempt to get a transfer that continues at position_.
  absl::Status Connect();
  absl::Status CheckPartial(const HttpHead& head);
  absl::Status Skip(int64_t bytes);
  absl::Status NoteSize(int64_t size);

  const std::unique_ptr<Session> owned_;
  Session& session_;
  const Request request_;
  const Content content_;
  std::unique_ptr<HttpTransfer> transfer_;
  std::string etag_;
  int64_t position_;
  int64_t size_ = -1;
  int retries_ = 0;        // since progress_mark_
  int64_t progress_mark_;  // a position from which on the retries count anew
};

// The numbers of "bytes FIRST-LAST/SIZE" (RFC 9110 section 14.4); size -1 for "*".
struct ContentRange {
  int64_t first = 0, last = 0, size = -1;
};
absl::StatusOr<ContentRange> ParseContentRange(absl::string_view value);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_BLOB_READER_H_
