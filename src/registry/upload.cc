// Sending manifests and blobs to a registry.
// Source: distribution-spec, "Pushing Blobs", "Pushing Manifests".
#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/sha256.h"
#include "base/status.h"
#include "registry/registry_client.h"
#include "registry/transient.h"
#include "registry/url.h"

namespace coracle::registry {
namespace {

constexpr size_t kMaxSmallAnswer = 1 << 20;
constexpr char kBinary[] = "Content-Type: application/octet-stream";

// How many bytes the registry has, as "0-<last>" says; nothing if it does not. Of none "0-0" is said, too,
// which is one byte: whoever sends pieces of that size is told so by the registry.
std::optional<int64_t> BytesThere(const HttpHead& head) {
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(head.Get("range"), absl::MaxSplits('-', 1));
  int64_t last = 0;
  if (!absl::EndsWith(ends.first, "0") || !absl::SimpleAtoi(ends.second, &last) || last < 0)
    return std::nullopt;
  return last == 0 ? 0 : last + 1;
}

// What a manifest refers to, if it does, and how it is to be listed there.
struct Referral {
  oci::Digest subject;
  oci::Descriptor referrer;
};
std::optional<Referral> ReferralOf(absl::string_view bytes, absl::string_view media_type) {
  const auto parsed = oci::ParseManifestOrIndex(bytes, media_type);
  if (!parsed.ok()) return std::nullopt;
  Referral referral;
  oci::Descriptor& d = referral.referrer;
  if (const auto* manifest = std::get_if<oci::Manifest>(&*parsed)) {
    if (!manifest->subject) return std::nullopt;
    referral.subject = manifest->subject->digest;
    d.artifact_type = manifest->artifact_type.empty() ? manifest->config.media_type : manifest->artifact_type;
    d.annotations = manifest->annotations;
  } else {
    const auto& index = std::get<oci::Index>(*parsed);
    if (!index.subject) return std::nullopt;
    referral.subject = index.subject->digest;
    d.artifact_type = index.artifact_type;
    d.annotations = index.annotations;
  }
  d.media_type = std::string(media_type);
  d.size = static_cast<int64_t>(bytes.size());
  d.digest = oci::Digest::FromHex(Sha256Hex(bytes)).value_or(oci::Digest());
  return referral;
}

// One blob on its way there. Each of its steps may be called again after an error.
class Upload {
 public:
  Upload(Session& session, Request base, UploadBody& body, int64_t chunk_bytes)
      : session_(session), base_(std::move(base)), body_(body), chunk_bytes_(chunk_bytes) {}

  void StartAt(const Answer& started, std::string url) {
    url_ = std::move(url);
    int64_t minimum = 0;
    if (absl::SimpleAtoi(started.head.Get("oci-chunk-min-length"), &minimum)) {
      chunk_bytes_ = chunk_bytes_ > 0 ? std::max(chunk_bytes_, minimum) : 0;
    }
  }

  // PUT with all of it.
  absl::Status Whole() {
    ASSIGN_OR_RETURN(const oci::Digest digest, body_.digest());
    Request request = Step("PUT", WithQuery(url_, "digest", digest.str()));
    request.http.body = &body_;
    request.http.body_bytes = body_.size();
    return Once(request).status();
  }

  // PATCH with pieces, or with all to the end if its length is not known; then PUT.
  absl::Status InPieces() {
    int64_t offset = 0;
    if (chunk_bytes_ == 0 || body_.size() < 0) {
      RETURN_IF_ERROR(Piece(0, body_.size()));
    } else {
      int cuts = 0;
      while (offset < body_.size()) {
        const int64_t bytes = std::min(chunk_bytes_, body_.size() - offset);
        const absl::Status status = Piece(offset, bytes);
        if (status.ok()) {
          offset += bytes;
          cuts = 0;
          continue;
        }
        if (!session_.MayRetry(status, cuts)) return status;
        RETURN_IF_ERROR(session_.Backoff(status, cuts++));
        ASSIGN_OR_RETURN(offset, WhereItIs());
      }
    }
    return Close();
  }

 private:
  Request Step(absl::string_view method, std::string url) const {
    Request request = base_;
    request.http.method = std::string(method);
    request.http.url = std::move(url);
    request.http.headers = {kBinary};
    return request;
  }

  absl::StatusOr<Answer> Once(const Request& request) {
    ASSIGN_OR_RETURN(OpenAnswer open, session_.Open(request));
    Answer answer;
    ASSIGN_OR_RETURN(answer.body, open.transfer->ReadAll(kMaxSmallAnswer), request.what);
    answer.head = open.transfer->head();
    answer.url = std::move(open.url);
    return answer;
  }

  absl::Status Piece(int64_t offset, int64_t bytes) {
    Request request = Step("PATCH", url_);
    request.http.body = &body_;
    request.http.body_offset = offset;
    request.http.body_bytes = bytes;
    // A range only where there are several: not every registry takes one for the whole.
    if (bytes >= 0 && bytes < body_.size()) {
      request.http.headers.push_back(absl::StrCat("Content-Range: ", offset, "-", offset + bytes - 1));
    }
    ASSIGN_OR_RETURN(const Answer answer, Once(request));
    ASSIGN_OR_RETURN(url_, session_.NextUrl(answer, base_.what));
    return absl::OkStatus();
  }

