#include "registry/locate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace coracle::registry {
namespace {

using oci::ImageReference;

constexpr size_t kNoMatch = static_cast<size_t>(-1);

absl::string_view HostOf(absl::string_view domain) {
  const size_t colon = domain.rfind(':');
  if (colon == absl::string_view::npos || domain.find(']', colon) != absl::string_view::npos) return domain;
  return domain.substr(0, colon);
}

// How many characters of `name`, a full reference or a domain, `prefix` stands for; kNoMatch if for none.
// A prefix without port does not stand for the same host with one.
size_t MatchLength(absl::string_view name, absl::string_view prefix) {
  const absl::string_view domain = name.substr(0, name.find('/'));
  absl::string_view suffix = prefix;
  if (absl::ConsumePrefix(&suffix, "*")) {
    const absl::string_view host = HostOf(domain);
    return host.size() > suffix.size() && absl::EndsWith(host, suffix) ? domain.size() : kNoMatch;
  }
  if (!absl::StartsWith(name, prefix)) return kNoMatch;
  if (prefix.size() == name.size()) return prefix.size();
  const char next = name[prefix.size()];
  const bool in_domain = prefix.size() < domain.size();
  return !in_domain && (next == '/' || next == ':' || next == '@') ? prefix.size() : kNoMatch;
}

// The rule with the longest prefix; a host by itself goes before the wildcards that match it.
const RegistryRule* FindRule(const RegistriesConfig& config, absl::string_view name) {
  const RegistryRule* best = nullptr;
  for (const RegistryRule& rule : config.rules) {
    if (MatchLength(name, rule.prefix) == kNoMatch) continue;
    if (best == nullptr || rule.prefix.size() > best->prefix.size()) best = &rule;
  }
  return best;
}

bool IsLoopback(absl::string_view domain) {
  const absl::string_view host = HostOf(domain);
  return host == "localhost" || host == "[::1]" ||
         (absl::StartsWith(host, "127.") &&
          std::all_of(host.begin(), host.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); }));
}

absl::StatusOr<ImageReference> Rewritten(const ImageReference& reference, absl::string_view prefix,
                                         absl::string_view location) {
  const std::string name = reference.str();
  const size_t matched = MatchLength(name, prefix);
  if (location.empty() || location == prefix) return reference;
  const std::string moved = absl::StrCat(location, absl::string_view(name).substr(matched));
  ASSIGN_OR_RETURN(const ImageReference parsed, ImageReference::Parse(moved), "location of ", name, ": ",
                   moved);
  return parsed;
}

absl::Status CheckNotBlocked(const RegistryRule& rule, const ImageReference& reference) {
  if (!rule.blocked) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(reference.familiar(), ": registry ", rule.prefix, " is blocked in ", rule.file));
}

bool ServesFromMirror(const MirrorRule& mirror, const ImageReference& reference) {
  if (mirror.pull_from == PullFrom::kAll) return true;
  return (mirror.pull_from == PullFrom::kDigestOnly) == !reference.digest().empty();
}

std::string TagAndDigest(const ImageReference& reference) {
  return absl::StrCat(reference.tag().empty() ? "" : ":", reference.tag(),
                      reference.digest().empty() ? "" : "@", reference.digest().str());
}

}  // namespace

absl::StatusOr<std::vector<Location>> LocateForPull(const RegistriesConfig& config,
                                                    const ImageReference& reference) {
  const RegistryRule* rule = FindRule(config, reference.str());
  if (rule == nullptr) {
    return std::vector<Location>{{reference, IsLoopback(reference.domain()), /*mirror=*/false}};
  }
  RETURN_IF_ERROR(CheckNotBlocked(*rule, reference));
  std::vector<Location> locations;
  for (const MirrorRule& mirror : rule->mirrors) {
    if (!ServesFromMirror(mirror, reference)) continue;
    ASSIGN_OR_RETURN(ImageReference moved, Rewritten(reference, rule->prefix, mirror.location));
    locations.push_back({std::move(moved), mirror.insecure, /*mirror=*/true});
  }
  ASSIGN_OR_RETURN(ImageReference moved, Rewritten(reference, rule->prefix, rule->location));
  locations.push_back({std::move(moved), rule->insecure, /*mirror=*/false});
  return locations;
}

absl::StatusOr<Location> LocateForPush(const RegistriesConfig& config, const ImageReference& reference) {
  const RegistryRule* rule = FindRule(config, reference.str());
  if (rule == nullptr) return Location{reference, IsLoopback(reference.domain()), /*mirror=*/false};
  RETURN_IF_ERROR(CheckNotBlocked(*rule, reference));
  return Location{reference, rule->insecure, /*mirror=*/false};
}

bool IsInsecureHost(const RegistriesConfig& config, absl::string_view domain) {
  const RegistryRule* rule = FindRule(config, domain);
  return rule != nullptr ? rule->insecure : IsLoopback(domain);
}

absl::StatusOr<ResolvedName> ResolveName(const RegistriesConfig& config, absl::string_view text,
                                         bool interactive) {
  ASSIGN_OR_RETURN(const ImageReference plain, ImageReference::Parse(text));
  ResolvedName resolved;
  if (!oci::IsShortName(text)) {
    resolved.candidates.push_back(plain.WithTagOrDefault());
    return resolved;
  }
  // As it was typed, without tag and digest: "library/" is docker.io's, not the user's.
  ASSIGN_OR_RETURN(const ImageReference local, ImageReference::ParseLocal(text));
  const std::string& name = local.path();
  const auto in = [&](absl::string_view repository) {
    return ImageReference::Parse(absl::StrCat(repository, TagAndDigest(local)));
  };
  if (const auto alias = config.aliases.find(name); alias != config.aliases.end()) {
    ASSIGN_OR_RETURN(const ImageReference meant, in(alias->second), "alias ", name);
    resolved.candidates.push_back(meant.WithTagOrDefault());
    return resolved;
  }
  if (!config.search_registries.has_value()) {
    resolved.candidates.push_back(plain.WithTagOrDefault());
    return resolved;
  }
  if (config.search_registries->empty()) {
    return WithHint(absl::FailedPreconditionError(absl::StrCat(
                        plain.familiar(), ": is a short name, and unqualified-search-registries is empty")),
                    absl::StrCat("give the full name, such as ", plain.str()));
  }
  for (const std::string& registry : *config.search_registries) {
    ASSIGN_OR_RETURN(const ImageReference candidate, in(absl::StrCat(registry, "/", name)));
    resolved.candidates.push_back(candidate.WithTagOrDefault());
  }
  if (resolved.candidates.size() == 1 || config.short_name_mode == ShortNameMode::kDisabled) return resolved;
  if (interactive) {
    resolved.ask = true;
  } else if (config.short_name_mode == ShortNameMode::kEnforcing) {
    return WithHint(
        absl::FailedPreconditionError(absl::StrCat(
            plain.familiar(), ": may be any of ",
            absl::StrJoin(resolved.candidates, ", ",
                          [](std::string* out, const ImageReference& r) { absl::StrAppend(out, r.str()); }),
            ", and short-name-mode is enforcing")),
        "give the full name");
  }
  return resolved;
}

}  // namespace coracle::registry
