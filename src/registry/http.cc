#include "registry/http.h"

#include <curl/curl.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "registry/http_error.h"
#include "registry/http_lane.h"
#include "registry/transient.h"

namespace coracle::registry {
namespace {

constexpr size_t kMaxHeaderBytes = 256 << 10;
constexpr long kBufferBytes = 256 << 10;
// Fewer bytes than this within the stall timeout count as none: a server that drips one a second holds up as
// well.
constexpr int64_t kMinWindowBytes = 1024;
// After an upload a registry may be busy copying what it got before it answers.
constexpr std::chrono::minutes kMinAnswerTime{5};

void SetString(CURL* easy, CURLoption option, const std::string& value) {
  curl_easy_setopt(easy, option, value.c_str());
}

}  // namespace

absl::string_view HttpHead::Get(absl::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

struct HttpTransfer::State {
  State(HttpPool& p, const HttpRequest& r) : pool(p), request(r) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();

  void Prepare();
  void PrepareBody();
  void PrepareTls();
  // Lets the transfer make progress, waiting for it; an error ends the transfer.
  absl::Status Step();
  absl::Status CheckStall(std::chrono::steady_clock::duration waited_now);
  absl::Status Failure(CURLcode code);

  size_t OnHeader(absl::string_view line);
  size_t OnData(absl::string_view data);
  size_t OnSend(absl::Span<char> buffer);
  bool OnSeek(int64_t offset);

  HttpPool& pool;
  const HttpRequest request;
  std::unique_ptr<HttpLane> lane;
  curl_slist* header_list = nullptr;
  char error[CURL_ERROR_SIZE] = "";

  HttpHead head;
  size_t header_bytes = 0;
  bool head_done = false;
  bool done = false;
  absl::Status result;           // once done
  absl::Status callback_status;  // why a callback ended the transfer

  absl::Span<char> out;  // where the reader wants the data
  size_t filled = 0;
  std::string overflow;  // what came at once with it but did not fit
  size_t overflow_taken = 0;
  bool paused = false;

  int64_t sent = 0, received = 0;
  int64_t progress = 0, window_start_progress = 0;  // bytes in any direction
  std::chrono::steady_clock::duration waited{};     // in this window
};

HttpTransfer::State::~State() {
  if (lane != nullptr) {
    curl_multi_remove_handle(lane->multi, lane->easy);
    curl_easy_reset(lane->easy);
    pool.Return(std::move(lane));
  }
  curl_slist_free_all(header_list);
}

void HttpTransfer::State::Prepare() {
  CURL* easy = lane->easy;
  SetString(easy, CURLOPT_URL, request.url);
  SetString(easy, CURLOPT_USERAGENT, pool.options().user_agent);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(pool.options().connect_timeout)));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
  SetProxy(easy, request.url);

  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_HEADERFUNCTION, +[](char* data, size_t, size_t size, void* self) {
        return static_cast<State*>(self)->OnHeader({data, size});
      });
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_WRITEFUNCTION, +[](char* data, size_t, size_t size, void* self) {
        return static_cast<State*>(self)->OnData({data, size});
      });
  PrepareBody();
  PrepareTls();
  for (const std::string& header : request.headers) {
    header_list = curl_slist_append(header_list, header.c_str());
  }
  header_list =
      curl_slist_append(header_list, "Expect:");  // it would cost a second where it is not understood
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header_list);
}

void HttpTransfer::State::PrepareBody() {
  CURL* easy = lane->easy;
  if (request.body != nullptr) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body_bytes));
    curl_easy_setopt(easy, CURLOPT_READDATA, this);
    curl_easy_setopt(
        easy, CURLOPT_READFUNCTION, +[](char* data, size_t size, size_t count, void* self) {
          return static_cast<State*>(self)->OnSend({data, size * count});
        });
    // Asked for where a kept connection turns out to be closed and the request is sent again.
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
    curl_easy_setopt(
        easy, CURLOPT_SEEKFUNCTION, +[](void* self, curl_off_t offset, int origin) -> int {
          return origin == SEEK_SET && static_cast<State*>(self)->OnSeek(offset) ? CURL_SEEKFUNC_OK
                                                                                 : CURL_SEEKFUNC_FAIL;
        });
  } else if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  } else if (request.method == "GET") {
    return;
  } else if (request.method != "DELETE") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.content.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.content.data());
    const auto is_type = [](const std::string& h) { return absl::StartsWithIgnoreCase(h, "content-type:"); };
    if (std::none_of(request.headers.begin(), request.headers.end(), is_type)) {
      header_list = curl_slist_append(header_list, "Content-Type:");  // not that of a form
    }
  }
  SetString(easy, CURLOPT_CUSTOMREQUEST, request.method);
}

