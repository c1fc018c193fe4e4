// Lists that come page by page: tags, repositories, referrers.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/json.h"
#include "base/status.h"
#include "base/text.h"
#include "oci/media_types.h"
#include "registry/link_header.h"
#include "registry/registry_client.h"
#include "registry/url.h"

namespace coracle::registry {
namespace {

constexpr size_t kMaxPageBytes = 16 << 20;
constexpr int kMaxPages = 10000;
constexpr size_t kMaxNameBytes = 1024;  // of a tag or repository
constexpr int kPageSize = 1000;         // what we ask for; a registry may give less

// Of a tag or repository: their grammars are narrower, but these are the ones that could do harm.
bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// The strings of the array `member` are added to `all`.
absl::Status AddStrings(absl::string_view body, absl::string_view member, absl::string_view what,
                        std::vector<std::string>& all) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(body), what);
  const Json* list = Find(json, member);
  if (list == nullptr || list->is_null()) return absl::OkStatus();  // some write null for none
  if (!list->is_array()) return absl::DataLossError(absl::StrCat(what, ": '", member, "' is no list"));
  for (const Json& entry : *list) {
    if (!entry.is_string() || !IsName(entry.get_ref<const std::string&>())) {
      return absl::DataLossError(absl::StrCat(what, ": '", member, "' has what is no name"));
    }
    if (all.size() == kMaxListEntries) {
      return absl::ResourceExhaustedError(absl::StrCat(what, ": more than ", kMaxListEntries, " entries"));
    }
    all.push_back(entry.get_ref<const std::string&>());
  }
  return absl::OkStatus();
}

// distribution-spec, "Referrers Tag Schema".
std::string ReferrersTag(const oci::Digest& digest) {
  return absl::StrReplaceAll(digest.str(), {{":", "-"}});
}

const std::vector<std::string>& IndexType() {
  static const auto* const type = new std::vector<std::string>{oci::kOciIndex};
  return *type;
}

void KeepType(oci::Index& index, absl::string_view artifact_type) {
  if (artifact_type.empty()) return;
  auto& all = index.manifests;
  all.erase(std::remove_if(all.begin(), all.end(),
                           [&](const oci::Descriptor& d) { return d.artifact_type != artifact_type; }),
            all.end());
}

}  // namespace

absl::Status RegistryClient::Pages(Request request, absl::FunctionRef<absl::Status(const Answer&)> page) {
  for (int i = 0; i < kMaxPages; ++i) {
    ASSIGN_OR_RETURN(const Answer answer, session_.Call(request, kMaxPageBytes));
    RETURN_IF_ERROR(page(answer));
    const std::string next = NextLink(answer.head.Get("link"));
    if (next.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(std::string url, ResolveUrl(answer.url, next), request.what, ": next page");
    // The token goes with it, so it has to stay here.
    if (OriginOf(url) != OriginOf(answer.url) || url == answer.url) {
      return absl::DataLossError(
          absl::StrCat(request.what, ": the next page is said to be ", Printable(url)));
    }
    request.http.url = std::move(url);
  }
  return absl::ResourceExhaustedError(absl::StrCat(request.what, ": more than ", kMaxPages, " pages"));
}

absl::StatusOr<std::vector<std::string>> RegistryClient::List(const Request& request,
                                                              absl::string_view member) {
  std::vector<std::string> all;
  RETURN_IF_ERROR(Pages(
      request, [&](const Answer& answer) { return AddStrings(answer.body, member, request.what, all); }));
  return all;
}

absl::StatusOr<std::vector<std::string>> RegistryClient::Tags(absl::string_view repository) {
  ASSIGN_OR_RETURN(const Request request,
                   For("GET", repository, absl::StrCat("tags/list?n=", kPageSize), "pull"));
  return List(request, "tags");
}

absl::StatusOr<std::vector<std::string>> RegistryClient::Catalog() {
  Request request;
  request.http.url = absl::StrCat("/v2/_catalog?n=", kPageSize);
  request.scopes = "registry:catalog:*";
  request.what = session_.endpoint().host;
  return List(request, "repositories");
}

absl::StatusOr<oci::Index> RegistryClient::Referrers(absl::string_view repository, const oci::Digest& digest,
                                                     absl::string_view artifact_type) {
  std::string rest = absl::StrCat("referrers/", digest.str());
  if (!artifact_type.empty()) rest = WithQuery(rest, "artifactType", artifact_type);
  ASSIGN_OR_RETURN(Request request, For("GET", repository, rest, "pull"));
  request.http.headers = {absl::StrCat("Accept: ", oci::kOciIndex)};
  request.what = absl::StrCat(request.what, "@", digest.str(), ": referrers");
  oci::Index all;
  const absl::Status status = Pages(request, [&](const Answer& answer) -> absl::Status {
    ASSIGN_OR_RETURN(oci::Index page, oci::ParseIndex(answer.body), request.what);
    if (all.manifests.size() + page.manifests.size() > kMaxListEntries) {
      return absl::ResourceExhaustedError(absl::StrCat(request.what, ": more than ", kMaxListEntries));
    }
    std::move(page.manifests.begin(), page.manifests.end(), std::back_inserter(all.manifests));
    return absl::OkStatus();
  });
  if (absl::IsNotFound(status)) {
    // A registry without this interface has them, if any, under a tag.
    const auto tagged = GetManifest(repository, ReferrersTag(digest), IndexType());
    if (absl::IsNotFound(tagged.status())) return oci::Index();
    if (!tagged.ok()) return tagged.status();
    ASSIGN_OR_RETURN(all, oci::ParseIndex(tagged->bytes, tagged->media_type), request.what);
  } else if (!status.ok()) {
    return status;
  }
  KeepType(all, artifact_type);  // not every registry filters
  return all;
}

absl::Status RegistryClient::AddToReferrersTag(absl::string_view repository, const oci::Digest& subject,
                                               const oci::Descriptor& referrer) {
  const std::string tag = ReferrersTag(subject);
  oci::Index index;
  const auto known = GetManifest(repository, tag, IndexType());
  if (known.ok()) {
    ASSIGN_OR_RETURN(index, oci::ParseIndex(known->bytes, known->media_type), "referrers tag ", tag);
  } else if (!absl::IsNotFound(known.status())) {
    return known.status();
  }
  const auto is_same = [&](const oci::Descriptor& d) { return d.digest == referrer.digest; };
  if (std::any_of(index.manifests.begin(), index.manifests.end(), is_same)) return absl::OkStatus();
  index.manifests.push_back(referrer);
  return PutManifest(repository, tag, oci::SerializeIndex(index), oci::kOciIndex);
}

}  // namespace coracle::registry
