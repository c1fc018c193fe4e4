// search: images in registries, or the tags of one.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error_context.h"
#include "base/filter.h"
#include "base/status.h"
#include "base/table.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/registry_options.h"
#include "oci/reference.h"
#include "registry/search.h"

namespace coracle::cli {
namespace {

using registry::SearchHit;

constexpr absl::string_view kFilterKeys[] = {"is-automated", "is-official", "stars"};
constexpr absl::string_view kColumns = "{{.Name}}\t{{.Description}}";
constexpr absl::string_view kCompatibleColumns =
    "{{.Name}}\t{{.Description}}\t{{.Stars}}\t{{.Official}}\t{{.Automated}}";
constexpr absl::string_view kTagColumns = "{{.Name}}\t{{.Tag}}";
constexpr size_t kShownDescription = 44;
// docker.io has a host of its own for searches.
constexpr char kDockerSearchHost[] = "index.docker.io";

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

struct SearchFilter {
  int64_t stars = 0;
  std::optional<bool> official, automated;
};

absl::StatusOr<std::optional<bool>> ReadBool(const Filters& filters, absl::string_view key) {
  std::optional<bool> wanted;
  for (const std::string& value : filters.Values(key)) {
    bool ok = false;
    wanted = ParseBoolWord(value, ok);
    if (!ok) return Refuse(absl::StrCat("--filter ", key, "=", value, ": expected true or false"));
  }
  return wanted;
}

absl::StatusOr<SearchFilter> ReadFilter(const ParsedCommand& parsed) {
  std::vector<std::string> terms = parsed.GetList("filter");
  for (std::string& term : terms) {
    if (term == "is-official" || term == "is-automated") term += "=true";
  }
  auto filters = Filters::Parse(terms, kFilterKeys);
  if (!filters.ok()) return WithExitCode(filters.status(), 125);
  SearchFilter filter;
  for (const std::string& value : filters->Values("stars")) {
    if (!absl::SimpleAtoi(value, &filter.stars) || filter.stars < 0) {
      return Refuse(absl::StrCat("--filter stars=", value, ": expected a number"));
    }
  }
  ASSIGN_OR_RETURN(filter.official, ReadBool(*filters, "is-official"));
  ASSIGN_OR_RETURN(filter.automated, ReadBool(*filters, "is-automated"));
  return filter;
}

bool Matches(const SearchFilter& filter, const SearchHit& hit) {
  return hit.stars >= filter.stars && filter.official.value_or(hit.official) == hit.official &&
         filter.automated.value_or(hit.automated) == hit.automated;
}

absl::StatusOr<size_t> ReadLimit(const ParsedCommand& parsed) {
  const int64_t limit = parsed.GetInt("limit");
  if (limit < 0 || limit > 100) return Refuse(absl::StrCat("--limit ", limit, ": expected 1 to 100"));
  return limit == 0 ? 25 : static_cast<size_t>(limit);
}

// The registries to ask, and the term without the one that it names. Not the parser of references: a term may
// be any text.
struct Question {
  std::vector<std::string> registries;
  std::string term;
};
Question ReadTerm(const registry::Access& access, const std::string& text) {
  if (const size_t slash = text.find('/'); slash != std::string::npos && !oci::IsShortName(text)) {
    return {{text.substr(0, slash)}, text.substr(slash + 1)};
  }
  const auto& search = access.config().search_registries;
  if (search.has_value() && !search->empty()) return {*search, text};
  return {{oci::kDefaultDomain}, text};
}

std::string Shortened(const std::string& text, bool whole) {
  std::string line = text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  if (whole || line.size() <= kShownDescription) return line;
  size_t end = kShownDescription;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end;  // not within a character
  return line.substr(0, end) + "...";
}

// `domain` is host[:port] of the registry as its images are named by.
absl::StatusOr<std::vector<SearchHit>> SearchIn(registry::Access& access, const std::string& domain,
                                                const std::string& term, size_t limit) {
  ASSIGN_OR_RETURN(const oci::ImageReference probe, oci::ImageReference::Parse(absl::StrCat(domain, "/x")));
  const registry::Location location{probe, access.IsInsecure(domain), /*mirror=*/false};
  ASSIGN_OR_RETURN(registry::Client* const client, access.Connect(location));
  if (domain != oci::kDefaultDomain) return registry::Search(*client, *client, term, limit);
  ASSIGN_OR_RETURN(const std::unique_ptr<registry::Client> hub,
                   access.ConnectAs(kDockerSearchHost, location.insecure, {}));
  return registry::Search(*hub, *client, term, limit);
}

Json Row(const std::string& domain, const SearchHit& hit, bool whole) {
  const bool library = domain == oci::kDefaultDomain && !absl::StrContains(hit.name, '/');
  Json row = Json::object();
  row["Index"] = domain;
  row["Name"] = absl::StrCat(domain, "/", library ? "library/" : "", hit.name);
  row["Description"] = Shortened(hit.description, whole);
  row["Stars"] = hit.stars;
  row["Official"] = hit.official ? "[OK]" : "";
  row["Automated"] = hit.automated ? "[OK]" : "";
  row["Tag"] = "";
  return row;
}

absl::Status ListTags(Invocation& invocation, registry::Access& access, size_t limit) {
  const ParsedCommand& parsed = invocation.parsed();
  ASSIGN_OR_RETURN(const registry::ResolvedName name,
                   access.Resolve(invocation.args()[0], /*interactive=*/false));
  const oci::ImageReference image = name.candidates[0].WithoutTagAndDigest();
  ASSIGN_OR_RETURN(const std::vector<registry::Location> locations, access.ForPull(image));
  ASSIGN_OR_RETURN(registry::Client* const client, access.Connect(locations.back()));
  ASSIGN_OR_RETURN(std::vector<std::string> tags, client->Tags(locations.back().reference.path()));
  tags.resize(std::min(tags.size(), limit));
  const std::string format = parsed.GetString("format");
  std::vector<Json> rows;
  if (format == "json") {
    rows.push_back(Json{{"Name", image.name()}, {"Tags", tags}});
  } else {
    for (const std::string& tag : tags) rows.push_back(Json{{"Name", image.name()}, {"Tag", tag}});
  }
  const ListingFormat listing{{}, kTagColumns, "{{.Tag}}"};
  ASSIGN_OR_RETURN(const std::string text, RenderListing(listing, {format}, rows));
  invocation.out().Write(text);
  return absl::OkStatus();
}

absl::Status SearchAll(Invocation& invocation, registry::Access& access, size_t limit) {
  const ParsedCommand& parsed = invocation.parsed();
  ASSIGN_OR_RETURN(const SearchFilter filter, ReadFilter(parsed));
  const Question question = ReadTerm(access, invocation.args()[0]);
  std::vector<Json> rows;
  std::vector<absl::Status> failed;
  for (const std::string& domain : question.registries) {
    const auto hits = SearchIn(access, domain, question.term, limit);
    if (!hits.ok()) {
      failed.push_back(AnnotateNaming(hits.status(), absl::StrCat("search ", domain), domain));
      continue;
    }
    for (const SearchHit& hit : *hits) {
      if (Matches(filter, hit)) rows.push_back(Row(domain, hit, parsed.GetBool("no-trunc")));
    }
  }
  // One of several that does not answer does not hide what the others found.
  if (failed.size() == question.registries.size()) return failed[0];
  for (const absl::Status& status : failed) PrintWarning(absl::StrCat(StatusLine(status), ", ignoring"));
  const ListingFormat listing{{}, parsed.GetBool("compatible") ? kCompatibleColumns : kColumns, "{{.Name}}"};
  ASSIGN_OR_RETURN(const std::string text, RenderListing(listing, {parsed.GetString("format")}, rows));
  invocation.out().Write(text);
  return absl::OkStatus();
}

absl::Status Run(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  ASSIGN_OR_RETURN(const size_t limit, ReadLimit(parsed));
  ASSIGN_OR_RETURN(registry::Access access, OpenAccess(parsed));
  const bool tags = parsed.GetBool("list-tags");
  if (tags && parsed.WasSet("filter")) return Refuse("--filter and --list-tags exclude each other");
  const absl::Status status =
      tags ? ListTags(invocation, access, limit) : SearchAll(invocation, access, limit);
  PrintAccessWarnings(access);
  return status;
}

}  // namespace

int CmdSearch(Invocation& invocation) { return invocation.Fail(Run(invocation)); }

}  // namespace coracle::cli
