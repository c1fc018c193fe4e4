#include "registry/url.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace coracle::registry {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

std::string Part(const Url& url, CURLUPart part, unsigned flags = 0) {
  char* value = nullptr;
  if (curl_url_get(url.get(), part, &value, flags) != CURLUE_OK) return "";
  std::string copy(value);
  curl_free(value);
  return copy;
}

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' || c == '~';
}

}  // namespace

absl::StatusOr<std::string> ResolveUrl(const std::string& base, const std::string& reference) {
  const Url url(curl_url());
  const bool parsed =
      url != nullptr && curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) == CURLUE_OK &&
      curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), CURLU_DISALLOW_USER) == CURLUE_OK;
  const std::string scheme = parsed ? Part(url, CURLUPART_SCHEME) : "";
  if (scheme != "http" && scheme != "https") {
    return absl::InvalidArgumentError(
        absl::StrCat("invalid URL '", Printable(reference.substr(0, 200)), "'"));
  }
  return Part(url, CURLUPART_URL);
}

std::string OriginOf(const std::string& text) {
  const Url url(curl_url());
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return "";
  return absl::AsciiStrToLower(absl::StrCat(Part(url, CURLUPART_SCHEME), "://", Part(url, CURLUPART_HOST),
                                            ":", Part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT)));
}

std::string HostOf(const std::string& text) {
  const Url url(curl_url());
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return "";
  return Part(url, CURLUPART_HOST);
}

std::string QueryEscape(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      escaped.push_back(c);
    } else {
      constexpr char kDigits[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      absl::StrAppend(&escaped, "%", absl::string_view(&kDigits[byte >> 4], 1),
                      absl::string_view(&kDigits[byte & 15], 1));
    }
  }
  return escaped;
}

std::string WithQuery(absl::string_view url, absl::string_view name, absl::string_view value) {
  const char* separator = url.find('?') == absl::string_view::npos ? "?" : "&";
  return absl::StrCat(url, separator, name, "=", QueryEscape(value));
}

}  // namespace coracle::registry
