// Who we are, as one registry wants to see it: nothing, a password, or tokens that another server gives out.
// Source: docker's "Token Authentication Specification" and "OAuth2 Token Authentication"; RFC 7617, RFC
// 6750.
#ifndef CORACLE_REGISTRY_AUTH_H_
#define CORACLE_REGISTRY_AUTH_H_

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "registry/challenge.h"
#include "registry/client.h"
#include "registry/http.h"

namespace coracle::registry {

// Thread-safe. Whoever needs a token while another fetches one waits for that.
class Authenticator {
 public:
  // Sends a request to a token server, which `authorization` (may be empty) is for; the answer's body if it
  // was 200.
  using Fetch = absl::FunctionRef<absl::StatusOr<std::string>(const HttpRequest&)>;

  explicit Authenticator(Credentials credentials) : credentials_(std::move(credentials)) {}

  bool anonymous() const { return credentials_.empty(); }

  // The value of the Authorization header for a request that needs `scopes` (divided by spaces; "" for none);
  // empty as long as the registry has not asked for any. Errors: of fetching a token.
  absl::StatusOr<std::string> Authorization(absl::string_view scopes, Fetch fetch);

  // Takes note of a 401 that a request with Authorization `used` met, and of what the registry wants instead;
  // fetches a token if that is it. After this, Authorization gives another value. Errors: Unauthenticated if
  // there is nothing more to try; of fetching a token.
  absl::Status Refused(const std::vector<Challenge>& challenges, absl::string_view scopes,
                       absl::string_view used, Fetch fetch);

 private:
  enum class Scheme { kNone, kBasic, kBearer };
  struct Token {
    std::string value;
    absl::Time expires;
  };
  absl::Status FetchToken(absl::string_view scopes, Fetch fetch);
  HttpRequest TokenRequest(absl::string_view scopes) const;
  absl::Status TakeToken(absl::string_view scopes, absl::string_view body);
  std::string BasicValue() const;
  std::string Known(absl::string_view scopes) const;

  const Credentials credentials_;
  std::mutex mutex_;
  Scheme scheme_ = Scheme::kNone;
  std::string realm_, service_;
  std::map<std::string, Token, std::less<>> tokens_;            // by scopes
  std::map<std::string, std::string, std::less<>> challenged_;  // scopes that the registry named for ours
};

// All scopes of `a` and `b`, each once.
std::string JoinScopes(absl::string_view a, absl::string_view b);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_AUTH_H_