void HttpTransfer::State::PrepareTls() {
  CURL* easy = lane->easy;
  const TlsConfig& tls = pool.tls();
  const long verify = tls.insecure() ? 0 : 1;
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify * 2);
  // No files for curl to read, for each connection again: the store is set instead.
  curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  if (tls.store() != nullptr) {
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, tls.store());
    curl_easy_setopt(
        easy, CURLOPT_SSL_CTX_FUNCTION, +[](CURL*, void* context, void* store) -> CURLcode {
          SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(context), static_cast<X509_STORE*>(store));
          return CURLE_OK;
        });
  }
  if (!tls.client_certificate().empty()) {
    SetString(easy, CURLOPT_SSLCERT, tls.client_certificate());
    SetString(easy, CURLOPT_SSLKEY, tls.client_key());
  }
}

size_t HttpTransfer::State::OnHeader(absl::string_view line) {
  progress += static_cast<int64_t>(line.size());
  header_bytes += line.size();
  if (header_bytes > kMaxHeaderBytes) {
    callback_status =
        absl::ResourceExhaustedError(absl::StrCat("headers of more than ", kMaxHeaderBytes, " bytes"));
    return 0;
  }
  const absl::string_view text = absl::StripAsciiWhitespace(line);
  if (absl::StartsWith(text, "HTTP/")) {
    head = HttpHead();
    const size_t space = text.find(' ');
    if (space != absl::string_view::npos) (void)absl::SimpleAtoi(text.substr(space + 1, 3), &head.status);
  } else if (text.empty()) {
    head_done = head.status >= 200;  // others announce that the real one follows
  } else if (const size_t colon = text.find(':'); colon != absl::string_view::npos && !head_done) {
    head.headers.emplace_back(absl::AsciiStrToLower(text.substr(0, colon)),
                              absl::StripAsciiWhitespace(text.substr(colon + 1)));
  }
  return line.size();
}

