#include "registry/session.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "registry/error_body.h"
#include "registry/transient.h"
#include "registry/url.h"

namespace coracle::registry {
namespace {

constexpr int kMaxRedirects = 10;
constexpr int kMaxAuthRounds = 2;  // a token that had expired, and the one after it
constexpr size_t kMaxErrorBytes = 64 << 10;
constexpr size_t kMaxTokenAnswer = 1 << 20;

// Where docker.io's registry really is.
std::string RealHost(const std::string& host) { return host == "docker.io" ? "registry-1.docker.io" : host; }

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::vector<Challenge> ChallengesOf(const HttpHead& head) {
  std::vector<Challenge> all;
  for (const auto& [name, value] : head.headers) {
    if (name != "www-authenticate") continue;
    for (Challenge& challenge : ParseChallenges(value)) all.push_back(std::move(challenge));
  }
  return all;
}

// A random factor of 0.5 to 1, so that many clients that failed together do not return together.
double Jitter() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  std::minstd_rand random(static_cast<uint32_t>(now ^ reinterpret_cast<uintptr_t>(&now)));
  random.discard(2);
  return std::uniform_real_distribution<double>(0.5, 1.0)(random);
}

}  // namespace

Session::Session(const Endpoint& endpoint, Credentials credentials, const ClientOptions& options,
                 std::shared_ptr<const TlsConfig> tls)
    : endpoint_(endpoint),
      retry_(options.retry),
      authenticator_(std::move(credentials)),
      pool_({options.connect_timeout, options.stall_timeout, options.user_agent}, std::move(tls)),
      scheme_(endpoint.insecure ? Scheme::kUnknown : Scheme::kHttps) {}

std::string Session::Root(Scheme scheme) const {
  return absl::StrCat(scheme == Scheme::kHttp ? "http://" : "https://", RealHost(endpoint_.host), "/");
}

absl::Status Session::ErrorOf(OpenAnswer& answer, absl::string_view what) const {
  HttpTransfer& transfer = *answer.transfer;
  // What came of it is good enough, also where it is too long or cut.
  const std::string body = transfer.ReadAll(kMaxErrorBytes).value_or("");
  const int status = transfer.head().status;
  absl::Status error = ErrorFromResponse(what, status, body);
  if (!IsTransientHttpStatus(status)) return error;
  return MarkTransient(error, ParseRetryAfter(transfer.head().Get("retry-after"), absl::Now()));
}

absl::Status Session::Explain(absl::Status status) const {
  if (endpoint_.host.empty()) return status;  // a URL, not a registry
  const bool refused = absl::IsUnauthenticated(status);
  if (!refused && !(absl::IsPermissionDenied(status) && authenticator_.anonymous())) return status;
  return WithHint(std::move(status), absl::StrCat("try 'coracle login ", endpoint_.host, "'"));
}

absl::StatusOr<std::string> Session::Redirected(const OpenAnswer& answer, absl::string_view method,
                                                absl::string_view what) const {
  const HttpHead& head = answer.transfer->head();
  const std::string location(head.Get("location"));
  const bool keeps_method = head.status == 307 || head.status == 308;
  if (location.empty() || (!keeps_method && method != "GET" && method != "HEAD")) {
    return absl::DataLossError(absl::StrCat(what, ": the server redirects ", method, " with ", head.status,
                                            location.empty() ? " to nowhere" : ""));
  }
  ASSIGN_OR_RETURN(std::string next, ResolveUrl(answer.url, location), what, ": redirect");
  if (absl::StartsWith(answer.url, "https:") && absl::StartsWith(next, "http:") && !endpoint_.insecure) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, ": redirected from HTTPS to HTTP at ", Printable(OriginOf(next)), ", refused"));
  }
  return next;
}

absl::StatusOr<std::string> Session::NextUrl(const Answer& answer, absl::string_view what) const {
  const std::string location(answer.head.Get("location"));
  if (location.empty())
    return absl::DataLossError(absl::StrCat(what, ": the registry does not say where to go on"));
  ASSIGN_OR_RETURN(const std::string url, ResolveUrl(answer.url, location), what);
  if (!absl::StartsWith(answer.url, "https:") || absl::StartsWith(url, "https:") || endpoint_.insecure)
    return url;
  const std::string upgraded = absl::StrCat("https:", absl::StripPrefix(url, "http:"));
  if (OriginOf(upgraded) == OriginOf(answer.url)) return upgraded;
  if (HostOf(url) == HostOf(answer.url) && absl::EndsWith(OriginOf(url), ":80")) {
    return ResolveUrl(answer.url, url.substr(url.find('/', strlen("http://"))));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": sent on from HTTPS to HTTP at ", Printable(OriginOf(url)), ", refused"));
}

absl::StatusOr<OpenAnswer> Session::Follow(HttpRequest request, const std::string& authorization,
                                           absl::string_view what) {
  const std::string origin = OriginOf(request.url);
  const std::vector<std::string> headers = request.headers;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    request.headers = headers;
    // Credentials are for the one who asked for them, and for no one that it points to.
    if (!authorization.empty() && OriginOf(request.url) == origin) {
      request.headers.push_back(absl::StrCat("Authorization: ", authorization));
    }
    OpenAnswer answer;
    answer.url = request.url;
    ASSIGN_OR_RETURN(answer.transfer, HttpTransfer::Start(pool_, request), what);
    if (!IsRedirect(answer.transfer->head().status)) return answer;
    ASSIGN_OR_RETURN(request.url, Redirected(answer, request.method, what));
    // So are what we say in the request itself (a refresh token, a manifest).
    if (!request.content.empty() && OriginOf(request.url) != origin) {
      return absl::FailedPreconditionError(
          absl::StrCat(what, ": redirected to ", Printable(OriginOf(request.url)), ", refused"));
    }
  }
  return absl::UnavailableError(absl::StrCat(what, ": redirected more than ", kMaxRedirects, " times"));
}

