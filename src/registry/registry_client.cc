#include "registry/registry_client.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "registry/url.h"

namespace coracle::registry {
namespace {

constexpr size_t kMaxSmallAnswer = 1 << 20;
constexpr size_t kMaxTag = 128;

const std::vector<std::string>& AllManifestTypes() {
  static const auto* const types = new std::vector<std::string>{
      oci::kOciIndex, oci::kOciManifest, oci::kDockerManifestList, oci::kDockerManifest,
      // Refused by whoever reads them, but by their name rather than as "not found".
      oci::kDockerManifestV1Signed, oci::kDockerManifestV1};
  return *types;
}

bool IsPath(absl::string_view text) {
  const bool characters = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("._-/", c);
  });
  return characters && !text.empty() && text.front() != '/' && text.back() != '/' && text.size() <= 1024 &&
         !absl::StrContains(text, "//") && !absl::StrContains(text, "..");
}

bool IsTag(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxTag && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("._-", c);
         });
}

std::string Accept(absl::Span<const std::string> types) {
  return absl::StrCat("Accept: ", absl::StrJoin(types.empty() ? AllManifestTypes() : types, ", "));
}

// Without parameters.
std::string MediaType(const HttpHead& head) {
  const absl::string_view value = head.Get("content-type");
  return std::string(absl::StripAsciiWhitespace(value.substr(0, value.find(';'))));
}

// What the registry says the digest is; empty if it does not or says it in a way that we do not know.
oci::Digest SaidDigest(const HttpHead& head) {
  return oci::Digest::Parse(head.Get("docker-content-digest")).value_or(oci::Digest());
}

}  // namespace

std::string RegistryClient::FullName(absl::string_view repository) const {
  const absl::string_view prefix = absl::StripSuffix(session_.endpoint().path_prefix, "/");
  return prefix.empty() ? std::string(repository) : absl::StrCat(prefix, "/", repository);
}

absl::StatusOr<Request> RegistryClient::For(absl::string_view method, absl::string_view repository,
                                            absl::string_view rest, absl::string_view actions) const {
  const std::string name = FullName(repository);
  if (!IsPath(name))
    return absl::InvalidArgumentError(absl::StrCat("invalid repository '", Printable(name), "'"));
  Request request;
  request.http.method = std::string(method);
  request.http.url = absl::StrCat("/v2/", name, "/", rest);
  request.scopes = absl::StrCat("repository:", name, ":", actions);
  request.what = absl::StrCat(session_.endpoint().host, "/", name);
  return request;
}

absl::StatusOr<Request> RegistryClient::ForManifest(absl::string_view method, absl::string_view repository,
                                                    absl::string_view reference,
                                                    absl::string_view actions) const {
  const bool is_digest = oci::Digest::Parse(reference).ok();
  if (!is_digest && !IsTag(reference)) {
    return absl::InvalidArgumentError(absl::StrCat("invalid tag or digest '", Printable(reference), "'"));
  }
  ASSIGN_OR_RETURN(Request request, For(method, repository, absl::StrCat("manifests/", reference), actions));
  absl::StrAppend(&request.what, is_digest ? "@" : ":", reference);
  return request;
}

absl::StatusOr<Request> RegistryClient::ForBlob(absl::string_view method, absl::string_view repository,
                                                const oci::Digest& digest, absl::string_view actions) const {
  ASSIGN_OR_RETURN(Request request, For(method, repository, absl::StrCat("blobs/", digest.str()), actions));
  request.what = absl::StrCat(request.what, ": blob ", digest.str());
  return request;
}

absl::Status RegistryClient::Ping() {
  Request request;
  request.http.url = "/v2/";
  request.what = session_.endpoint().host;
  return session_.Call(request, kMaxSmallAnswer).status();
}

