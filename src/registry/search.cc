#include "registry/search.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status.h"
#include "oci/json_codec.h"

namespace coracle::registry {
template <typename Codec>
void Members(Codec& codec, SearchHit& hit) {
  codec.Required("name", hit.name);
  codec.Member("description", hit.description);
  codec.Member("star_count", hit.stars);
  codec.Member("is_official", hit.official);
  codec.Member("is_automated", hit.automated);
}

namespace {

struct Answer {
  std::vector<SearchHit> results;
};
template <typename Codec>
void Members(Codec& codec, Answer& answer) {
  codec.Required("results", answer.results);
}

std::string QueryEscaped(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || absl::StrContains("-._~", c)) {
      escaped += c;
    } else {
      constexpr char kHex[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return escaped;
}

}  // namespace

absl::StatusOr<std::vector<SearchHit>> ParseSearchAnswer(absl::string_view text) {
  ASSIGN_OR_RETURN(const Json document, ParseJson(text), "answer to the search");
  Answer answer;
  RETURN_IF_ERROR(oci::JsonReader(document, "answer to the search", oci::JsonLimits{}).ReadDocument(answer));
  return std::move(answer.results);
}

std::vector<SearchHit> SearchCatalog(const std::vector<std::string>& repositories, absl::string_view term) {
  std::vector<SearchHit> hits;
  for (const std::string& repository : repositories) {
    if (!absl::StrContains(repository, term)) continue;
    SearchHit hit;
    hit.name = repository;
    hits.insert(repository == term ? hits.begin() : hits.end(), std::move(hit));
  }
  return hits;
}

absl::StatusOr<std::vector<SearchHit>> Search(Client& search, Client& catalog, absl::string_view term,
                                              size_t limit) {
  if (!term.empty()) {
    const auto answer =
        search.Get(absl::StrCat("/v1/search?q=", QueryEscaped(term), "&n=", limit), kMaxSearchAnswer);
    if (answer.ok()) {
      auto hits = ParseSearchAnswer(*answer);
      // A page of another kind is no search either.
      if (hits.ok()) {
        hits->resize(std::min(hits->size(), limit));
        return hits;
      }
    }
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> repositories, catalog.Catalog());
  std::vector<SearchHit> hits = SearchCatalog(repositories, term);
  hits.resize(std::min(hits.size(), limit));
  return hits;
}

}  // namespace coracle::registry
