// Programs that keep secrets: docker-credential-NAME, found in PATH.
//
// They are asked by one word as argument (get, store, erase, list) and JSON or text over standard input and
// output. Secrets go only that way: never into arguments, the environment, or messages. Source: the
// docker-credential-helpers project, "Development".
#ifndef CORACLE_REGISTRY_CREDENTIAL_HELPER_H_
#define CORACLE_REGISTRY_CREDENTIAL_HELPER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/client.h"

namespace coracle::registry {

// Invariant: a name of letters, digits and any of "._-", so that it is one program in PATH.
class CredentialHelper {
 public:
  // `name` is what stands behind "docker-credential-". Errors: InvalidArgument for a name that could be a
  // path.
  static absl::StatusOr<CredentialHelper> Named(absl::string_view name);

  // Errors of all: NotFound if the program is not there ("not in PATH") or has nothing for `server`;
  // Unavailable if it fails, with the first line that it printed; DeadlineExceeded if it does not end
  // (kHelperTimeout); InvalidArgument for an answer that is none.
  absl::StatusOr<Credentials> Get(absl::string_view server) const;
  absl::Status Store(absl::string_view server, const Credentials& credentials) const;
  absl::Status Erase(absl::string_view server) const;
  // The servers that it has something for.
  absl::StatusOr<std::vector<std::string>> List() const;

  const std::string& program() const { return program_; }
  bool installed() const;  // in PATH

 private:
  absl::StatusOr<std::string> Ask(const char* action, absl::string_view input) const;

  std::string program_;  // "docker-credential-pass"
};

// A helper may ask its user for a passphrase.
inline constexpr int kHelperTimeoutSeconds = 300;
inline constexpr size_t kMaxHelperAnswer = 1 << 20;

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_CREDENTIAL_HELPER_H_
