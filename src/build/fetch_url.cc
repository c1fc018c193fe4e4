#include "build/fetch_url.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "os/file.h"
#include "registry/http.h"
#include "registry/tls.h"
#include "registry/transient.h"
#include "registry/url.h"

namespace coracle::build {
namespace {

constexpr int kMaxRedirects = 10;
constexpr int kAttempts = 4;
constexpr absl::Duration kFirstDelay = absl::Milliseconds(500);
constexpr size_t kBufferBytes = 256 << 10;
constexpr char kPartName[] = ".part";

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

absl::Status StatusOf(const std::string& url, int code) {
  const std::string message = absl::StrCat("GET ", Printable(url), ": HTTP status ", code);
  if (registry::IsTransientHttpStatus(code)) return registry::MarkTransient(absl::UnavailableError(message));
  if (code == 404 || code == 410) return absl::NotFoundError(message);
  if (code == 401 || code == 403) return absl::PermissionDeniedError(message);
  return absl::UnavailableError(message);
}

struct Answer {
  std::unique_ptr<registry::HttpTransfer> transfer;
  std::string url;  // after redirects
};

absl::StatusOr<Answer> Open(registry::HttpPool& pool, const std::string& url) {
  Answer answer;
  answer.url = url;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    registry::HttpRequest request;
    request.url = answer.url;
    ASSIGN_OR_RETURN(answer.transfer, registry::HttpTransfer::Start(pool, request), "GET ",
                     Printable(answer.url));
    const int status = answer.transfer->head().status;
    if (status >= 200 && status < 300) return answer;
    if (!IsRedirect(status)) return StatusOf(answer.url, status);
    ASSIGN_OR_RETURN(const std::string next,
                     registry::ResolveUrl(answer.url, std::string(answer.transfer->head().Get("location"))),
                     "GET ", Printable(answer.url), ": redirect");
    if (absl::StartsWith(answer.url, "https:") && absl::StartsWith(next, "http:")) {
      return absl::FailedPreconditionError(
          absl::StrCat("GET ", Printable(answer.url), ": redirected from HTTPS to HTTP, refused"));
    }
    answer.url = next;
  }
  return absl::UnavailableError(
      absl::StrCat("GET ", Printable(url), ": redirected more than ", kMaxRedirects, " times"));
}

bool IsName(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." && name != kPartName && name.size() <= 255 &&
         !absl::StrContains(name, '/') && !absl::StrContains(name, '\0');
}

// RFC 6266: filename=NAME or filename="NAME".
std::string NameOf(const Answer& answer, const std::string& url) {
  const absl::string_view header = answer.transfer->head().Get("content-disposition");
  for (absl::string_view part : absl::StrSplit(header, ';')) {
    part = absl::StripAsciiWhitespace(part);
    if (!absl::ConsumePrefix(&part, "filename=")) continue;
    if (absl::ConsumePrefix(&part, "\"")) (void)absl::ConsumeSuffix(&part, "\"");
    if (IsName(part)) return std::string(part);
  }
  absl::string_view path = url;
  path = path.substr(0, path.find_first_of("?#"));
  path.remove_prefix(path.find("://") + 3);
  const size_t slash = path.rfind('/');
  const absl::string_view last = slash == absl::string_view::npos ? "" : path.substr(slash + 1);
  return IsName(last) ? std::string(last) : "";
}

std::optional<timespec> TimeOf(const Answer& answer) {
  absl::Time time;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", answer.transfer->head().Get("last-modified"), &time,
                       nullptr))
    return std::nullopt;
  return absl::ToTimespec(time);
}

absl::StatusOr<FetchedFile> FetchOnce(registry::HttpPool& pool, const std::string& url,
                                      const std::string& directory, int64_t max_bytes) {
  ASSIGN_OR_RETURN(const Answer answer, Open(pool, url));
  FetchedFile fetched;
  fetched.name = NameOf(answer, url);
  const std::string part = absl::StrCat(directory, "/", kPartName);
  (void)unlink(part.c_str());
  ASSIGN_OR_RETURN(const os::UniqueFd file, os::OpenAt(AT_FDCWD, part, O_WRONLY | O_CREAT | O_EXCL, 0600));
  absl::Cleanup remove = [&part] { (void)unlink(part.c_str()); };
  Sha256 sha;
  std::string buffer(kBufferBytes, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t count, answer.transfer->Read(absl::MakeSpan(&buffer[0], buffer.size())),
                     "GET ", Printable(answer.url));
    if (count == 0) break;
    fetched.bytes += static_cast<int64_t>(count);
    if (fetched.bytes > max_bytes)
      return absl::ResourceExhaustedError(
          absl::StrCat("GET ", Printable(url), ": more than ", max_bytes, " bytes"));
    const absl::string_view data(buffer.data(), count);
    sha.Update(data);
    RETURN_IF_ERROR(os::WriteAll(file.get(), data));
  }
  fetched.sha256 = sha.HexDigest();
  const auto time = TimeOf(answer);
  if (time.has_value()) {
    const timespec times[2] = {*time, *time};
    if (futimens(file.get(), times) != 0) return ErrnoStatus(errno, "set the time of a fetched file");
  }
  const std::string name = fetched.name.empty() ? "download" : fetched.name;
  if (rename(part.c_str(), absl::StrCat(directory, "/", name).c_str()) != 0)
    return ErrnoStatus(errno, absl::StrCat("rename ", part));
  std::move(remove).Cancel();
  return fetched;
}

}  // namespace

bool IsHttpUrl(absl::string_view text) {
  return absl::StartsWith(text, "http://") || absl::StartsWith(text, "https://");
}

absl::StatusOr<FetchedFile> FetchUrl(const std::string& url, const std::string& directory,
                                     int64_t max_bytes) {
  ASSIGN_OR_RETURN(const auto tls, registry::TlsConfig::Load({}, /*insecure=*/false));
  registry::HttpOptions options;
  options.connect_timeout = absl::Seconds(30);
  options.stall_timeout = absl::Seconds(60);
  options.user_agent = "coracle";
  registry::HttpPool pool(options, tls);
  absl::Duration delay = kFirstDelay;
  for (int attempt = 1;; ++attempt, delay *= 2) {
    auto fetched = FetchOnce(pool, url, directory, max_bytes);
    if (fetched.ok() || attempt == kAttempts || !registry::IsTransient(fetched.status())) {
      if (!fetched.ok()) return registry::WithoutMark(fetched.status());
      return fetched;
    }
    absl::SleepFor(std::max(delay, registry::RetryAfterOf(fetched.status()).value_or(delay)));
  }
}

}  // namespace coracle::build
