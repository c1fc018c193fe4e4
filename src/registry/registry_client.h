// The Client of client.h, over a Session.
#ifndef CORACLE_REGISTRY_REGISTRY_CLIENT_H_
#define CORACLE_REGISTRY_REGISTRY_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "registry/client.h"
#include "registry/session.h"

namespace coracle::registry {

class RegistryClient : public Client {
 public:
  RegistryClient(const Endpoint& endpoint, const Credentials& credentials, const ClientOptions& options,
                 std::shared_ptr<const TlsConfig> tls)
      : session_(endpoint, credentials, options, std::move(tls)) {}

  absl::Status Ping() override;
  absl::StatusOr<FetchedManifest> GetManifest(absl::string_view repository, absl::string_view reference,
                                              absl::Span<const std::string> accept) override;
  absl::StatusOr<ManifestInfo> HeadManifest(absl::string_view repository, absl::string_view reference,
                                            absl::Span<const std::string> accept) override;
  absl::Status PutManifest(absl::string_view repository, absl::string_view reference, absl::string_view bytes,
                           absl::string_view media_type) override;
  absl::Status DeleteManifest(absl::string_view repository, absl::string_view reference) override;

  absl::StatusOr<bool> HasBlob(absl::string_view repository, const oci::Digest& digest) override;
  absl::StatusOr<std::unique_ptr<BlobReader>> OpenBlob(absl::string_view repository,
                                                       const oci::Digest& digest, int64_t offset) override;
  absl::StatusOr<UploadResult> UploadBlob(absl::string_view repository, UploadBody& body,
                                          const UploadOptions& options) override;
  absl::StatusOr<bool> MountBlob(absl::string_view repository, absl::string_view from,
                                 const oci::Digest& digest) override;
  absl::Status DeleteBlob(absl::string_view repository, const oci::Digest& digest) override;

  absl::StatusOr<std::vector<std::string>> Tags(absl::string_view repository) override;
  absl::StatusOr<std::vector<std::string>> Catalog() override;
  absl::StatusOr<oci::Index> Referrers(absl::string_view repository, const oci::Digest& digest,
                                       absl::string_view artifact_type) override;
  absl::StatusOr<std::string> Get(absl::string_view path, size_t max_bytes) override;
  void Cancel() override { session_.pool().Cancel(); }

 private:
  // A request for "/v2/<repository>/<rest>", checked. `actions` are those of its token's scope: "pull,push".
  absl::StatusOr<Request> For(absl::string_view method, absl::string_view repository, absl::string_view rest,
                              absl::string_view actions) const;
  absl::StatusOr<Request> ForManifest(absl::string_view method, absl::string_view repository,
                                      absl::string_view reference, absl::string_view actions) const;
  absl::StatusOr<Request> ForBlob(absl::string_view method, absl::string_view repository,
                                  const oci::Digest& digest, absl::string_view actions) const;
  // With the prefix of a mirror.
  std::string FullName(absl::string_view repository) const;
  // Calls `page` with each page's body, from `request` on along its links.
  absl::Status Pages(Request request, absl::FunctionRef<absl::Status(const Answer&)> page);
  absl::StatusOr<std::vector<std::string>> List(const Request& request, absl::string_view member);
  absl::Status AddToReferrersTag(absl::string_view repository, const oci::Digest& subject,
                                 const oci::Descriptor& referrer);

  Session session_;
};

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_REGISTRY_CLIENT_H_
