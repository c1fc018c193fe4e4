// URLs, by libcurl's own parser, so that what is checked is what is asked.
#ifndef CORACLE_REGISTRY_URL_H_
#define CORACLE_REGISTRY_URL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::registry {

// `reference`, absolute or relative, as seen from `base` (RFC 3986 section 5). Errors: InvalidArgument if it
// is neither http nor https, carries a user, or is malformed.
absl::StatusOr<std::string> ResolveUrl(const std::string& base, const std::string& reference);

// "https://host:port", the port always named; empty if `url` is none.
std::string OriginOf(const std::string& url);
// "host"; an IPv6 address with its brackets; empty if `url` is none.
std::string HostOf(const std::string& url);

// `text` as the value of a query's parameter.
std::string QueryEscape(absl::string_view text);

// `url` with "name=value" added to its query.
std::string WithQuery(absl::string_view url, absl::string_view name, absl::string_view value);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_URL_H_
