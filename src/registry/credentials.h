// Who we are for a registry: the files and helper programs that know, in their order; and changing them.
//
// Read: the file that an option or variable names and no other; else $XDG_RUNTIME_DIR/containers/auth.json
// (the one that login writes), ~/.config/containers/auth.json, docker's config.json and ~/.dockercfg. In each
// file the most specific entry counts, and a helper that it names for the registry (credHelpers) goes before
// its entries, those before its general helper (credsStore). Source: containers-auth.json(5).
#ifndef CORACLE_REGISTRY_CREDENTIALS_H_
#define CORACLE_REGISTRY_CREDENTIALS_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "registry/auth_file.h"
#include "registry/client.h"
#include "registry/user_paths.h"

namespace coracle::registry {

struct AuthFilePath {
  std::string path;
  bool legacy = false;
};

class CredentialStore {
 public:
  // `chosen`: the file that the user chose (--authfile), or "": then $REGISTRY_AUTH_FILE. Reads nothing yet.
  CredentialStore(const UserPaths& paths, absl::string_view chosen);

  // Where Save and Remove write. Empty if the environment does not say.
  const std::string& primary() const { return primary_; }

  // For `name`, a registry or repository ("quay.io/team/image"). Empty credentials if there are none. A file
  // that nobody chose and that can't be read, and a general helper that fails, become warnings. Errors: of
  // the primary file, of a helper that is named for this registry; NotFound if a chosen file is not there.
  absl::StatusOr<Credentials> Find(absl::string_view name);
  // The same for exactly this key, not for what stands above it.
  absl::StatusOr<Credentials> FindExactly(absl::string_view key);

  // With the helper that the files name, else in the primary file (made, with its directories, if missing).
  // Returns the path or program that has them now. Errors: InvalidArgument for a user name with a colon, or a
  // primary file that is malformed, which stays as it is; else of the helper or of writing.
  absl::StatusOr<std::string> Save(absl::string_view key, const Credentials& credentials);
  // False if there was nothing where Save would have written.
  absl::StatusOr<bool> Remove(absl::string_view key);
  // All that the primary file and its helpers have.
  absl::Status RemoveAll();

  // What was survived since the last call, a line each.
  std::vector<std::string> TakeWarnings();

 private:
  absl::StatusOr<Credentials> FindIn(const AuthFile& file, absl::Span<const std::string> keys);
  absl::StatusOr<Credentials> AskHelpers(const AuthFile& file, absl::string_view host);
  absl::StatusOr<Credentials> FindAny(absl::Span<const std::string> keys);
  absl::StatusOr<std::string> HelperToWrite(absl::string_view host);

  std::vector<AuthFilePath> files_;
  std::string primary_;
  bool must_exist_ = false;
  std::vector<std::string> warnings_;
};

// Reads `path` (an empty document if there is none), lets `change` alter it, and, if that returns true,
// replaces it whole, with mode 0600, synced; a symbolic link stays one. Others who do the same meanwhile are
// waited for.
absl::Status ChangeAuthFile(const std::string& path,
                            absl::FunctionRef<absl::StatusOr<bool>(AuthFile&)> change);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_CREDENTIALS_H_
