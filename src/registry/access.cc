#include "registry/access.h"

#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "registry/certificates.h"
#include "registry/short_names.h"

namespace coracle::registry {
namespace {

bool Same(const Credentials& a, const Credentials& b) {
  return a.username == b.username && a.password == b.password && a.identity_token == b.identity_token;
}

absl::Status CheckExists(absl::string_view option, const std::string& path) {
  struct stat st;
  if (path.empty() || stat(path.c_str(), &st) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat(option, " ", path));
}

}  // namespace

absl::StatusOr<Credentials> ParseCreds(absl::string_view text) {
  const size_t colon = text.find(':');
  Credentials credentials;
  credentials.username = std::string(text.substr(0, colon));
  if (colon != absl::string_view::npos) credentials.password = std::string(text.substr(colon + 1));
  if (credentials.username.empty()) return absl::InvalidArgumentError("--creds: expected USER:PASSWORD");
  return credentials;
}

absl::StatusOr<Access> Access::Open(AccessOptions options) {
  if (!options.creds.empty()) RETURN_IF_ERROR(ParseCreds(options.creds).status());
  RETURN_IF_ERROR(CheckExists("--cert-dir", options.cert_dir));
  ASSIGN_OR_RETURN(RegistriesConfig config, LoadRegistriesConf(options.paths));
  RETURN_IF_ERROR(MergeRecordedShortNames(options.paths, config));
  return Access(std::move(options), std::move(config));
}

Access::Access(AccessOptions options, RegistriesConfig config)
    : options_(std::move(options)),
      config_(std::move(config)),
      credentials_(options_.paths, options_.authfile) {}

absl::Status Access::RecordChoice(absl::string_view text, const oci::ImageReference& chosen) const {
  return RecordShortName(options_.paths, text, chosen);
}

absl::StatusOr<std::vector<Location>> Access::ForPull(const oci::ImageReference& reference) const {
  ASSIGN_OR_RETURN(std::vector<Location> locations, LocateForPull(config_, reference));
  for (Location& location : locations) location.insecure = Insecure(location.insecure);
  return locations;
}

absl::StatusOr<Location> Access::ForPush(const oci::ImageReference& reference) const {
  ASSIGN_OR_RETURN(Location location, LocateForPush(config_, reference));
  location.insecure = Insecure(location.insecure);
  return location;
}

bool Access::IsInsecure(absl::string_view domain) const { return Insecure(IsInsecureHost(config_, domain)); }

Endpoint Access::EndpointFor(absl::string_view domain, bool insecure) const {
  Endpoint endpoint;
  endpoint.host = std::string(domain);
  endpoint.insecure = insecure;
  if (options_.cert_dir.empty()) {
    endpoint.certificate_dirs = CertificateDirs(options_.paths, domain);
  } else {
    endpoint.certificate_dirs = {options_.cert_dir};
  }
  return endpoint;
}

absl::StatusOr<Client*> Access::Connect(const Location& location) {
  const std::string& host = location.reference.domain();
  Credentials credentials;
  if (!options_.creds.empty()) {
    ASSIGN_OR_RETURN(credentials, ParseCreds(options_.creds));
  } else if (!options_.anonymous) {
    ASSIGN_OR_RETURN(credentials, credentials_.Find(location.reference.name()), "credentials for ", host);
  }
  for (const Connection& known : connections_) {
    if (known.host == host && known.insecure == location.insecure && Same(known.credentials, credentials)) {
      return known.client.get();
    }
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Client> client, ConnectAs(host, location.insecure, credentials));
  connections_.push_back({host, location.insecure, std::move(credentials), std::move(client)});
  return connections_.back().client.get();
}

absl::StatusOr<std::unique_ptr<Client>> Access::ConnectAs(absl::string_view domain, bool insecure,
                                                          const Credentials& credentials) const {
  return Client::Create(EndpointFor(domain, insecure), credentials, options_.client);
}

}  // namespace coracle::registry
