#include "registry/blob_reader.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "registry/registry_client.h"
#include "registry/transient.h"
#include "registry/url.h"

namespace coracle::registry {
namespace {

// So much since the last cut shows that the connection is of use: the retries start over.
constexpr int64_t kProgressBytes = 256 << 10;

bool ParseNumber(absl::string_view text, int64_t& number) {
  return absl::SimpleAtoi(text, &number) && number >= 0;
}

}  // namespace

absl::StatusOr<ContentRange> ParseContentRange(absl::string_view value) {
  ContentRange range;
  const absl::string_view text = value;
  const bool unit = absl::ConsumePrefix(&value, "bytes ");
  const std::pair<absl::string_view, absl::string_view> whole =
      absl::StrSplit(value, absl::MaxSplits('/', 1));
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(whole.first, absl::MaxSplits('-', 1));
  if (!unit || !ParseNumber(ends.first, range.first) || !ParseNumber(ends.second, range.last) ||
      range.last < range.first || (whole.second != "*" && !ParseNumber(whole.second, range.size)) ||
      (range.size >= 0 && range.last >= range.size)) {
    return absl::DataLossError(absl::StrCat("invalid Content-Range '", Printable(text.substr(0, 100)), "'"));
  }
  return range;
}

ResumingReader::ResumingReader(Session& session, const Request& request, int64_t offset, Content content,
                               std::unique_ptr<Session> owned)
    : owned_(std::move(owned)),
      session_(session),
      request_(request),
      content_(content),
      position_(offset),
      progress_mark_(offset) {}

absl::StatusOr<std::unique_ptr<BlobReader>> ResumingReader::Open(Session& session, const Request& request,
                                                                 int64_t offset, Content content,
                                                                 std::unique_ptr<Session> owned) {
  std::unique_ptr<ResumingReader> reader(
      new ResumingReader(session, request, offset, content, std::move(owned)));
  const absl::StatusOr<bool> connected = session.Retry([&]() -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(reader->Connect());
    return true;
  });
  if (!connected.ok()) return session.Explain(connected.status());
  return reader;
}

absl::Status ResumingReader::NoteSize(int64_t size) {
  if (size < 0) return absl::OkStatus();
  if (size_ >= 0 && size != size_) {
    return absl::DataLossError(
        absl::StrCat(request_.what, ": the server says first ", size_, ", then ", size, " bytes"));
  }
  size_ = size;
  if (position_ > size_) {
    return absl::OutOfRangeError(
        absl::StrCat(request_.what, ": has ", size_, " bytes, wanted from ", position_));
  }
  return absl::OkStatus();
}

absl::Status ResumingReader::CheckPartial(const HttpHead& head) {
  ASSIGN_OR_RETURN(const ContentRange range, ParseContentRange(head.Get("content-range")), request_.what);
  if (range.first != position_) {
    return absl::DataLossError(absl::StrCat(request_.what, ": wanted from byte ", position_,
                                            ", the server sends from ", range.first));
  }
  return NoteSize(range.size);
}

absl::Status ResumingReader::Connect() {
  Request request = request_;
  if (position_ > 0) request.http.headers.push_back(absl::StrCat("Range: bytes=", position_, "-"));
  if (position_ > 0 && !etag_.empty()) request.http.headers.push_back(absl::StrCat("If-Range: ", etag_));
  absl::StatusOr<OpenAnswer> answer = session_.Open(request);
  if (absl::IsOutOfRange(answer.status()) && (size_ < 0 || position_ == size_)) {
    // Some answer 416 to "from the end on"; whether it is the end shows only the whole.
    answer = session_.Open(request_);
  }
  if (!answer.ok()) return answer.status();
  transfer_ = std::move(answer->transfer);
  const HttpHead& head = transfer_->head();
  const absl::string_view etag = head.Get("etag");
  const bool strong = absl::StartsWith(etag, "\"");
  if (!etag_.empty() && etag_ != etag) {
    return absl::DataLossError(absl::StrCat(request_.what, ": changed while it was read"));
  }
  if (content_ == Content::kMayChange && strong) etag_ = std::string(etag);
  if (head.status == 206) return CheckPartial(head);
  RETURN_IF_ERROR(NoteSize(transfer_->content_length()));
  return Skip(position_);
}

// Of a server without ranges: what we have already.
absl::Status ResumingReader::Skip(int64_t bytes) {
  std::vector<char> buffer(bytes > 0 ? 64 << 10 : 0);
  while (bytes > 0) {
    const size_t want = std::min<int64_t>(bytes, static_cast<int64_t>(buffer.size()));
    ASSIGN_OR_RETURN(const size_t count, transfer_->Read(absl::MakeSpan(buffer.data(), want)), request_.what);
    if (count == 0) {
      return absl::OutOfRangeError(absl::StrCat(request_.what, ": has fewer than ", position_, " bytes"));
    }
    bytes -= static_cast<int64_t>(count);
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> ResumingReader::Read(absl::Span<char> buffer) {
  while (true) {
    absl::Status status;
    if (transfer_ == nullptr) status = Connect();
    if (status.ok()) {
      absl::StatusOr<size_t> count = transfer_->Read(buffer);
      if (count.ok()) {
        position_ += static_cast<int64_t>(*count);
        if (position_ - progress_mark_ >= kProgressBytes) {
          progress_mark_ = position_;
          retries_ = 0;
        }
        return count;
      }
      status = Annotate(count.status(), request_.what);
    }
    transfer_.reset();
    const bool resumable = content_ == Content::kImmutable || !etag_.empty() || position_ == 0;
    if (!resumable || !session_.MayRetry(status, retries_)) return session_.Explain(status);
    RETURN_IF_ERROR(session_.Backoff(status, retries_++));
  }
}

absl::StatusOr<std::unique_ptr<BlobReader>> RegistryClient::OpenBlob(absl::string_view repository,
                                                                     const oci::Digest& digest,
                                                                     int64_t offset) {
  ASSIGN_OR_RETURN(const Request request, ForBlob("GET", repository, digest, "pull"));
  return ResumingReader::Open(session_, request, offset, ResumingReader::Content::kImmutable);
}

absl::StatusOr<std::unique_ptr<BlobReader>> OpenUrl(absl::string_view url, int64_t offset,
                                                    const ClientOptions& options) {
  Request request;
  request.what = Printable(url);
  if (!absl::StartsWithIgnoreCase(url, "http://") && !absl::StartsWithIgnoreCase(url, "https://")) {
    return absl::InvalidArgumentError(absl::StrCat("'", request.what, "' is no URL of http or https"));
  }
  ASSIGN_OR_RETURN(request.http.url, ResolveUrl("https://localhost/", std::string(url)));
  ASSIGN_OR_RETURN(std::shared_ptr<const TlsConfig> tls, TlsConfig::Load({}, /*insecure=*/false),
                   request.what);
  auto session = std::make_unique<Session>(Endpoint(), Credentials(), options, std::move(tls));
  Session& reference = *session;
  return ResumingReader::Open(reference, request, offset, ResumingReader::Content::kMayChange,
                              std::move(session));
}

}  // namespace coracle::registry
