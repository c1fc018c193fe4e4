#include "oci/reference.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::oci {
namespace {

constexpr char kOfficialPrefix[] = "library/";
constexpr size_t kMaxTag = 128;

bool IsLowerAlnum(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }
bool IsWord(char c) { return absl::ascii_isalnum(c) || c == '_'; }

absl::Status InvalidFormat(absl::string_view detail = "") {
  return absl::InvalidArgumentError(
      absl::StrCat("invalid reference format", detail.empty() ? "" : ": ", Printable(detail)));
}

// alnum (separator alnum)*, where a separator is one of . _ __ or any number of -.
bool IsPathComponent(absl::string_view text) {
  size_t i = 0;
  while (true) {
    const size_t start = i;
    while (i < text.size() && IsLowerAlnum(text[i])) ++i;
    if (i == start) return false;
    if (i == text.size()) return true;
    const size_t separator = i;
    while (i < text.size() && text[i] == text[separator] && !IsLowerAlnum(text[i])) ++i;
    const size_t length = i - separator;
    const char c = text[separator];
    if (!(c == '-' || (c == '_' && length <= 2) || (c == '.' && length == 1))) return false;
  }
}

// A label of a domain name: letters, digits and inner dashes.
bool IsDomainLabel(absl::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isalnum(c) || c == '-'; });
}

// host or host:port; the host may be an IPv6 address in brackets.
bool IsDomain(absl::string_view text) {
  absl::string_view host = text;
  absl::string_view port = "0";
  if (absl::StartsWith(text, "[")) {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos || end == 1) return false;
    if (text.substr(1, end - 1).find_first_not_of("0123456789abcdefABCDEF:") != absl::string_view::npos)
      return false;
    host = absl::string_view();
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return false;
      port = text.substr(end + 2);
    }
  } else if (const size_t colon = text.find(':'); colon != absl::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.empty()) return false;
  }
  if (port.empty() || port.find_first_not_of("0123456789") != absl::string_view::npos) return false;
  if (host.empty()) return absl::StartsWith(text, "[");
  for (const absl::string_view label : absl::StrSplit(host, '.')) {
    if (!IsDomainLabel(label)) return false;
  }
  return true;
}

bool IsTag(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxTag && IsWord(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsWord(c) || c == '.' || c == '-'; });
}

bool IsPath(absl::string_view text) {
  for (const absl::string_view component : absl::StrSplit(text, '/')) {
    if (!IsPathComponent(component)) return false;
  }
  return true;
}

bool HasUpper(absl::string_view text) { return std::any_of(text.begin(), text.end(), absl::ascii_isupper); }

// The length of the domain at the start of `text`; npos if its first component is not one.
size_t DomainLength(absl::string_view text) {
  const size_t slash = text.find('/');
  if (slash == absl::string_view::npos) return slash;
  const absl::string_view first = text.substr(0, slash);
  const bool is_domain =
      first.find_first_of(".:") != absl::string_view::npos || first == kLocalDomain || HasUpper(first);
  return is_domain ? slash : absl::string_view::npos;
}

}  // namespace