  // After a cut: asks how many bytes arrived.
  absl::StatusOr<int64_t> WhereItIs() {
    ASSIGN_OR_RETURN(const Answer answer, session_.Call(Step("GET", url_), kMaxSmallAnswer));
    if (!answer.head.Get("location").empty()) {
      ASSIGN_OR_RETURN(url_, session_.NextUrl(answer, base_.what));
    }
    const std::optional<int64_t> bytes = BytesThere(answer.head);
    if (!bytes || *bytes > body_.size()) {
      return absl::DataLossError(absl::StrCat(base_.what, ": the registry does not say how much it has"));
    }
    return *bytes;
  }

  absl::Status Close() {
    ASSIGN_OR_RETURN(const oci::Digest digest, body_.digest());
    const Request request = Step("PUT", WithQuery(url_, "digest", digest.str()));
    return session_.Call(request, kMaxSmallAnswer).status();
  }

  Session& session_;
  const Request base_;
  UploadBody& body_;
  int64_t chunk_bytes_;
  std::string url_;
};

}  // namespace

absl::Status RegistryClient::PutManifest(absl::string_view repository, absl::string_view reference,
                                         absl::string_view bytes, absl::string_view media_type) {
  ASSIGN_OR_RETURN(Request request, ForManifest("PUT", repository, reference, "pull,push"));
  if (bytes.size() > oci::kMaxManifestBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(request.what, ": a manifest of ", bytes.size(), " bytes"));
  }
  request.http.content = std::string(bytes);
  request.http.headers = {absl::StrCat("Content-Type: ", media_type)};
  ASSIGN_OR_RETURN(const Answer answer, session_.Call(request, kMaxSmallAnswer));
  // A registry that lists referrers says so by naming the subject.
  if (!answer.head.Get("oci-subject").empty()) return absl::OkStatus();
  const std::optional<Referral> referral = ReferralOf(bytes, media_type);
  if (!referral) return absl::OkStatus();
  return AddToReferrersTag(repository, referral->subject, referral->referrer);
}

absl::StatusOr<bool> RegistryClient::MountBlob(absl::string_view repository, absl::string_view from,
                                               const oci::Digest& digest) {
  std::string rest = WithQuery("blobs/uploads/", "mount", digest.str());
  rest = WithQuery(rest, "from", FullName(from));
  ASSIGN_OR_RETURN(Request request, For("POST", repository, rest, "pull,push"));
  request.scopes = JoinScopes(request.scopes, absl::StrCat("repository:", FullName(from), ":pull"));
  request.what = absl::StrCat(request.what, ": mount blob ", digest.str());
  ASSIGN_OR_RETURN(const Answer answer, session_.Call(request, kMaxSmallAnswer));
  if (answer.head.status == 201) return true;
  // It opened an upload instead, which nobody will use. Best effort: a registry drops those by itself.
  const auto url = session_.NextUrl(answer, request.what);
  if (url.ok()) {
    request.http.method = "DELETE";
    request.http.url = *url;
    (void)session_.Open(request);
  }
  return false;
}

absl::StatusOr<UploadResult> RegistryClient::UploadBlob(absl::string_view repository, UploadBody& body,
                                                        const UploadOptions& options) {
  const bool known = body.size() >= 0;
  if (known && !options.mount_from.empty()) {
    ASSIGN_OR_RETURN(const oci::Digest digest, body.digest());
    const auto mounted = MountBlob(repository, options.mount_from, digest);
    if (mounted.ok() && *mounted) return UploadResult::kMounted;
    // Whatever kept it from being mounted (often: no access to the other repository), it can still be
    // uploaded.
    if (absl::IsCancelled(mounted.status())) return mounted.status();
  }
  ASSIGN_OR_RETURN(Request base, For("POST", repository, "blobs/uploads/", "pull,push"));
  if (known) {
    ASSIGN_OR_RETURN(const oci::Digest digest, body.digest());
    base.what = absl::StrCat(base.what, ": blob ", digest.str());
  }
  const auto result = session_.Retry([&]() -> absl::StatusOr<UploadResult> {
    ASSIGN_OR_RETURN(const Answer started, session_.Call(base, kMaxSmallAnswer));
    ASSIGN_OR_RETURN(std::string url, session_.NextUrl(started, base.what));
    Upload upload(session_, base, body, options.chunk_bytes);
    upload.StartAt(started, std::move(url));
    const bool in_pieces = !known || (options.chunk_bytes > 0 && options.chunk_bytes < body.size());
    RETURN_IF_ERROR(in_pieces ? upload.InPieces() : upload.Whole());
    return UploadResult::kUploaded;
  });
  if (!result.ok()) return session_.Explain(result.status());
  return result;
}

}  // namespace coracle::registry
