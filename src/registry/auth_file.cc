#include "registry/auth_file.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "oci/reference.h"

namespace coracle::registry {
namespace {

constexpr char kAuths[] = "auths";
constexpr char kHelpers[] = "credHelpers";
constexpr char kStore[] = "credsStore";

std::string Text(const Json& object, absl::string_view key) {
  const Json* member = Find(object, key);
  return member != nullptr && member->is_string() ? member->get<std::string>() : "";
}

bool IsDockerHub(absl::string_view host) {
  return host == oci::kDefaultDomain || host == "index.docker.io" || host == "registry-1.docker.io";
}

absl::Status BadEntry(absl::string_view key, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("auths: ", Printable(key), ": ", why));
}

absl::StatusOr<Credentials> ReadEntry(absl::string_view key, const Json& entry) {
  if (!entry.is_object()) return BadEntry(key, "not an object");
  Credentials credentials;
  credentials.username = Text(entry, "username");
  credentials.password = Text(entry, "password");
  credentials.identity_token = Text(entry, "identitytoken");
  const std::string encoded = Text(entry, "auth");
  if (encoded.empty()) return credentials;
  std::string decoded;
  if (!absl::Base64Unescape(encoded, &decoded)) return BadEntry(key, "auth is not base64");
  const size_t colon = decoded.find(':');
  if (colon == std::string::npos) return BadEntry(key, "auth has no user and password");
  credentials.username = decoded.substr(0, colon);
  credentials.password = decoded.substr(colon + 1);
  // Old versions of docker padded with NUL.
  while (absl::EndsWith(credentials.password, absl::string_view("\0", 1))) credentials.password.pop_back();
  return credentials;
}

}  // namespace

std::string HostOfAuthKey(absl::string_view key) { return std::string(key.substr(0, key.find('/'))); }

std::string NormalAuthKey(absl::string_view key) {
  const bool url = absl::ConsumePrefix(&key, "https://") || absl::ConsumePrefix(&key, "http://");
  while (absl::ConsumeSuffix(&key, "/")) {
  }
  const std::string host = HostOfAuthKey(key);
  const absl::string_view path = url ? absl::string_view() : key.substr(host.size());
  if (!IsDockerHub(host)) return absl::StrCat(host, path);
  return absl::StrCat(oci::kDefaultDomain, path == "/v1" || path == "/v2" ? "" : path);
}

std::vector<std::string> AuthKeysFor(absl::string_view name) {
  std::vector<std::string> keys;
  while (true) {
    keys.emplace_back(name);
    const size_t slash = name.rfind('/');
    if (slash == absl::string_view::npos) return keys;
    name = name.substr(0, slash);
  }
}

absl::StatusOr<AuthFile> AuthFile::Parse(absl::string_view text, bool legacy) {
  AuthFile file;
  // An empty file is what `touch` and some provisioning leaves; it says nothing.
  if (text.find_first_not_of(" \t\r\n") == absl::string_view::npos) return file;
  ASSIGN_OR_RETURN(Json document, ParseJson(text));
  if (!document.is_object()) return absl::InvalidArgumentError("is no JSON object");
  if (legacy) {
    file.document_[kAuths] = std::move(document);
    return file;
  }
  for (const char* name : {kAuths, kHelpers}) {
    const Json* member = Find(document, name);
    if (member == nullptr || member->is_object()) continue;
    if (!member->is_null()) return absl::InvalidArgumentError(absl::StrCat(name, ": not an object"));
    document.erase(name);
  }
  file.document_ = std::move(document);
  return file;
}

std::string AuthFile::Dump() const {
  // One tab a level, as docker writes it: DumpJson indents by spaces only.
  return absl::StrCat(document_.dump(1, '\t', /*ensure_ascii=*/false, Json::error_handler_t::replace), "\n");
}

Json* AuthFile::Auths(bool create) {
  if (create && Find(document_, kAuths) == nullptr) document_[kAuths] = Json::object();
  return const_cast<Json*>(Find(document_, kAuths));
}
const Json* AuthFile::Auths() const { return Find(document_, kAuths); }

absl::StatusOr<std::optional<Credentials>> AuthFile::Get(absl::string_view key) const {
  if (Auths() == nullptr) return std::nullopt;
  // The exact spelling goes before others of the same.
  for (const bool exact : {true, false}) {
    for (const auto& item : Auths()->items()) {
      if (exact ? item.key() != key : NormalAuthKey(item.key()) != key) continue;
      ASSIGN_OR_RETURN(Credentials credentials, ReadEntry(item.key(), item.value()));
      if (!credentials.empty()) return credentials;
    }
  }
  return std::nullopt;
}

absl::Status AuthFile::Set(absl::string_view key, const Credentials& credentials) {
  if (absl::StrContains(credentials.username, ':')) {
    return absl::InvalidArgumentError(
        absl::StrCat("user name ", Printable(credentials.username), ": has a colon"));
  }
  Remove(NormalAuthKey(key));
  Json entry = Json::object();
  entry["auth"] = absl::Base64Escape(absl::StrCat(credentials.username, ":", credentials.password));
  if (!credentials.identity_token.empty()) entry["identitytoken"] = credentials.identity_token;
  (*Auths(/*create=*/true))[std::string(key)] = std::move(entry);
  return absl::OkStatus();
}

void AuthFile::SetPlaceholder(absl::string_view key) {
  Remove(NormalAuthKey(key));
  (*Auths(/*create=*/true))[std::string(key)] = Json::object();
}

bool AuthFile::Remove(absl::string_view key) {
  Json* auths = Auths(/*create=*/false);
  if (auths == nullptr) return false;
  std::vector<std::string> spellings;
  for (const auto& item : auths->items()) {
    if (NormalAuthKey(item.key()) == key) spellings.push_back(item.key());
  }
  for (const std::string& spelling : spellings) auths->erase(spelling);
  return !spellings.empty();
}

bool AuthFile::RemoveAll() {
  const bool had = Auths() != nullptr && !Auths()->empty();
  if (had) *Auths(/*create=*/true) = Json::object();
  return had;
}

std::vector<std::string> AuthFile::Keys() const {
  std::vector<std::string> keys;
  if (Auths() == nullptr) return keys;
  for (const auto& item : Auths()->items()) {
    std::string key = NormalAuthKey(item.key());
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(std::move(key));
  }
  return keys;
}

std::vector<std::pair<std::string, std::string>> AuthFile::Helpers() const {
  std::vector<std::pair<std::string, std::string>> helpers;
  const Json* named = Find(document_, kHelpers);
  if (named == nullptr) return helpers;
  for (const auto& item : named->items()) {
    if (item.value().is_string()) helpers.emplace_back(item.key(), item.value().get<std::string>());
  }
  return helpers;
}

std::string AuthFile::HelperFor(absl::string_view host) const {
  for (const auto& [key, helper] : Helpers()) {
    if (NormalAuthKey(key) == host) return helper;
  }
  return "";
}

std::string AuthFile::Store() const { return Text(document_, kStore); }

}  // namespace coracle::registry
