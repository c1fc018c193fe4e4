#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/transfer.h"
#include "image/image_store.h"
#include "image/store_sink.h"
#include "oci/image_config.h"
#include "registry/short_names.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

constexpr int kExitEngine = 125;

// The image `text` in the store, if it will do.
absl::StatusOr<std::optional<PulledImage>> FindLocal(Engine& engine, absl::string_view text,
                                                     const PullRequest& request) {
  const auto found = image::Find(engine.store, text);
  if (absl::IsNotFound(found.status())) return std::nullopt;
  if (!found.ok()) return found.status();
  if (request.platform.has_value()) {
    ASSIGN_OR_RETURN(const std::string json, image::ReadConfig(engine.store, found->record));
    ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ParseImageConfig(json), "image ", Printable(text));
    oci::Platform platform;
    platform.os = config.os;
    platform.architecture = config.architecture;
    platform.variant = config.variant;
    // Exactly that one: an older variant may run, but a better one may be fetched.
    const std::optional<int> distance = oci::PlatformDistance(*request.platform, platform);
    if (distance != 0) return std::nullopt;
  }
  PulledImage image;
  image.id = found->record.id();
  image.was_there = true;
  return image;
}

absl::StatusOr<PulledImage> PullOne(Engine& engine, TransferContext& context,
                                    const oci::ImageReference& reference, const PullRequest& request) {
  if (context.progress != nullptr) {
    context.progress->Note(absl::StrCat("Trying to pull ", reference.str(), "..."));
  }
  ASSIGN_OR_RETURN(std::vector<image::RegistryPlace> places, PlacesForPull(context.access, reference));
  const std::unique_ptr<image::ImageSource> source =
      image::MakeRegistrySource(std::move(places), reference, context.progress);
  image::StoreSinkOptions options;
  // A digest goes before a tag, and names the image by itself.
  PulledImage pulled;
  pulled.name = reference.digest().empty() ? reference.str()
                                           : absl::StrCat(reference.name(), "@", reference.digest().str());
  if (reference.digest().empty()) options.tags.push_back(pulled.name);
  options.repository = reference.name();
  ASSIGN_OR_RETURN(const PulledImage copied, CopyIntoStore(engine, context, request, *source, options));
  pulled.id = copied.id;
  pulled.was_there = copied.was_there;
  store::AppendEvent(engine.store, store::ObjectEvent("image", "pull", pulled.id, pulled.name));
  return pulled;
}

// With the full name in front, unless the registry's answer has it there already.
absl::Status NameFailure(const absl::Status& status, const oci::ImageReference& reference) {
  return absl::StartsWith(status.message(), reference.name()) ? status : Annotate(status, reference.str());
}

absl::StatusOr<std::vector<PulledImage>> PullTags(Engine& engine, TransferContext& context,
                                                  const oci::ImageReference& repository,
                                                  const PullRequest& request) {
  ASSIGN_OR_RETURN(const std::vector<image::RegistryPlace> places,
                   PlacesForPull(context.access, repository.WithTagOrDefault()));
  // Mirrors need not have all of them.
  const image::RegistryPlace& origin = places.back();
  ASSIGN_OR_RETURN(std::vector<std::string> tags, origin.client->Tags(origin.at.path()));
  std::sort(tags.begin(), tags.end());
  std::vector<PulledImage> pulled;
  for (const std::string& tag : tags) {
    ASSIGN_OR_RETURN(const oci::ImageReference reference, repository.WithTag(tag));
    auto one = PullOne(engine, context, reference, request);
    if (!one.ok()) return NameFailure(one.status(), reference);
    pulled.push_back(*std::move(one));
  }
  if (pulled.empty()) return absl::NotFoundError(absl::StrCat(repository.name(), " has no tags"));
  return pulled;
}

// The places that the name may mean, only one of them if the user was asked.
absl::StatusOr<registry::ResolvedName> Resolve(TransferContext& context, const std::string& text) {
  ASSIGN_OR_RETURN(registry::ResolvedName name, context.access.Resolve(text, context.choose != nullptr));
  if (!name.ask) return name;
  ASSIGN_OR_RETURN(const size_t chosen, context.choose(text, name.candidates));
  name.candidates = {name.candidates[chosen]};
  return name;
}

absl::StatusOr<std::vector<PulledImage>> PullCandidate(Engine& engine, TransferContext& context,
                                                       const oci::ImageReference& candidate,
                                                       const PullRequest& request) {
  if (request.all_tags) {
    return PullTags(engine, context, candidate.WithoutTagAndDigest(), request);
  }
  ASSIGN_OR_RETURN(PulledImage pulled, PullOne(engine, context, candidate, request));
  return std::vector<PulledImage>{std::move(pulled)};
}

