#include "registry/http_error.h"

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "registry/http.h"
#include "registry/transient.h"

namespace coracle::registry {
namespace {

constexpr char kNotTls[] = "coracle/not-tls";
constexpr char kTrustHint[] =
    "to trust it, put its CA as a .crt file into its directory of certs.d, or use '--tls-verify=false'";

absl::Status NotTls(absl::Status status) {
  status.SetPayload(kNotTls, absl::Cord());
  return status;
}

// The name, or what went wrong; never raw.
std::string Detail(CURLcode code, absl::string_view detail) {
  return Printable(detail.empty() ? curl_easy_strerror(code) : detail);
}

absl::Status ConnectError(CURLcode code, absl::string_view detail, int os_errno) {
  if (os_errno == 0) return NotTls(absl::UnavailableError(absl::StrCat("connect: ", Detail(code, detail))));
  const std::string cause(ErrnoStatus(os_errno, "connect").message());
  return NotTls(absl::UnavailableError(cause));
}

absl::Status HandshakeError(CURLcode code, absl::string_view detail, int os_errno) {
  // libcurl passes OpenSSL's words on, which are the only sign.
  if (absl::StrContains(detail, "wrong version number") ||
      absl::StrContains(detail, "packet length too long") || absl::StrContains(detail, "http request")) {
    return NotTls(WithHint(absl::FailedPreconditionError("the server speaks HTTP, not HTTPS"),
                           "for a registry without TLS use '--tls-verify=false'"));
  }
  if (os_errno != 0 || absl::StrContains(detail, "SSL_ERROR_SYSCALL") ||
      absl::StrContains(detail, "Connection reset")) {
    return NotTls(MarkTransient(absl::UnavailableError(absl::StrCat("TLS: ", Detail(code, detail)))));
  }
  return NotTls(absl::FailedPreconditionError(absl::StrCat("TLS: ", Detail(code, detail))));
}

}  // namespace

bool IsNotTls(const absl::Status& status) { return status.GetPayload(kNotTls).has_value(); }

absl::Status StatusOfCurl(CURLcode code, absl::string_view detail, int os_errno, int64_t received) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return absl::UnavailableError(Detail(code, detail));
    case CURLE_COULDNT_CONNECT:
      return ConnectError(code, detail, os_errno);
    case CURLE_OPERATION_TIMEDOUT:
      return NotTls(absl::UnavailableError("connect: timed out"));
    case CURLE_PEER_FAILED_VERIFICATION:
      return WithHint(absl::FailedPreconditionError(absl::StrCat("TLS: ", Detail(code, detail))), kTrustHint);
    case CURLE_SSL_CONNECT_ERROR:
      return HandshakeError(code, detail, os_errno);
    case CURLE_SSL_CERTPROBLEM:
      return absl::InvalidArgumentError(absl::StrCat("client certificate: ", Detail(code, detail)));
    case CURLE_RECV_ERROR:
      // TLS 1.3: what the server thinks of our certificate is heard only after the handshake.
      if (absl::StrContains(detail, " alert ")) {
        return absl::FailedPreconditionError(
            absl::StrCat("TLS: the server wants another client certificate: ", Detail(code, detail)));
      }
      [[fallthrough]];
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SEND_FAIL_REWIND:
      return MarkTransient(absl::UnavailableError(
          absl::StrCat("connection cut after ", received, " bytes: ", Detail(code, detail))));
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return absl::InvalidArgumentError(Detail(code, detail));
    case CURLE_WEIRD_SERVER_REPLY:
      return absl::DataLossError(absl::StrCat("no answer in HTTP: ", Detail(code, detail)));
    case CURLE_OUT_OF_MEMORY:
      return absl::ResourceExhaustedError(Detail(code, detail));
    default:
      return absl::UnknownError(Detail(code, detail));
  }
}

}  // namespace coracle::registry
