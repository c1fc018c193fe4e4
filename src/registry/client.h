// A registry, as the distribution protocol shows it: manifests, blobs, tags, referrers.
//
// One Client is one registry (or mirror) with one set of credentials. It keeps connections and tokens, and
// any number of threads may use it at once. It starts none itself: each call, and each Read of a reader,
// drives its own transfer and returns when that is done.
//
// What a call may end with, wherever nothing else is said:
//   NotFound            the registry knows no such repository, manifest or blob
//   Unauthenticated     credentials are needed or were refused (with a hint to log in)
//   PermissionDenied    the credentials do not allow it
//   Unavailable         no answer, a cut or stalled connection, 5xx or 429, after all retries: another mirror
//                       may do better
//   DataLoss            the registry contradicts itself or the digest that was asked for
//   ResourceExhausted   the answer is larger than we take, or a quota is used up
//   FailedPrecondition  TLS: the certificate is not trusted, or it is HTTP where HTTPS was wanted
//   Unimplemented       the registry does not support it
//   Cancelled           Cancel() was called
//   InvalidArgument     the registry refuses the content, or the arguments make no request
// Errors are one line that names the registry and the thing; control characters that a server sent are
// escaped. Source: distribution-spec 1.1; docker's "Token Authentication Specification".
#ifndef CORACLE_REGISTRY_CLIENT_H_
#define CORACLE_REGISTRY_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "oci/digest.h"
#include "oci/manifest.h"

namespace coracle::registry {

// Where a registry is.
struct Endpoint {
  std::string host;         // "quay.io", "localhost:5000", "[::1]:5000"; docker.io is asked at its real host
  std::string path_prefix;  // of a mirror: stands before each repository ("cache/dockerhub"); usually empty
  // Certificates are not verified, and plain HTTP is used if HTTPS does not answer.
  bool insecure = false;
  // Directories of "certs.d": their *.crt are CAs that are trusted beside the system's; NAME.cert with
  // NAME.key is a client certificate. Missing ones are skipped.
  std::vector<std::string> certificate_dirs;
};

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token; used in place of the password
  bool empty() const { return username.empty() && password.empty() && identity_token.empty(); }
};

struct RetryOptions {
  int retries = 3;                                 // after the first attempt
  absl::Duration delay = absl::Milliseconds(500);  // before the first retry; doubles, with jitter
  absl::Duration max_delay = absl::Seconds(30);
  absl::Duration max_retry_after = absl::Minutes(5);  // a Retry-After beyond it ends the retries
};

struct ClientOptions {
  RetryOptions retry;
  absl::Duration connect_timeout = absl::Seconds(30);
  absl::Duration stall_timeout = absl::Seconds(30);  // without any byte: the connection counts as cut
  std::string user_agent = "coracle";
};

// A manifest or index, as the registry sent it.
struct FetchedManifest {
  std::string bytes;
  std::string media_type;  // of the Content-Type header, without parameters; may be empty
  oci::Digest digest;      // of `bytes`
};

struct ManifestInfo {
  std::string media_type;
  oci::Digest digest;  // empty if the registry does not say
  int64_t size = -1;   // -1: not said
};

// A blob on its way here. Not thread-safe; the Client must outlive it; destroying it ends the transfer.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  // Up to buffer.size() (at least 1) bytes; 0 is the end. A cut connection is resumed by range within the
  // retries of the client, unseen by the caller. The bytes are not verified: that is the caller's.
  virtual absl::StatusOr<size_t> Read(absl::Span<char> buffer) = 0;
  // Of the whole blob, as the registry said; -1 if it did not.
  virtual int64_t size() const = 0;
};

// What is to be uploaded. Must be readable from its start again for each attempt.
class UploadBody {
 public:
  virtual ~UploadBody() = default;
  // The number of bytes, or -1 if only the end will tell.
  virtual int64_t size() const = 0;
  // The digest of the whole. If size() is -1: asked for only after Read has returned 0.
  virtual absl::StatusOr<oci::Digest> digest() = 0;
  // The next Read gives the bytes from `offset` (at most what was read already). Called before the first,
  // too.
  virtual absl::Status Rewind(int64_t offset) = 0;
  // As BlobReader::Read.
  virtual absl::StatusOr<size_t> Read(absl::Span<char> buffer) = 0;
};

