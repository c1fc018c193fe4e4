#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/image_ends.h"
#include "engine/manifest_list.h"
#include "engine/transfer.h"
#include "image/image_commit.h"
#include "image/image_store.h"
#include "image/manifest_list.h"
#include "image/store_source.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

constexpr int kExitEngine = 125;

// Repositories of `target`'s registry under which the image is known: it may have the layers there.
absl::StatusOr<std::vector<std::string>> Siblings(Engine& engine, const image::StoreSource& source,
                                                  const oci::ImageReference& target) {
  ASSIGN_OR_RETURN(const image::ImageInfo info, image::Find(engine.store, source.record().id()));
  std::vector<std::string> names = info.names;
  names.insert(names.end(), info.record.repo_digests().begin(), info.record.repo_digests().end());
  std::vector<std::string> siblings;
  for (const std::string& name : names) {
    const auto reference = oci::ImageReference::Parse(name);
    if (!reference.ok() || reference->domain() != target.domain() || reference->path() == target.path()) {
      continue;
    }
    if (std::find(siblings.begin(), siblings.end(), reference->path()) == siblings.end()) {
      siblings.push_back(reference->path());
    }
  }
  return siblings;
}

// Whether a registry has one of the image's own manifests. What a push made of it, by compressing layers that
// have no compression here, is another one.
bool CameFromRegistry(const store::ImageRecord& record) {
  const auto& known = record.repo_digests();
  return std::any_of(known.begin(), known.end(), [&](const std::string& name) {
    return image::HasManifest(record, absl::string_view(name).substr(name.find('@') + 1));
  });
}

image::CopyOptions CopyOptionsFor(const TransferContext& context, const PushRequest& request) {
  image::CopyOptions copy;
  copy.format = request.format;
  copy.compression = request.compression;
  copy.compression_level = request.compression_level;
  copy.force_compression = request.force_compression;
  copy.progress = context.progress;
  copy.cancel = context.cancel;
  return copy;
}

absl::StatusOr<PushedImage> PushToRegistry(Engine& engine, TransferContext& context,
                                           image::StoreSource& source, const oci::ImageReference& target,
                                           image::CopyOptions copy) {
  if (context.progress != nullptr) context.progress->Note(absl::StrCat("Pushing to ", target.str(), "..."));
  ASSIGN_OR_RETURN(const image::RegistryPlace place, PlaceForPush(context.access, target));
  image::RegistrySinkOptions options;
  ASSIGN_OR_RETURN(options.mount_from, Siblings(engine, source, target));
  const std::unique_ptr<image::ImageSink> sink = image::MakeRegistrySink(place, options);
  // What came from a registry goes on as it came.
  const bool made_here = !CameFromRegistry(source.record());
  if (!copy.compression.has_value() && made_here) copy.compression = archive::Compression::kGzip;
  ASSIGN_OR_RETURN(const image::CopyResult result, image::CopyImage(source, *sink, copy), target.str());
  PushedImage pushed;
  pushed.name = target.str();
  pushed.digest = result.top.digest;
  pushed.size = static_cast<int64_t>(result.top.bytes.size());
  // The image is there, whatever becomes of our note of it.
  const absl::Status noted = image::AddRepoDigest(engine.store, source.record().id(),
                                                  absl::StrCat(target.name(), "@", pushed.digest.str()));
  if (!noted.ok() && context.progress != nullptr) {
    context.progress->Note(absl::StrCat("its digest is not recorded: ", StatusLine(noted), ", ignoring"));
  }
  return pushed;
}

// A list that was put together here goes with its images.
absl::StatusOr<PushedImage> PushList(Engine& engine, TransferContext& context, absl::string_view text,
                                     absl::string_view destination, const PushRequest& request) {
  const EndOptions ends = EndsOf(engine, context);
  ASSIGN_OR_RETURN(const image::ManifestList list, image::ReadManifestList(engine.store, text));
  ASSIGN_OR_RETURN(const image::CopyResult result,
                   PushManifestList(engine, ends, text, std::string(destination),
                                    CopyOptionsFor(context, request), request.platform));
  return PushedImage{destination.empty() ? list.name : std::string(destination), result.top.digest,
                     static_cast<int64_t>(result.top.bytes.size())};
}

absl::StatusOr<PushedImage> Push(Engine& engine, TransferContext& context, absl::string_view text,
                                 absl::string_view destination, const PushRequest& request) {
  auto source = image::StoreSource::Create(engine.store, text);
  if (absl::IsNotFound(source.status()) && image::ReadManifestList(engine.store, text).ok()) {
    return PushList(engine, context, text, destination, request);
  }
  if (!source.ok()) return source.status();
  if (request.platform.has_value()) RETURN_IF_ERROR((*source)->CheckPlatform(*request.platform));
  image::CopyOptions copy = CopyOptionsFor(context, request);
  if (image::HasTransport(destination) && !absl::StartsWith(destination, "docker:")) {
    ASSIGN_OR_RETURN(const image::TransportName to, image::ParseTransportName(destination));
    return PushTo(engine, context, **source, to, copy);
  }
  absl::ConsumePrefix(&destination, "docker://");
  const std::string own_name = (*source)->found_name();
  if (destination.empty()) destination = own_name;
  if (destination.empty() || absl::StrContains(destination, "@")) {
    return absl::InvalidArgumentError(
        absl::StrCat("image ", Printable(text), " has no name to be pushed to: give a destination"));
  }
  ASSIGN_OR_RETURN(const oci::ImageReference parsed, oci::ImageReference::Parse(destination));
  return PushToRegistry(engine, context, **source, parsed.WithTagOrDefault(), copy);
}

}  // namespace

absl::StatusOr<image::RegistryPlace> PlaceForPush(registry::Access& access,
                                                  const oci::ImageReference& reference) {
  ASSIGN_OR_RETURN(const registry::Location location, access.ForPush(reference));
  ASSIGN_OR_RETURN(registry::Client* const client, access.Connect(location));
  return image::RegistryPlace{client, location.reference};
}

absl::StatusOr<PushedImage> PushImage(Engine& engine, TransferContext& context, absl::string_view text,
                                      absl::string_view destination, const PushRequest& request) {
  auto pushed = Push(engine, context, text, destination, request);
  if (!pushed.ok()) return WithExitCode(Annotate(pushed.status(), "push"), kExitEngine);
  const auto info = image::Find(engine.store, text);  // not found: a list
  store::AppendEvent(engine.store,
                     store::ObjectEvent("image", "push", info.ok() ? info->record.id() : "", pushed->name));
  return pushed;
}

}  // namespace coracle::engine