absl::StatusOr<FetchedManifest> RegistryClient::GetManifest(absl::string_view repository,
                                                            absl::string_view reference,
                                                            absl::Span<const std::string> accept) {
  ASSIGN_OR_RETURN(Request request, ForManifest("GET", repository, reference, "pull"));
  request.http.headers = {Accept(accept)};
  ASSIGN_OR_RETURN(Answer answer, session_.Call(request, oci::kMaxManifestBytes));
  FetchedManifest manifest;
  manifest.media_type = MediaType(answer.head);
  ASSIGN_OR_RETURN(manifest.digest, oci::Digest::FromHex(Sha256Hex(answer.body)));
  manifest.bytes = std::move(answer.body);
  const auto wanted = oci::Digest::Parse(reference);
  if (wanted.ok() && *wanted != manifest.digest) {
    return absl::DataLossError(
        absl::StrCat(request.what, ": the registry sent content with digest ", manifest.digest.str()));
  }
  const oci::Digest said = SaidDigest(answer.head);
  if (!said.empty() && said != manifest.digest) {
    return absl::DataLossError(absl::StrCat(request.what, ": the registry sent content with digest ",
                                            manifest.digest.str(), " and says that it is ", said.str()));
  }
  return manifest;
}

absl::StatusOr<ManifestInfo> RegistryClient::HeadManifest(absl::string_view repository,
                                                          absl::string_view reference,
                                                          absl::Span<const std::string> accept) {
  ASSIGN_OR_RETURN(Request request, ForManifest("HEAD", repository, reference, "pull"));
  request.http.headers = {Accept(accept)};
  ASSIGN_OR_RETURN(const Answer answer, session_.Call(request, kMaxSmallAnswer));
  ManifestInfo info;
  info.media_type = MediaType(answer.head);
  info.digest = SaidDigest(answer.head);
  if (!absl::SimpleAtoi(answer.head.Get("content-length"), &info.size)) info.size = -1;
  return info;
}

absl::Status RegistryClient::DeleteManifest(absl::string_view repository, absl::string_view reference) {
  ASSIGN_OR_RETURN(const Request request, ForManifest("DELETE", repository, reference, "delete"));
  return session_.Call(request, kMaxSmallAnswer).status();
}

absl::StatusOr<bool> RegistryClient::HasBlob(absl::string_view repository, const oci::Digest& digest) {
  ASSIGN_OR_RETURN(const Request request, ForBlob("HEAD", repository, digest, "pull"));
  const absl::Status status = session_.Call(request, kMaxSmallAnswer).status();
  if (absl::IsNotFound(status)) return false;
  if (!status.ok()) return status;
  return true;
}

absl::Status RegistryClient::DeleteBlob(absl::string_view repository, const oci::Digest& digest) {
  ASSIGN_OR_RETURN(const Request request, ForBlob("DELETE", repository, digest, "delete"));
  return session_.Call(request, kMaxSmallAnswer).status();
}

absl::StatusOr<std::string> RegistryClient::Get(absl::string_view path, size_t max_bytes) {
  if (!absl::StartsWith(path, "/")) return absl::InvalidArgumentError(absl::StrCat("no path: '", path, "'"));
  Request request;
  request.http.url = std::string(path);
  request.what = absl::StrCat(session_.endpoint().host, path.substr(0, path.find('?')));
  ASSIGN_OR_RETURN(Answer answer, session_.Call(request, max_bytes));
  return std::move(answer.body);
}

absl::StatusOr<std::unique_ptr<Client>> Client::Create(const Endpoint& endpoint,
                                                       const Credentials& credentials,
                                                       const ClientOptions& options) {
  const std::string url = absl::StrCat("https://", endpoint.host, "/");
  const bool plain = endpoint.host.find_first_of("/?#@\\") == std::string::npos && !endpoint.host.empty();
  if (!plain || HostOf(url).empty()) {
    return absl::InvalidArgumentError(absl::StrCat("invalid registry '", Printable(endpoint.host), "'"));
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const TlsConfig> tls,
                   TlsConfig::Load(endpoint.certificate_dirs, endpoint.insecure), "registry ", endpoint.host);
  return std::make_unique<RegistryClient>(endpoint, credentials, options, std::move(tls));
}

}  // namespace coracle::registry
