// Requests to one registry with all that belongs to each: its scheme, authentication, redirects, retries,
// errors.
#ifndef CORACLE_REGISTRY_SESSION_H_
#define CORACLE_REGISTRY_SESSION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/auth.h"
#include "registry/client.h"
#include "registry/http.h"
#include "registry/transient.h"

namespace coracle::registry {

struct Request {
  HttpRequest http;    // its url: absolute, or a path from the registry's root
  std::string scopes;  // for tokens; see Authenticator
  std::string what;    // the subject of errors: "quay.io/a/b:1"
};

// An answer of 2xx whose body is still to be read.
struct OpenAnswer {
  std::unique_ptr<HttpTransfer> transfer;
  std::string url;  // that gave it, after redirects
};

struct Answer {
  HttpHead head;
  std::string body;
  std::string url;
};

// Thread-safe.
class Session {
 public:
  Session(const Endpoint& endpoint, Credentials credentials, const ClientOptions& options,
          std::shared_ptr<const TlsConfig> tls);

  // One attempt. Authenticates, which ends after one refresh, and follows redirects, never with credentials
  // to another origin and never from HTTPS to HTTP unless the endpoint is insecure. Errors: as Client,
  // transient ones marked.
  absl::StatusOr<OpenAnswer> Open(const Request& request);
  // Attempts, until one brings the whole answer, which may have at most `max_bytes`.
  absl::StatusOr<Answer> Call(const Request& request, size_t max_bytes);

  // Where the Location header of `answer` says that a request goes on. HTTP where it was HTTPS is taken for
  // the mistake of a proxy if it is the same host, and refused if not, unless the endpoint is insecure.
  absl::StatusOr<std::string> NextUrl(const Answer& answer, absl::string_view what) const;

  // Calls `attempt` (giving an absl::StatusOr) until it succeeds, fails for good, or the retries are used up.
  template <typename Attempt>
  std::invoke_result_t<Attempt> Retry(Attempt attempt) {
    for (int retry = 0;; ++retry) {
      auto result = attempt();
      if (result.ok()) return result;
      if (!MayRetry(result.status(), retry)) return WithoutMark(result.status());
      const absl::Status slept = Backoff(result.status(), retry);
      if (!slept.ok()) return slept;
    }
  }
  bool MayRetry(const absl::Status& status, int retry) const;
  // Waits before retry number `retry` (from 0) after `status`. Errors: Cancelled.
  absl::Status Backoff(const absl::Status& status, int retry);

  const Endpoint& endpoint() const { return endpoint_; }
  HttpPool& pool() { return pool_; }
  // An error whose cause is that we are not who we should be gets a hint what to do.
  absl::Status Explain(absl::Status status) const;

 private:
  enum class Scheme { kUnknown, kHttps, kHttp };
  absl::StatusOr<OpenAnswer> OpenAuthenticated(const Request& request);
  absl::StatusOr<OpenAnswer> Follow(HttpRequest request, const std::string& authorization,
                                    absl::string_view what);
  absl::StatusOr<std::string> Redirected(const OpenAnswer& answer, absl::string_view method,
                                         absl::string_view what) const;
  absl::StatusOr<std::string> FetchToken(const HttpRequest& request);
  std::string Root(Scheme scheme) const;
  absl::Status ErrorOf(OpenAnswer& answer, absl::string_view what) const;

  const Endpoint endpoint_;
  const RetryOptions retry_;
  Authenticator authenticator_;
  HttpPool pool_;
  std::atomic<Scheme> scheme_;
};

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_SESSION_H_
