#include <openssl/ssl.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "registry/http.h"
#include "registry/http_lane.h"
#include "registry/url.h"

namespace coracle::registry {
namespace {

// libcurl and OpenSSL, once, when the first request is made. Not OpenSSL's configuration file: it may name
// modules to load, which a static program can't.
bool InitLibraries() {
  return OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1 &&
         curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
}

bool IsLoopback(absl::string_view host) {
  return host == "localhost" || absl::EndsWith(host, ".localhost") || absl::StartsWith(host, "127.") ||
         host == "[::1]";
}

}  // namespace

HttpLane::HttpLane() {
  static const bool initialised = InitLibraries();
  if (!initialised) abort();  // no memory
  multi = curl_multi_init();
  easy = curl_easy_init();
  if (multi == nullptr || easy == nullptr) abort();
}

HttpLane::~HttpLane() {
  curl_easy_cleanup(easy);
  curl_multi_cleanup(multi);
}

void SetProxy(CURL* easy, const std::string& url) {
  if (IsLoopback(HostOf(url))) {
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    return;
  }
  const char* upper = getenv("HTTP_PROXY");
  if (absl::StartsWithIgnoreCase(url, "http:") && upper != nullptr && getenv("http_proxy") == nullptr &&
      getenv("REQUEST_METHOD") == nullptr) {
    curl_easy_setopt(easy, CURLOPT_PROXY, upper);
  }
}

HttpPool::HttpPool(HttpOptions options, std::shared_ptr<const TlsConfig> tls)
    : options_(std::move(options)), tls_(std::move(tls)) {}

HttpPool::~HttpPool() = default;

void HttpPool::Cancel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = true;
  for (HttpLane* lane : active_) curl_multi_wakeup(lane->multi);
  woken_.notify_all();
}

absl::Status HttpPool::Sleep(absl::Duration duration) {
  std::unique_lock<std::mutex> lock(mutex_);
  woken_.wait_for(lock, absl::ToChronoMilliseconds(duration), [this] { return cancelled_; });
  return cancelled_ ? absl::CancelledError("cancelled") : absl::OkStatus();
}

bool HttpPool::cancelled() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return cancelled_;
}

std::unique_ptr<HttpLane> HttpPool::Borrow() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!idle_.empty()) {
      // The last one that came back: its connection is the least likely to be closed by now.
      std::unique_ptr<HttpLane> lane = std::move(idle_.back());
      idle_.pop_back();
      active_.insert(lane.get());
      return lane;
    }
  }
  auto lane = std::make_unique<HttpLane>();
  const std::lock_guard<std::mutex> lock(mutex_);
  active_.insert(lane.get());
  return lane;
}

void HttpPool::Return(std::unique_ptr<HttpLane> lane) {
  const std::lock_guard<std::mutex> lock(mutex_);
  active_.erase(lane.get());
  idle_.push_back(std::move(lane));
}

}  // namespace coracle::registry