size_t HttpTransfer::State::OnData(absl::string_view data) {
  const size_t room = out.size() - filled;
  if (room == 0) {
    paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  const size_t now = std::min(room, data.size());
  memcpy(out.data() + filled, data.data(), now);
  filled += now;
  if (now < data.size()) overflow.append(data.data() + now, data.size() - now);
  progress += static_cast<int64_t>(data.size());
  received += static_cast<int64_t>(data.size());
  return data.size();
}

size_t HttpTransfer::State::OnSend(absl::Span<char> buffer) {
  if (request.body_bytes >= 0) {
    buffer = buffer.subspan(0, std::min<int64_t>(buffer.size(), request.body_bytes - sent));
  }
  if (buffer.empty()) return 0;
  const absl::StatusOr<size_t> count = request.body->Read(buffer);
  if (!count.ok()) callback_status = count.status();
  if (count.ok() && *count == 0 && request.body_bytes > sent) {
    callback_status =
        absl::DataLossError(absl::StrCat("upload: ended after ", sent, " of ", request.body_bytes, " bytes"));
  }
  if (!callback_status.ok()) return CURL_READFUNC_ABORT;
  sent += static_cast<int64_t>(*count);
  progress += static_cast<int64_t>(*count);
  return *count;
}

bool HttpTransfer::State::OnSeek(int64_t offset) {
  callback_status = request.body->Rewind(request.body_offset + offset);
  sent = offset;
  return callback_status.ok();
}

absl::Status HttpTransfer::State::Failure(CURLcode code) {
  if (!callback_status.ok()) return callback_status;
  long os_errno = 0;
  curl_easy_getinfo(lane->easy, CURLINFO_OS_ERRNO, &os_errno);
  return StatusOfCurl(code, error, static_cast<int>(os_errno), received);
}

absl::Status HttpTransfer::State::CheckStall(std::chrono::steady_clock::duration waited_now) {
  curl_off_t started = 0;  // until the connection stands, libcurl watches the time
  curl_easy_getinfo(lane->easy, CURLINFO_PRETRANSFER_TIME_T, &started);
  if (started == 0) return absl::OkStatus();
  waited += waited_now;
  auto limit = absl::ToChronoNanoseconds(pool.options().stall_timeout);
  const bool awaits_answer = !head_done && sent > 0 && (request.body_bytes < 0 || sent == request.body_bytes);
  if (awaits_answer) limit = std::max<std::chrono::nanoseconds>(limit, kMinAnswerTime);
  if (waited < limit) return absl::OkStatus();
  if (progress - window_start_progress < kMinWindowBytes) {
    return MarkTransient(absl::UnavailableError(
        absl::StrCat("stalled: ", progress - window_start_progress, " bytes in ",
                     absl::FormatDuration(absl::Seconds(absl::ToInt64Seconds(absl::FromChrono(limit)))))));
  }
  waited = {};
  window_start_progress = progress;
  return absl::OkStatus();
}

absl::Status HttpTransfer::State::Step() {
  if (pool.cancelled()) return absl::CancelledError("cancelled");
  int running = 0;
  const int64_t before = progress;
  const bool had_head = head_done;
  curl_multi_perform(lane->multi, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(lane->multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    done = true;
    result = message->data.result == CURLE_OK ? absl::OkStatus() : Failure(message->data.result);
  }
  if (done || progress != before || head_done != had_head || paused) return absl::OkStatus();
  const auto start = std::chrono::steady_clock::now();
  const int64_t wait = std::min<int64_t>(absl::ToInt64Milliseconds(pool.options().stall_timeout), 1000);
  curl_multi_poll(lane->multi, nullptr, 0, static_cast<int>(wait), nullptr);
  return CheckStall(std::chrono::steady_clock::now() - start);
}

HttpTransfer::HttpTransfer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpTransfer::~HttpTransfer() = default;

absl::StatusOr<std::unique_ptr<HttpTransfer>> HttpTransfer::Start(HttpPool& pool,
                                                                  const HttpRequest& request) {
  auto state = std::make_unique<State>(pool, request);
  if (request.body != nullptr) {
    const absl::Status rewound = request.body->Rewind(request.body_offset);
    if (!rewound.ok()) return rewound;
  }
  state->lane = pool.Borrow();
  state->Prepare();
  curl_multi_add_handle(state->lane->multi, state->lane->easy);
  while (!state->head_done && !state->done) {
    const absl::Status status = state->Step();
    if (!status.ok()) return status;
  }
  // An answer that came whole before the end of our body: what it says counts.
  if (!state->head_done) {
    if (!state->result.ok()) return state->result;
    return MarkTransient(absl::UnavailableError("the connection was closed without an answer"));
  }
  return std::unique_ptr<HttpTransfer>(new HttpTransfer(std::move(state)));
}

const HttpHead& HttpTransfer::head() const { return state_->head; }

int64_t HttpTransfer::content_length() const {
  int64_t length = -1;
  return absl::SimpleAtoi(head().Get("content-length"), &length) && length >= 0 ? length : -1;
}

absl::StatusOr<size_t> HttpTransfer::Read(absl::Span<char> buffer) {
  State& s = *state_;
  if (s.overflow_taken < s.overflow.size()) {
    const size_t count = std::min(buffer.size(), s.overflow.size() - s.overflow_taken);
    memcpy(buffer.data(), s.overflow.data() + s.overflow_taken, count);
    s.overflow_taken += count;
    return count;
  }
  s.overflow.clear();
  s.overflow_taken = 0;
  s.out = buffer;
  s.filled = 0;
  if (s.paused) {
    s.paused = false;
    curl_easy_pause(s.lane->easy, CURLPAUSE_CONT);
  }
  absl::Status status;
  while (s.filled == 0 && !s.done && status.ok()) status = s.Step();
  const size_t count = s.filled;
  s.out = {};
  s.filled = 0;
  if (count > 0) return count;
  if (!status.ok()) return status;
  if (!s.result.ok()) return s.result;
  return 0;
}

absl::StatusOr<std::string> HttpTransfer::ReadAll(size_t max_bytes) {
  const auto too_large = [&] {
    return absl::ResourceExhaustedError(
        absl::StrCat("the answer is larger than the ", max_bytes, " bytes allowed"));
  };
  const bool has_body = state_->request.method != "HEAD";
  if (has_body && content_length() > static_cast<int64_t>(max_bytes)) return too_large();
  std::string all;
  char buffer[16 << 10];
  while (true) {
    const absl::StatusOr<size_t> count = Read(absl::MakeSpan(buffer));
    if (!count.ok()) return count.status();
    if (*count == 0) return all;
    if (all.size() + *count > max_bytes) return too_large();
    all.append(buffer, *count);
  }
}

}  // namespace coracle::registry
