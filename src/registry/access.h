// From the name of an image and the options of a command to clients that are ready to ask: registries.conf,
// credentials, certificates and retries put together.
//
//   ASSIGN_OR_RETURN(registry::Access access, registry::Access::Open(options));
//   ASSIGN_OR_RETURN(registry::ResolvedName name, access.Resolve("debian", interactive));
//   for (const oci::ImageReference& candidate : name.candidates) {
//     ASSIGN_OR_RETURN(std::vector<registry::Location> locations, access.ForPull(candidate));
//     for (const registry::Location& location : locations) {
//       ASSIGN_OR_RETURN(registry::Client * client, access.Connect(location));
//       client->GetManifest(location.reference.path(), ...)
//
// What is recorded in the store is the candidate's name, never the location's.
#ifndef CORACLE_REGISTRY_ACCESS_H_
#define CORACLE_REGISTRY_ACCESS_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/client.h"
#include "registry/credentials.h"
#include "registry/locate.h"
#include "registry/registries_conf.h"
#include "registry/user_paths.h"

namespace coracle::registry {

// What a command's options say; what they leave open, files and environment do.
struct AccessOptions {
  UserPaths paths;
  std::string authfile;            // --authfile; empty: the usual ones
  std::string creds;               // --creds USER[:PASSWORD]
  bool anonymous = false;          // no credentials, whatever the files have
  std::optional<bool> tls_verify;  // --tls-verify; goes before what registries.conf says
  std::string cert_dir;            // --cert-dir; empty: certs.d
  ClientOptions client;            // --retry, --retry-delay
};

// USER[:PASSWORD], as --creds takes it. Errors: InvalidArgument without a user; the text is not in the
// message.
absl::StatusOr<Credentials> ParseCreds(absl::string_view text);

class Access {
 public:
  // Reads registries.conf and the file of recorded short names. Errors: as LoadRegistriesConf and ParseCreds;
  // NotFound for a cert_dir or authfile that is not there.
  static absl::StatusOr<Access> Open(AccessOptions options);

  const RegistriesConfig& config() const { return config_; }
  CredentialStore& credentials() { return credentials_; }

  // As in locate.h, with --tls-verify applied to `insecure`.
  absl::StatusOr<ResolvedName> Resolve(absl::string_view text, bool interactive) const {
    return ResolveName(config_, text, interactive);
  }
  // What the user chose when ResolvedName::ask was set, once it was pulled.
  absl::Status RecordChoice(absl::string_view text, const oci::ImageReference& chosen) const;
  absl::StatusOr<std::vector<Location>> ForPull(const oci::ImageReference& reference) const;
  absl::StatusOr<Location> ForPush(const oci::ImageReference& reference) const;
  // A registry itself, not an image in it: for login and search. `domain` is host[:port].
  bool IsInsecure(absl::string_view domain) const;

  // A client for the registry of `location`, with the credentials for that repository: looked for here, so
  // that a helper is asked only for what is used. The client belongs to this object, which gives the same one
  // for the same host and credentials. Errors: of the credentials; as Client::Create.
  absl::StatusOr<Client*> Connect(const Location& location);
  // One with given credentials (what login has to try), not kept.
  absl::StatusOr<std::unique_ptr<Client>> ConnectAs(absl::string_view domain, bool insecure,
                                                    const Credentials& credentials) const;

  // Problems that were survived, a line each: for standard error.
  std::vector<std::string> TakeWarnings() { return credentials_.TakeWarnings(); }

 private:
  struct Connection {
    std::string host;
    bool insecure;
    Credentials credentials;
    std::unique_ptr<Client> client;
  };
  Access(AccessOptions options, RegistriesConfig config);
  Endpoint EndpointFor(absl::string_view domain, bool insecure) const;
  bool Insecure(bool configured) const {
    return options_.tls_verify.has_value() ? !*options_.tls_verify : configured;
  }

  AccessOptions options_;
  RegistriesConfig config_;
  CredentialStore credentials_;
  std::vector<Connection> connections_;
};

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_ACCESS_H_