absl::StatusOr<std::string> Session::FetchToken(const HttpRequest& request) {
  const std::string what = absl::StrCat("token from ", Printable(OriginOf(request.url)));
  if (!endpoint_.insecure && scheme_ == Scheme::kHttps && !absl::StartsWith(request.url, "https:")) {
    return absl::FailedPreconditionError(absl::StrCat(what, ": not by HTTPS, refused"));
  }
  // Its credentials go where the redirects of Follow let them.
  HttpRequest plain = request;
  std::string authorization;
  for (size_t i = 0; i < plain.headers.size(); ++i) {
    if (!absl::StartsWith(plain.headers[i], "Authorization: ")) continue;
    authorization = plain.headers[i].substr(strlen("Authorization: "));
    plain.headers.erase(plain.headers.begin() + static_cast<ptrdiff_t>(i));
    break;
  }
  ASSIGN_OR_RETURN(OpenAnswer answer, Follow(plain, authorization, what));
  if (answer.transfer->head().status != 200) return ErrorOf(answer, what);
  return answer.transfer->ReadAll(kMaxTokenAnswer);
}

absl::StatusOr<OpenAnswer> Session::OpenAuthenticated(const Request& request) {
  const auto fetch = [this](const HttpRequest& token_request) { return FetchToken(token_request); };
  // A URL that the registry gave us may be another's: it gets no credentials.
  const std::string origin = OriginOf(request.http.url);
  const bool registry = origin == OriginOf(Root(Scheme::kHttps)) || origin == OriginOf(Root(Scheme::kHttp));
  for (int round = 0;; ++round) {
    std::string authorization;
    if (registry) {
      ASSIGN_OR_RETURN(authorization, authenticator_.Authorization(request.scopes, fetch), request.what);
    }
    ASSIGN_OR_RETURN(OpenAnswer answer, Follow(request.http, authorization, request.what));
    const HttpHead& head = answer.transfer->head();
    if (head.status >= 200 && head.status < 300) return answer;
    const bool ours = registry && OriginOf(answer.url) == origin;
    if (!ours && OriginOf(answer.url) != origin) {
      absl::Status error = ErrorOf(answer, absl::StrCat(request.what, ": ", Printable(OriginOf(answer.url))));
      // Whom we were sent to may not ask who we are, so logging in is no help.
      return absl::IsUnauthenticated(error) ? absl::PermissionDeniedError(error.message()) : error;
    }
    if (head.status != 401 || !ours || round == kMaxAuthRounds) return ErrorOf(answer, request.what);
    const absl::Status status =
        authenticator_.Refused(ChallengesOf(head), request.scopes, authorization, fetch);
    if (absl::IsUnauthenticated(status) && status.message() == "authentication required") {
      return ErrorOf(answer, request.what);  // the registry's own words
    }
    if (!status.ok()) return Annotate(status, request.what);
  }
}

absl::StatusOr<OpenAnswer> Session::Open(const Request& request) {
  const Scheme scheme = scheme_;
  Request absolute = request;
  const bool relative = absl::StartsWith(request.http.url, "/");
  const auto at = [&](Scheme s) {
    if (relative) absolute.http.url = absl::StrCat(absl::StripSuffix(Root(s), "/"), request.http.url);
    return OpenAuthenticated(absolute);
  };
  if (scheme != Scheme::kUnknown || !relative) return at(scheme);
  absl::StatusOr<OpenAnswer> answer = at(Scheme::kHttps);
  if (answer.ok() || !IsNotTls(answer.status())) {
    scheme_ = Scheme::kHttps;
    return answer;
  }
  answer = at(Scheme::kHttp);
  if (answer.ok() || !IsNotTls(answer.status())) scheme_ = Scheme::kHttp;
  return answer;
}

absl::StatusOr<Answer> Session::Call(const Request& request, size_t max_bytes) {
  absl::StatusOr<Answer> result = Retry([&]() -> absl::StatusOr<Answer> {
    ASSIGN_OR_RETURN(OpenAnswer open, Open(request));
    Answer answer;
    ASSIGN_OR_RETURN(answer.body, open.transfer->ReadAll(max_bytes), request.what);
    answer.head = open.transfer->head();
    answer.url = std::move(open.url);
    return answer;
  });
  if (!result.ok()) return Explain(result.status());
  return result;
}

bool Session::MayRetry(const absl::Status& status, int retry) const {
  return IsTransient(status) && retry < retry_.retries &&
         RetryAfterOf(status).value_or(absl::ZeroDuration()) <= retry_.max_retry_after;
}

absl::Status Session::Backoff(const absl::Status& status, int retry) {
  if (const std::optional<absl::Duration> asked = RetryAfterOf(status)) return pool_.Sleep(*asked);
  const absl::Duration delay = std::min(retry_.delay * (int64_t{1} << std::min(retry, 20)), retry_.max_delay);
  return pool_.Sleep(delay * Jitter());
}

}  // namespace coracle::registry
