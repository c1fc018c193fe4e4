// push: an image of the store to a registry.
#include <fcntl.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/transfer_options.h"
#include "image/image_store.h"
#include "image/short_names.h"
#include "oci/reference.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

absl::StatusOr<engine::PushRequest> ReadRequest(const ParsedCommand& parsed) {
  engine::PushRequest request;
  ASSIGN_OR_RETURN(request.platform, ReadPlatform(parsed));
  const std::string format = parsed.GetString("format");
  if (format == "oci") {
    request.format = image::ManifestFormat::kOci;
  } else if (format == "v2s2" || format == "docker") {
    request.format = image::ManifestFormat::kDocker;
  } else if (format == "v2s1") {
    return OptionError("format", format, "docker's schema 1 is refused by registries: use v2s2 or oci");
  } else if (!format.empty()) {
    return OptionError("format", format, "it is one of oci, v2s2");
  }
  const std::string compression = parsed.GetString("compression-format");
  if (compression == "gzip") {
    request.compression = archive::Compression::kGzip;
  } else if (compression == "zstd") {
    request.compression = archive::Compression::kZstd;
  } else if (compression == "zstd:chunked") {
    return NotSupportedYet("--compression-format zstd:chunked");
  } else if (!compression.empty()) {
    return OptionError("compression-format", compression, "it is one of gzip, zstd");
  }
  const std::string level = parsed.GetString("compression-level");
  if (!level.empty()) {
    const int most = request.compression == archive::Compression::kZstd ? 19 : 9;
    if (!absl::SimpleAtoi(level, &request.compression_level) || request.compression_level < 1 ||
        request.compression_level > most) {
      return OptionError("compression-level", level, absl::StrCat("expected a number from 1 to ", most));
    }
  }
  request.force_compression = parsed.GetBool("force-compression");
  // What was asked for by name or level is also done to what has another format, as podman does.
  if (!parsed.WasSet("force-compression") && !compression.empty()) request.force_compression = true;
  return request;
}

// Every tag that the repository has in the store.
absl::StatusOr<std::vector<std::string>> TagsOf(engine::Engine& engine, const std::string& text) {
  std::vector<std::string> names;
  ASSIGN_OR_RETURN(const std::vector<oci::ImageReference> candidates, image::NameCandidates(text));
  ASSIGN_OR_RETURN(const std::vector<image::ImageInfo> images, image::List(engine.store));
  for (const oci::ImageReference& candidate : candidates) {
    const std::string prefix = absl::StrCat(candidate.name(), ":");
    for (const image::ImageInfo& info : images) {
      for (const std::string& name : info.names) {
        if (absl::StartsWith(name, prefix)) names.push_back(name);
      }
    }
    if (!names.empty()) return names;
  }
  return WithExitCode(absl::NotFoundError(absl::StrCat("no image of repository ", text)), 125);
}

absl::Status Push(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const std::vector<std::string>& args = invocation.args();
  ASSIGN_OR_RETURN(const engine::PushRequest request, ReadRequest(parsed));
  const std::string digestfile = parsed.GetString("digestfile");
  engine::Engine engine = MakeEngine(invocation);
  std::vector<std::string> images = {args[0]};
  if (parsed.GetBool("all-tags")) {
    if (args.size() > 1) return OptionError("all-tags", "true", "excludes a destination");
    ASSIGN_OR_RETURN(images, TagsOf(engine, args[0]));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                   Transfer::Open(parsed, parsed.GetBool("quiet"), "Copying"));
  for (const std::string& image : images) {
    const auto pushed = engine::PushImage(engine, transfer->context(), image,
                                          args.size() > 1 ? args[1] : std::string(), request);
    if (!pushed.ok()) return transfer->Result(pushed.status());
    transfer->context().progress->Note(
        absl::StrCat(pushed->name, ": digest: ", pushed->digest.str(), " size: ", pushed->size));
    if (!digestfile.empty()) {
      RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, digestfile, pushed->digest.str()), "--digestfile");
    }
  }
  return absl::OkStatus();
}

}  // namespace

int CmdPush(Invocation& invocation) { return invocation.Fail(Push(invocation)); }

}  // namespace coracle::cli