absl::StatusOr<std::vector<PulledImage>> PullCandidates(Engine& engine, TransferContext& context,
                                                        const std::string& text, const PullRequest& request) {
  ASSIGN_OR_RETURN(const registry::ResolvedName name, Resolve(context, text));
  if (request.all_tags &&
      (absl::StrContains(text, '@') || absl::StrContains(text.substr(text.rfind('/') + 1), ':'))) {
    return absl::InvalidArgumentError("--all-tags takes a name without a tag");
  }
  absl::Status last;
  std::vector<std::string> failed;
  for (const oci::ImageReference& candidate : name.candidates) {
    auto pulled = PullCandidate(engine, context, candidate, request);
    if (pulled.ok()) {
      // The image is here; a choice that can't be recorded is asked for again.
      const absl::Status recorded =
          name.ask ? context.access.RecordChoice(text, candidate) : absl::OkStatus();
      if (!recorded.ok() && context.progress != nullptr) {
        context.progress->Note(absl::StrCat("short name not recorded: ", StatusLine(recorded), ", ignoring"));
      }
      return pulled;
    }
    last = NameFailure(pulled.status(), candidate);
    if (absl::IsCancelled(last)) break;
    failed.push_back(StatusLine(last));
  }
  // Each of several was tried, and the last need not be the one that was meant.
  if (failed.size() > 1 && context.progress != nullptr) {
    failed.pop_back();
    for (const std::string& line : failed) context.progress->Note(line);
  }
  return last;
}

}  // namespace

absl::StatusOr<PullPolicy> ParsePullPolicy(absl::string_view text) {
  if (text == "always" || text == "true") return PullPolicy::kAlways;
  if (text == "missing" || text == "ifnotpresent" || text == "false") return PullPolicy::kMissing;
  if (text == "never") return PullPolicy::kNever;
  if (text == "newer" || text == "ifnewer") return PullPolicy::kNewer;
  return WithExitCode(
      absl::InvalidArgumentError(absl::StrCat("unsupported pull policy \"", Printable(text),
                                              "\": it is one of always, missing, never, newer")),
      kExitEngine);
}

absl::StatusOr<std::vector<image::RegistryPlace>> PlacesForPull(registry::Access& access,
                                                                const oci::ImageReference& reference) {
  ASSIGN_OR_RETURN(const std::vector<registry::Location> locations, access.ForPull(reference));
  std::vector<image::RegistryPlace> places;
  for (const registry::Location& location : locations) {
    ASSIGN_OR_RETURN(registry::Client* const client, access.Connect(location));
    places.push_back({client, location.reference});
  }
  return places;
}

absl::StatusOr<PulledImage> CopyIntoStore(Engine& engine, const TransferContext& context,
                                          const PullRequest& request, image::ImageSource& source,
                                          image::StoreSinkOptions options) {
  options.single_id = request.single_id;
  options.progress = context.progress;
  options.cancel = context.cancel;
  ASSIGN_OR_RETURN(const std::unique_ptr<image::StoreSink> sink,
                   image::StoreSink::Create(engine.store, options));
  image::CopyOptions copy;
  if (request.platform.has_value()) copy.platform = *request.platform;
  copy.progress = context.progress;
  copy.cancel = context.cancel;
  ASSIGN_OR_RETURN(const image::CopyResult result, image::CopyImage(source, *sink, copy));
  return PulledImage{sink->image_id(), "", result.was_there};
}

absl::StatusOr<std::vector<PulledImage>> PullImage(Engine& engine, TransferContext& context,
                                                   absl::string_view text, const PullRequest& request) {
  if (image::HasTransport(text) && !absl::StartsWith(text, "docker:")) {
    const auto from = image::ParseTransportName(text);
    if (!from.ok()) return WithExitCode(from.status(), kExitEngine);
    auto pulled = PullFrom(engine, context, *from, request);
    if (!pulled.ok())
      return WithExitCode(Annotate(pulled.status(), absl::StrCat("pull ", Printable(text))), kExitEngine);
    return pulled;
  }
  absl::ConsumePrefix(&text, "docker://");
  std::optional<PulledImage> local;
  if (request.policy != PullPolicy::kAlways && !request.all_tags) {
    ASSIGN_OR_RETURN(local, FindLocal(engine, text, request));
    if (local.has_value() && request.policy != PullPolicy::kNewer) return std::vector<PulledImage>{*local};
  }
  if (request.policy == PullPolicy::kNever) {
    return WithExitCode(absl::NotFoundError(absl::StrCat("no such image: ", Printable(text))), kExitEngine);
  }
  auto pulled = PullCandidates(engine, context, std::string(text), request);
  if (pulled.ok()) return pulled;
  // What is here is the newest that can be had.
  if (local.has_value() && !absl::IsCancelled(pulled.status())) return std::vector<PulledImage>{*local};
  return WithExitCode(Annotate(pulled.status(), "pull"), kExitEngine);
}

}  // namespace coracle::engine