struct UploadOptions {
  // 0: the whole in one request, where size and digest are known; else pieces of this many bytes, so that a
  // cut costs one of them. A registry's own minimum (OCI-Chunk-Min-Length) is kept.
  int64_t chunk_bytes = 0;
  // Repository of the same registry that has the blob, to mount it from; empty: none. If the registry does
  // not mount it, it is uploaded.
  std::string mount_from;
};

enum class UploadResult { kUploaded, kMounted };

class Client {
 public:
  // Connects to nothing yet. Errors: InvalidArgument for a host that is none, or a certificate directory that
  // has a certificate without its key.
  static absl::StatusOr<std::unique_ptr<Client>> Create(const Endpoint& endpoint,
                                                        const Credentials& credentials,
                                                        const ClientOptions& options = {});
  virtual ~Client() = default;

  // Whether the registry answers and takes the credentials: what `login` asks.
  virtual absl::Status Ping() = 0;

  // `reference` is a tag or a digest. `accept` are the media types that will do; empty: all manifests and
  // indexes of OCI and docker. At most oci::kMaxManifestBytes. DataLoss if it was asked for by digest and has
  // another, or if the registry's Docker-Content-Digest is another.
  virtual absl::StatusOr<FetchedManifest> GetManifest(absl::string_view repository,
                                                      absl::string_view reference,
                                                      absl::Span<const std::string> accept = {}) = 0;
  // The same without the content.
  virtual absl::StatusOr<ManifestInfo> HeadManifest(absl::string_view repository, absl::string_view reference,
                                                    absl::Span<const std::string> accept = {}) = 0;
  // Stores `bytes` under a tag or its digest. If they have a subject and the registry does not keep referrers
  // itself, they are added to the referrers tag of the subject (distribution-spec, "Referrers Tag Schema").
  virtual absl::Status PutManifest(absl::string_view repository, absl::string_view reference,
                                   absl::string_view bytes, absl::string_view media_type) = 0;
  virtual absl::Status DeleteManifest(absl::string_view repository, absl::string_view reference) = 0;

  virtual absl::StatusOr<bool> HasBlob(absl::string_view repository, const oci::Digest& digest) = 0;
  // The blob from byte `offset` on; OutOfRange if it has fewer bytes. A registry without ranges is read from
  // the start and skipped to there.
  virtual absl::StatusOr<std::unique_ptr<BlobReader>> OpenBlob(absl::string_view repository,
                                                               const oci::Digest& digest,
                                                               int64_t offset = 0) = 0;
  // Does not ask first whether the registry has it: see HasBlob.
  virtual absl::StatusOr<UploadResult> UploadBlob(absl::string_view repository, UploadBody& body,
                                                  const UploadOptions& options = {}) = 0;
  // Mounts `digest` of `from` in `repository`; false if the registry does not do it (nothing is uploaded).
  virtual absl::StatusOr<bool> MountBlob(absl::string_view repository, absl::string_view from,
                                         const oci::Digest& digest) = 0;
  virtual absl::Status DeleteBlob(absl::string_view repository, const oci::Digest& digest) = 0;

  // All of them, page by page; at most kMaxListEntries.
  virtual absl::StatusOr<std::vector<std::string>> Tags(absl::string_view repository) = 0;
  virtual absl::StatusOr<std::vector<std::string>> Catalog() = 0;
  // The manifests whose subject is `digest`; empty if there are none. `artifact_type`: only those of it.
  virtual absl::StatusOr<oci::Index> Referrers(absl::string_view repository, const oci::Digest& digest,
                                               absl::string_view artifact_type = "") = 0;

  // Any other document of this host, with its authentication: `path` with query, from the root
  // ("/v1/search?q=x"). ResourceExhausted past `max_bytes`.
  virtual absl::StatusOr<std::string> Get(absl::string_view path, size_t max_bytes) = 0;

  // Ends all that is under way in other threads, and all that is asked later, with Cancelled. Takes no time.
  virtual void Cancel() = 0;
};

inline constexpr size_t kMaxListEntries = 1000000;

// Any URL, http or https, without credentials: foreign layers, `import URL`. Errors: as Client.
absl::StatusOr<std::unique_ptr<BlobReader>> OpenUrl(absl::string_view url, int64_t offset = 0,
                                                    const ClientOptions& options = {});

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_CLIENT_H_
