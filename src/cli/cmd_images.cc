// images.
#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/filter.h"
#include "base/status.h"
#include "base/table.h"
#include "base/time_format.h"
#include "cli/commands.h"
#include "cli/image_json.h"
#include "cli/image_use.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "oci/image_config.h"

namespace coracle::cli {
namespace {

using image::ImageInfo;

constexpr Heading kHeadings[] = {{"ID", "IMAGE ID"}, {"Id", "IMAGE ID"}, {"CreatedSince", "CREATED"}};
constexpr absl::string_view kColumns = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Created}}\t{{.Size}}";
constexpr absl::string_view kColumnsWithDigest =
    "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.Created}}\t{{.Size}}";
constexpr absl::string_view kFilterKeys[] = {"before",    "dangling", "id",   "label",
                                             "reference", "since",    "until"};

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

struct ImageFilter {
  Filters terms;
  std::optional<int64_t> before, after;
};

absl::StatusOr<ImageFilter> ReadFilter(const ParsedCommand& parsed, const engine::Engine& engine) {
  ImageFilter filter;
  auto terms = Filters::Parse(parsed.GetList("filter"), kFilterKeys);
  if (!terms.ok()) return WithExitCode(terms.status(), 125);
  filter.terms = *std::move(terms);
  for (const std::string& value : filter.terms.Values("dangling")) {
    if (value != "true" && value != "false")
      return Refuse(absl::StrCat("--filter dangling=", value, ": expected true or false"));
  }
  for (const std::string& name : filter.terms.Values("before")) {
    ASSIGN_OR_RETURN(const ImageInfo info, image::Find(engine.store, name));
    filter.before = info.record.created_unix_nanos();
  }
  for (const std::string& name : filter.terms.Values("since")) {
    ASSIGN_OR_RETURN(const ImageInfo info, image::Find(engine.store, name));
    filter.after = info.record.created_unix_nanos();
  }
  for (const std::string& text : filter.terms.Values("until")) {
    auto time = ParseTimeReference(text, absl::Now(), absl::LocalTimeZone());
    if (!time.ok()) return WithExitCode(Annotate(time.status(), "--filter until"), 125);
    filter.before = absl::ToUnixNanos(*time);
  }
  return filter;
}

Json Labels(const engine::Engine& engine, const ImageInfo& info) {
  Json labels = Json::object();
  const auto text = image::ReadConfig(engine.store, info.record);
  if (!text.ok()) return labels;
  const auto config = oci::ParseImageConfig(*text);
  if (!config.ok()) return labels;
  for (const auto& [key, value] : config->config.labels) labels[key] = value;
  return labels;
}

// "debian", "debian:12", "localhost/debian", with * as in a shell.
bool NameMatches(absl::string_view pattern, const ImageInfo& info) {
  const std::string wanted(pattern);
  return std::any_of(info.names.begin(), info.names.end(), [&](const std::string& name) {
    const std::string repository = name.substr(0, name.rfind(':'));
    for (const std::string& candidate : {name, repository}) {
      absl::string_view shorter = candidate;
      while (true) {
        if (shorter == wanted || MatchesPattern(wanted, shorter)) {
          if (shorter == wanted || absl::StrContains(wanted, '*')) return true;
        }
        const size_t slash = shorter.find('/');
        if (slash == absl::string_view::npos) break;
        shorter.remove_prefix(slash + 1);
      }
    }
    return false;
  });
}

bool Matches(const ImageFilter& filter, const engine::Engine& engine, const ImageInfo& info) {
  const Filters& terms = filter.terms;
  if (filter.before.has_value() && info.record.created_unix_nanos() >= *filter.before) return false;
  if (filter.after.has_value() && info.record.created_unix_nanos() <= *filter.after) return false;
  if (!terms.MatchValue("dangling", info.names.empty() ? "true" : "false")) return false;
  if (!terms.Match("id", [&](absl::string_view id) {
        return absl::StartsWith(info.record.id(), absl::StripPrefix(id, "sha256:"));
      }))
    return false;
  if (!terms.Match("reference", [&](absl::string_view pattern) { return NameMatches(pattern, info); }))
    return false;
  return !terms.Has("label") || terms.MatchLabels(Labels(engine, info));
}

