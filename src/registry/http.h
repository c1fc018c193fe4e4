// HTTP transfers over libcurl, one at a time each, driven by whoever reads them.
//
// A transfer borrows a lane: a curl multi handle with its own cache of connections and one easy handle. Lanes
// are kept, so later transfers find connections open. Connections are not shared between lanes: libcurl can't
// do that across threads.
#ifndef CORACLE_REGISTRY_HTTP_H_
#define CORACLE_REGISTRY_HTTP_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "registry/client.h"
#include "registry/tls.h"

namespace coracle::registry {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  // What is sent; nullptr: `content`.
  UploadBody* body = nullptr;
  int64_t body_offset = 0;
  int64_t body_bytes = -1;  // from body_offset on; -1: to the end, in the chunked coding
  std::string content;
};

struct HttpHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case

  // The value of the first header of that name; empty if there is none.
  absl::string_view Get(absl::string_view name) const;
};

struct HttpLane;  // http.cc

struct HttpOptions {
  absl::Duration connect_timeout;
  absl::Duration stall_timeout;
  std::string user_agent;
};

// Thread-safe.
class HttpPool {
 public:
  HttpPool(HttpOptions options, std::shared_ptr<const TlsConfig> tls);
  ~HttpPool();

  // See Client::Cancel.
  void Cancel();
  // Cancelled if Cancel() came before the end of it.
  absl::Status Sleep(absl::Duration duration);

  const HttpOptions& options() const { return options_; }
  const TlsConfig& tls() const { return *tls_; }

 private:
  friend class HttpTransfer;
  std::unique_ptr<HttpLane> Borrow();
  void Return(std::unique_ptr<HttpLane> lane);
  bool cancelled();

  const HttpOptions options_;
  const std::shared_ptr<const TlsConfig> tls_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool cancelled_ = false;
  std::vector<std::unique_ptr<HttpLane>> idle_;
  std::set<HttpLane*> active_;
};

// One request and its answer. The pool must outlive it.
//
// Redirects are not followed and nothing is retried: session.h does that. Errors, marked transient
// (transient.h) where another attempt may mend them: Unavailable for what the network did, FailedPrecondition
// for TLS, Cancelled, and those of the request's body.
class HttpTransfer {
 public:
  // Sends the request and returns when the head of the answer is there.
  static absl::StatusOr<std::unique_ptr<HttpTransfer>> Start(HttpPool& pool, const HttpRequest& request);
  ~HttpTransfer();

  const HttpHead& head() const;
  // Of the Content-Length header; -1 if there is none.
  int64_t content_length() const;
  // As BlobReader::Read. A body that ends before its Content-Length is an error.
  absl::StatusOr<size_t> Read(absl::Span<char> buffer);
  // The rest of the body. ResourceExhausted if it is longer than `max_bytes`.
  absl::StatusOr<std::string> ReadAll(size_t max_bytes);

  struct State;  // http.cc

 private:
  explicit HttpTransfer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether `status`, an error of HttpTransfer::Start, says that there is no TLS to be had there at all, so
// that plain HTTP may be tried: nobody listens, or the answer is not TLS.
bool IsNotTls(const absl::Status& status);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_HTTP_H_
