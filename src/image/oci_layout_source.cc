#include "image/oci_layout_source.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::image {
namespace {

constexpr size_t kMaxLayoutFileBytes = 4096;

// How an entry may be asked for: by its whole name, or, as docker has it, by the tag alone.
bool IsCalled(const oci::Descriptor& entry, const std::string& reference) {
  for (const char* key : {kRefNameAnnotation, kContainerdNameAnnotation}) {
    const auto found = entry.annotations.find(key);
    if (found != entry.annotations.end() && found->second == reference) return true;
  }
  return false;
}

absl::StatusOr<oci::Descriptor> Choose(const oci::Index& index, const TransportName& name) {
  if (name.index.has_value()) {
    if (*name.index < index.manifests.size()) return index.manifests[*name.index];
    return absl::NotFoundError(absl::StrCat("there are only ", index.manifests.size(), " images"));
  }
  std::vector<std::string> names;
  const oci::Descriptor* match = nullptr;
  for (const oci::Descriptor& entry : index.manifests) {
    if (!name.reference.empty() && IsCalled(entry, name.reference)) {
      if (match != nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("more than one image is called ", Printable(name.reference)));
      }
      match = &entry;
    }
    const std::string own = LayoutEntryName(entry);
    names.push_back(own.empty() ? entry.digest.str() : Printable(own));
  }
  if (match != nullptr) return *match;
  if (names.empty()) return absl::NotFoundError("there is no image in it");
  if (!name.reference.empty()) {
    return absl::NotFoundError(absl::StrCat("no image is called ", Printable(name.reference), ": there is ",
                                            absl::StrJoin(names, ", ")));
  }
  if (names.size() == 1) return index.manifests[0];
  return absl::InvalidArgumentError(
      absl::StrCat("there is more than one image: choose of ", absl::StrJoin(names, ", ")));
}

}  // namespace

std::string LayoutBlobPath(const oci::Digest& digest) { return absl::StrCat("blobs/sha256/", digest.hex()); }

bool IsOciLayout(const Members& members) { return members.Has("oci-layout") && members.Has("index.json"); }

absl::StatusOr<oci::Index> ReadLayoutIndex(const Members& members) {
  // Some writers leave out oci-layout; what is there must be understood.
  if (members.Has("oci-layout")) {
    ASSIGN_OR_RETURN(const std::string text, members.Read("oci-layout", kMaxLayoutFileBytes));
    ASSIGN_OR_RETURN(const Json layout, ParseJson(text), "oci-layout");
    const Json* version = Find(layout, "imageLayoutVersion");
    if (version == nullptr || !version->is_string() ||
        !absl::StartsWith(version->get_ref<const std::string&>(), "1.")) {
      return absl::InvalidArgumentError("oci-layout: not of version 1");
    }
  }
  ASSIGN_OR_RETURN(const std::string text, members.Read("index.json", oci::kMaxManifestBytes));
  ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(text), "index.json");
  return index;
}

std::string LayoutEntryName(const oci::Descriptor& entry) {
  for (const char* key : {kContainerdNameAnnotation, kRefNameAnnotation}) {
    const auto found = entry.annotations.find(key);
    if (found != entry.annotations.end() && !found->second.empty()) return found->second;
  }
  return "";
}

absl::StatusOr<std::unique_ptr<ImageSource>> OciLayoutSource::Open(std::shared_ptr<Members> members,
                                                                   const TransportName& name) {
  ASSIGN_OR_RETURN(const oci::Index index, ReadLayoutIndex(*members), name.path);
  ASSIGN_OR_RETURN(oci::Descriptor entry, Choose(index, name), name.path);
  return std::make_unique<OciLayoutSource>(std::move(members), std::move(entry), name.str());
}

absl::StatusOr<ManifestDocument> OciLayoutSource::GetInstance(const oci::Descriptor& descriptor) {
  ManifestDocument document;
  ASSIGN_OR_RETURN(document.bytes, members_->Read(LayoutBlobPath(descriptor.digest), oci::kMaxManifestBytes));
  ASSIGN_OR_RETURN(document.digest, oci::Digest::FromHex(Sha256Hex(document.bytes)));
  if (document.digest != descriptor.digest) {
    return absl::DataLossError(absl::StrCat("manifest ", descriptor.digest.str(), ": its content has digest ",
                                            document.digest.str()));
  }
  document.media_type = descriptor.media_type;
  return document;
}

absl::StatusOr<std::unique_ptr<archive::ByteSource>> OciLayoutSource::OpenBlob(const oci::Descriptor& blob,
                                                                               int64_t offset) {
  return members_->Open(LayoutBlobPath(blob.digest), offset);
}

}  // namespace coracle::image