absl::Status Sort(const std::string& field, std::vector<Json>& rows, std::vector<ImageInfo>& images) {
  if (field == "created") {
    std::stable_sort(images.begin(), images.end(), [](const ImageInfo& a, const ImageInfo& b) {
      return a.record.created_unix_nanos() > b.record.created_unix_nanos();
    });
    return absl::OkStatus();
  }
  if (field == "size") {
    std::stable_sort(images.begin(), images.end(), [](const ImageInfo& a, const ImageInfo& b) {
      return a.record.size_bytes() < b.record.size_bytes();
    });
    return absl::OkStatus();
  }
  const std::string key = field == "repository" ? "Repository"
                          : field == "tag"      ? "Tag"
                          : field == "id"       ? "ID"
                                                : "";
  if (key.empty())
    return Refuse(absl::StrCat("--sort ", field, ": expected created, id, repository, size or tag"));
  std::stable_sort(rows.begin(), rows.end(), [&key](const Json& a, const Json& b) {
    return a[key].get<std::string>() < b[key].get<std::string>();
  });
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ImageInfo>> Choose(Invocation& invocation, engine::Engine& engine) {
  ASSIGN_OR_RETURN(const ImageFilter filter, ReadFilter(invocation.parsed(), engine));
  ASSIGN_OR_RETURN(std::vector<ImageInfo> images, image::List(engine.store));
  std::vector<ImageInfo> chosen;
  for (ImageInfo& info : images) {
    if (!invocation.args().empty() && !NameMatches(invocation.args()[0], info)) continue;
    if (Matches(filter, engine, info)) chosen.push_back(std::move(info));
  }
  return chosen;
}

absl::Status Show(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(std::vector<ImageInfo> images, Choose(invocation, engine));
  const ListingOptions options{parsed.GetString("format"), parsed.GetBool("quiet"),
                               parsed.GetBool("noheading")};
  const absl::string_view columns = parsed.GetBool("digests") ? kColumnsWithDigest : kColumns;
  // Never freed: of a thousand rows that would cost a tenth of the command, which ends here.
  static auto* const kept = new std::vector<Json>;
  std::vector<Json>& rows = *kept;
  RETURN_IF_ERROR(Sort(parsed.GetString("sort"), rows, images));
  if (options.format == "json") {
    ASSIGN_OR_RETURN(const auto used, ImagesInUse(engine));
    for (const ImageInfo& info : images) {
      const bool in_use = std::any_of(used.begin(), used.end(),
                                      [&info](const auto& u) { return u.first == info.record.id(); });
      rows.push_back(ImagesJson(info, in_use));
    }
  } else {
    const bool own_format = !options.format.empty() && options.format != "table";
    const ListedFields fields(own_format ? absl::string_view(options.format) : columns);
    for (ImageInfo& info : images) {
      // --quiet lists ids, each once.
      if (options.quiet && info.names.size() > 1) info.names.resize(1);
      std::vector<Json> own = ImageRows(info, !parsed.GetBool("no-trunc"), fields);
      std::move(own.begin(), own.end(), std::back_inserter(rows));
    }
    RETURN_IF_ERROR(Sort(parsed.GetString("sort"), rows, images));
  }
  const ListingFormat listing{kHeadings, columns, "{{.ID}}", {}, {}};
  ASSIGN_OR_RETURN(const std::string text, RenderListing(listing, options, rows));
  invocation.out().Write(text);
  return absl::OkStatus();
}

}  // namespace

int CmdImages(Invocation& invocation) { return invocation.Fail(Show(invocation)); }

}  // namespace coracle::cli
