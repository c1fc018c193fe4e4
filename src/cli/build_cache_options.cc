#include "cli/build_cache_options.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "cli/container_options.h"
#include "engine/build_cache.h"

namespace coracle::cli {
namespace {

// Its image in a directory of type=local.
constexpr char kLocalTag[] = "build-cache";

// Says nothing that would change what happens here: the cache is always whole, and an OCI image.
bool IsHarmless(absl::string_view key, absl::string_view value) {
  return key == "mode" || key == "image-manifest" || key == "oci-mediatypes" || key == "ignore-error" ||
         (key == "compression" && value == "gzip") || key == "force-compression";
}

absl::StatusOr<std::string> ParsePlace(const char* option, const std::string& text,
                                       const char* directory_key) {
  if (!absl::StrContains(text, '=')) return text;
  std::map<std::string, std::string> fields;
  for (const absl::string_view field : absl::StrSplit(text, ',')) {
    std::pair<std::string, std::string> pair = absl::StrSplit(field, absl::MaxSplits('=', 1));
    if (IsHarmless(pair.first, pair.second)) continue;
    if (pair.first != "type" && pair.first != "ref" && pair.first != directory_key && pair.first != "tag")
      return NotSupportedYet(absl::StrCat("--", option, " ", field));
    fields[pair.first] = std::move(pair.second);
  }
  const std::string type = fields.count("type") != 0 ? fields["type"] : "registry";
  if (type == "registry") {
    if (fields["ref"].empty()) return OptionError(option, text, "it has no ref=NAME");
    return fields["ref"];
  }
  if (type != "local") return NotSupportedYet(absl::StrCat("--", option, " type=", type));
  if (fields[directory_key].empty())
    return OptionError(option, text, absl::StrCat("it has no ", directory_key, "=DIR"));
  return absl::StrCat("oci:", fields[directory_key], ":", fields["tag"].empty() ? kLocalTag : fields["tag"]);
}

}  // namespace

absl::StatusOr<BuildCachePlaces> ReadBuildCachePlaces(const ParsedCommand& parsed) {
  BuildCachePlaces places;
  for (const std::string& text : parsed.GetList("cache-from")) {
    ASSIGN_OR_RETURN(places.from.emplace_back(), ParsePlace("cache-from", text, "src"));
  }
  for (const std::string& text : parsed.GetList("cache-to")) {
    if (text == "type=inline" || absl::StartsWith(text, "type=inline,")) {
      places.is_inline = true;
      continue;
    }
    ASSIGN_OR_RETURN(std::string place, ParsePlace("cache-to", text, "dest"));
    if (!absl::StrContains(place, "://") && !absl::StartsWith(place, "oci:"))
      place = absl::StrCat("docker://", place);
    places.to.push_back(std::move(place));
  }
  return places;
}

void FetchBuildCaches(engine::Engine& engine, engine::TransferContext& transfer,
                      const BuildCachePlaces& places, build::BuildProgress& progress) {
  for (const std::string& place : places.from) {
    const auto taken = engine::ImportBuildCache(engine, transfer, place);
    if (!taken.ok())
      progress.Warn(absl::StrCat("--cache-from ", place, ": ", StatusLine(taken.status()), ", ignoring it"));
  }
}

absl::Status SendBuildCaches(engine::Engine& engine, engine::TransferContext& transfer,
                             const BuildCachePlaces& places, const std::vector<build::KeptStep>& steps) {
  for (const std::string& place : places.to) {
    // Nothing was run: an image without steps is its base.
    if (steps.empty()) continue;
    RETURN_IF_ERROR(engine::ExportBuildCache(engine, transfer, steps, place), "--cache-to ", place);
  }
  return absl::OkStatus();
}

}  // namespace coracle::cli
