#include "registry/auth.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/status.h"
#include "registry/url.h"

namespace coracle::registry {
namespace {

// docker's specification: a token without "expires_in" lives this long.
constexpr absl::Duration kDefaultLifetime = absl::Seconds(60);
// A token that ends soon may end on the way.
constexpr absl::Duration kSafetyMargin = absl::Seconds(5);
constexpr size_t kMaxTokenBytes = 64 << 10;
constexpr char kClientId[] = "coracle";

std::string StringMember(const Json& object, absl::string_view key) {
  const Json* member = Find(object, key);
  return member != nullptr && member->is_string() ? member->get_ref<const std::string&>() : std::string();
}

bool IsHeaderSafe(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

std::string JoinScopes(absl::string_view a, absl::string_view b) {
  std::vector<absl::string_view> all = absl::StrSplit(a, ' ', absl::SkipEmpty());
  for (absl::string_view scope : absl::StrSplit(b, ' ', absl::SkipEmpty())) {
    if (std::find(all.begin(), all.end(), scope) == all.end()) all.push_back(scope);
  }
  return absl::StrJoin(all, " ");
}

std::string Authenticator::BasicValue() const {
  return absl::StrCat("Basic ",
                      absl::Base64Escape(absl::StrCat(credentials_.username, ":", credentials_.password)));
}

std::string Authenticator::Known(absl::string_view scopes) const {
  if (scheme_ == Scheme::kBasic) return BasicValue();
  const auto token = tokens_.find(scopes);
  if (token == tokens_.end() || token->second.expires <= absl::Now()) return "";
  return absl::StrCat("Bearer ", token->second.value);
}

absl::StatusOr<std::string> Authenticator::Authorization(absl::string_view scopes, Fetch fetch) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (scheme_ == Scheme::kBearer && Known(scopes).empty()) RETURN_IF_ERROR(FetchToken(scopes, fetch));
  return Known(scopes);
}

absl::Status Authenticator::Refused(const std::vector<Challenge>& challenges, absl::string_view scopes,
                                    absl::string_view used, Fetch fetch) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string known = Known(scopes);
  if (!known.empty() && known != used) return absl::OkStatus();  // another thread has asked meanwhile
  tokens_.erase(std::string(scopes));
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme == "bearer" && !challenge.Get("realm").empty()) {
      scheme_ = Scheme::kBearer;
      realm_ = std::string(challenge.Get("realm"));
      service_ = std::string(challenge.Get("service"));
      challenged_[std::string(scopes)] = std::string(challenge.Get("scope"));
      return FetchToken(scopes, fetch);
    }
  }
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme != "basic" || credentials_.username.empty() || used == BasicValue()) continue;
    scheme_ = Scheme::kBasic;
    return absl::OkStatus();
  }
  return absl::UnauthenticatedError("authentication required");
}

HttpRequest Authenticator::TokenRequest(absl::string_view scopes) const {
  const auto challenged = challenged_.find(scopes);
  const std::string all = JoinScopes(scopes, challenged == challenged_.end() ? "" : challenged->second);
  HttpRequest request;
  if (!credentials_.identity_token.empty()) {
    request.method = "POST";
    request.url = realm_;
    request.headers = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json"};
    request.content = absl::StrCat("grant_type=refresh_token&service=", QueryEscape(service_),
                                   "&client_id=", kClientId, "&scope=", QueryEscape(all),
                                   "&refresh_token=", QueryEscape(credentials_.identity_token));
    return request;
  }
  request.url = realm_;
  if (!credentials_.username.empty()) request.url = WithQuery(request.url, "account", credentials_.username);
  if (!service_.empty()) request.url = WithQuery(request.url, "service", service_);
  for (absl::string_view scope : absl::StrSplit(all, ' ', absl::SkipEmpty())) {
    request.url = WithQuery(request.url, "scope", scope);
  }
  request.headers = {"Accept: application/json"};
  if (!credentials_.username.empty())
    request.headers.push_back(absl::StrCat("Authorization: ", BasicValue()));
  return request;
}

absl::Status Authenticator::FetchToken(absl::string_view scopes, Fetch fetch) {
  ASSIGN_OR_RETURN(const std::string body, fetch(TokenRequest(scopes)));
  return TakeToken(scopes, body);
}

absl::Status Authenticator::TakeToken(absl::string_view scopes, absl::string_view body) {
  const auto json = ParseJson(body);
  std::string value;
  if (json.ok()) value = StringMember(*json, "token");
  if (json.ok() && value.empty()) value = StringMember(*json, "access_token");
  if (value.empty() || value.size() > kMaxTokenBytes || !IsHeaderSafe(value)) {
    return absl::DataLossError(absl::StrCat("the token server ", OriginOf(realm_), " sent no token"));
  }
  absl::Duration lifetime = kDefaultLifetime;
  const Json* expires = Find(*json, "expires_in");
  if (expires != nullptr && expires->is_number_integer()) {
    lifetime = std::max(lifetime, absl::Seconds(expires->get<int64_t>()));
  }
  tokens_[std::string(scopes)] = Token{value, absl::Now() + lifetime - kSafetyMargin};
  return absl::OkStatus();
}

}  // namespace coracle::registry