absl::StatusOr<ImageReference> ImageReference::ParseIn(absl::string_view text,
                                                       absl::string_view default_domain) {
  ImageReference reference;
  absl::string_view rest = text;
  if (rest.size() == 64 && IsLowerHex(rest)) {
    return absl::InvalidArgumentError(
        absl::StrCat("invalid repository name (", text, "), cannot specify 64-byte hexadecimal strings"));
  }
  if (const size_t at = rest.find('@'); at != absl::string_view::npos) {
    ASSIGN_OR_RETURN(reference.digest_, Digest::Parse(rest.substr(at + 1)), "invalid reference format");
    rest = rest.substr(0, at);
  }
  if (const size_t slash = DomainLength(rest); slash != absl::string_view::npos) {
    reference.domain_ = std::string(rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
  } else {
    reference.domain_ = std::string(default_domain);
  }
  if (reference.domain_ == "index.docker.io") reference.domain_ = kDefaultDomain;
  if (const size_t colon = rest.find(':'); colon != absl::string_view::npos) {
    reference.tag_ = std::string(rest.substr(colon + 1));
    rest = rest.substr(0, colon);
    if (!IsTag(reference.tag_)) return InvalidFormat();
  }
  const bool official =
      reference.domain_ == kDefaultDomain && rest.find('/') == absl::string_view::npos && !rest.empty();
  reference.path_ = absl::StrCat(official ? kOfficialPrefix : "", rest);
  if (HasUpper(rest)) {
    return InvalidFormat(absl::StrCat("repository name (", reference.path_, ") must be lowercase"));
  }
  if (!IsDomain(reference.domain_) || !IsPath(reference.path_)) return InvalidFormat();
  if (reference.domain_.size() + 1 + reference.path_.size() > kMaxRepositoryName) {
    return absl::InvalidArgumentError(
        absl::StrCat("repository name must not be more than ", kMaxRepositoryName, " characters"));
  }
  return reference;
}

absl::StatusOr<ImageReference> ImageReference::Parse(absl::string_view text) {
  return ParseIn(text, kDefaultDomain);
}

absl::StatusOr<ImageReference> ImageReference::ParseLocal(absl::string_view text) {
  return ParseIn(text, kLocalDomain);
}

absl::string_view ImageReference::host() const {
  const absl::string_view domain = domain_;
  const size_t colon = domain.rfind(':');
  // Inside brackets the colons belong to the address.
  if (colon == absl::string_view::npos || domain.find(']', colon) != absl::string_view::npos) return domain;
  return domain.substr(0, colon);
}

absl::string_view ImageReference::port() const {
  absl::string_view rest = absl::string_view(domain_).substr(host().size());
  absl::ConsumePrefix(&rest, ":");
  return rest;
}

std::string ImageReference::name() const { return absl::StrCat(domain_, "/", path_); }

std::string ImageReference::str() const {
  return absl::StrCat(name(), tag_.empty() ? "" : ":", tag_, digest_.empty() ? "" : "@", digest_.str());
}

std::string ImageReference::familiar_name() const {
  if (domain_ != kDefaultDomain) return name();
  absl::string_view shorter = path_;
  if (absl::ConsumePrefix(&shorter, kOfficialPrefix) && shorter.find('/') == absl::string_view::npos &&
      !(shorter.size() == 64 && IsLowerHex(shorter))) {
    return std::string(shorter);
  }
  // "docker.io/foo.bar/baz" without its domain would have another one. "docker.io/library/..." stays
  // readable.
  return DomainLength(path_) == absl::string_view::npos ? path_ : name();
}

std::string ImageReference::familiar() const {
  return absl::StrCat(familiar_name(), tag_.empty() ? "" : ":", tag_, digest_.empty() ? "" : "@",
                      digest_.str());
}

ImageReference ImageReference::WithoutTagAndDigest() const {
  ImageReference result = *this;
  result.tag_.clear();
  result.digest_ = Digest();
  return result;
}

ImageReference ImageReference::WithTagOrDefault() const {
  ImageReference result = *this;
  if (tag_.empty() && digest_.empty()) result.tag_ = kDefaultTag;
  return result;
}

absl::StatusOr<ImageReference> ImageReference::WithTag(absl::string_view tag) const {
  if (!IsTag(tag)) return InvalidFormat(absl::StrCat("tag \"", tag, "\""));
  ImageReference result = *this;
  result.tag_ = std::string(tag);
  return result;
}

ImageReference ImageReference::WithDigest(const Digest& digest) const {
  ImageReference result = *this;
  result.digest_ = digest;
  return result;
}

bool IsShortName(absl::string_view text) { return DomainLength(text) == absl::string_view::npos; }

absl::StatusOr<std::vector<ImageReference>> LocalCandidates(absl::string_view text) {
  std::vector<ImageReference> candidates;
  if (IsShortName(text)) {
    ASSIGN_OR_RETURN(const ImageReference local, ImageReference::ParseLocal(text));
    candidates.push_back(local.WithTagOrDefault());
  }
  ASSIGN_OR_RETURN(const ImageReference full, ImageReference::Parse(text));
  candidates.push_back(full.WithTagOrDefault());
  return candidates;
}

std::optional<std::string> AsIdPrefix(absl::string_view text) {
  absl::ConsumePrefix(&text, "sha256:");
  if (text.empty() || text.size() > 64 || !IsLowerHex(text)) return std::nullopt;
  return std::string(text);
}

}  // namespace coracle::oci
