#include "registry/error_body.h"

#include <cstddef>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/text.h"

namespace coracle::registry {
namespace {

constexpr size_t kMaxMessageBytes = 400;  // a proxy's whole page of HTML would hide the line it stands in

using Code = absl::StatusCode;

Code CodeOfHttpStatus(int status) {
  switch (status) {
    case 400:
    case 422:
      return Code::kInvalidArgument;
    case 401:
    case 407:
      return Code::kUnauthenticated;
    case 403:
    case 451:
      return Code::kPermissionDenied;
    case 404:
    case 410:
      return Code::kNotFound;
    case 405:
    case 501:
      return Code::kUnimplemented;
    case 409:
    case 412:
      return Code::kFailedPrecondition;
    case 413:
    case 507:
      return Code::kResourceExhausted;
    case 416:
      return Code::kOutOfRange;
    case 408:
    case 425:
    case 429:
      return Code::kUnavailable;
    default:
      return status >= 500 ? Code::kUnavailable : Code::kUnknown;
  }
}

// Only where the registry's word says more than the status, or another thing.
std::optional<Code> CodeOfRegistryCode(absl::string_view code) {
  if (code == "MANIFEST_UNKNOWN" || code == "NAME_UNKNOWN" || code == "BLOB_UNKNOWN" ||
      code == "BLOB_UPLOAD_UNKNOWN") {
    return Code::kNotFound;
  }
  if (code == "UNAUTHORIZED") return Code::kUnauthenticated;
  if (code == "DENIED") return Code::kPermissionDenied;
  if (code == "UNSUPPORTED") return Code::kUnimplemented;
  if (code == "TOOMANYREQUESTS") return Code::kUnavailable;
  if (code == "NAME_INVALID" || code == "MANIFEST_INVALID" || code == "MANIFEST_BLOB_UNKNOWN" ||
      code == "DIGEST_INVALID" || code == "SIZE_INVALID" || code == "TAG_INVALID") {
    return Code::kInvalidArgument;
  }
  return std::nullopt;
}

std::string StringMember(const Json& object, absl::string_view key) {
  const Json* member = Find(object, key);
  return member != nullptr && member->is_string() ? member->get_ref<const std::string&>() : std::string();
}

// "MANIFEST_UNKNOWN" as words.
std::string Words(absl::string_view code) {
  std::string words = absl::AsciiStrToLower(code);
  for (char& c : words) c = c == '_' ? ' ' : c;
  return words;
}

struct Said {
  std::string code, message;
};

Said ReadBody(absl::string_view body) {
  Said said;
  const auto json = ParseJson(body);
  if (!json.ok()) return said;
  if (const Json* errors = Find(*json, "errors");
      errors != nullptr && errors->is_array() && !errors->empty()) {
    said.code = StringMember(errors->front(), "code");
    said.message = StringMember(errors->front(), "message");
    if (said.message.empty()) said.message = Words(said.code);
    return said;
  }
  // Token servers and proxies have their own forms.
  for (const char* key : {"details", "message", "error_description", "error"}) {
    said.message = StringMember(*json, key);
    if (!said.message.empty()) break;
  }
  return said;
}

}  // namespace

absl::string_view ReasonPhrase(int http_status) {
  switch (http_status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 416:
      return "Range Not Satisfiable";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
    default:
      return "";
  }
}

absl::Status ErrorFromResponse(absl::string_view what, int http_status, absl::string_view body) {
  const Said said = ReadBody(body);
  const std::optional<Code> code = http_status >= 500
                                       ? std::nullopt
                                       : CodeOfRegistryCode(said.code);  // an overloaded one may say anything
  std::string message = said.message;
  if (message.size() > kMaxMessageBytes) message = absl::StrCat(message.substr(0, kMaxMessageBytes), "...");
  message = Printable(message);
  if (message.empty() || http_status >= 500) {
    const absl::string_view reason = ReasonPhrase(http_status);
    message =
        absl::StrCat(http_status, reason.empty() ? "" : " ", reason, message.empty() ? "" : ": ", message);
  }
  return absl::Status(code.value_or(CodeOfHttpStatus(http_status)), absl::StrCat(what, ": ", message));
}

}  // namespace coracle::registry
