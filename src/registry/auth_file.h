// auth.json and docker's config.json: one document with credentials by registry. Pure: text in, text out.
//
// Keys are a registry or a namespace of it ("quay.io", "quay.io/team/image"), or, as docker writes them, URLs
// ("https://index.docker.io/v1/"). Source: containers-auth.json(5); docker's "docker login".
#ifndef CORACLE_REGISTRY_AUTH_FILE_H_
#define CORACLE_REGISTRY_AUTH_FILE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/json.h"
#include "registry/client.h"

namespace coracle::registry {

inline constexpr size_t kMaxAuthFile = 4 << 20;

// "docker.io" for all of docker.io's hosts and URLs; of a URL the host; else `key` itself.
std::string NormalAuthKey(absl::string_view key);
// What is looked for, best first: "quay.io/team/image", "quay.io/team", "quay.io". `name` is normal.
std::vector<std::string> AuthKeysFor(absl::string_view name);
// "quay.io" of "quay.io/team".
std::string HostOfAuthKey(absl::string_view key);

// Invariants: the document is an object, and its members auths and credHelpers are absent or objects. Members
// that we do not know are kept as they are.
class AuthFile {
 public:
  AuthFile() : document_(Json::object()) {}
  // `legacy`: the text is that of ~/.dockercfg, which has the members of "auths" directly. Errors:
  // InvalidArgument; no part of the text is in the message.
  static absl::StatusOr<AuthFile> Parse(absl::string_view text, bool legacy = false);
  // As docker writes it.
  std::string Dump() const;

  // The entry of exactly this (normal) key, under whatever spelling the file has it. Nothing if there is none
  // or it is empty, as for a registry whose credentials a helper keeps. Errors: InvalidArgument for an entry
  // that can't be read.
  absl::StatusOr<std::optional<Credentials>> Get(absl::string_view key) const;
  // In place of all spellings of `key`, and in this one. Errors: InvalidArgument for a user name with a
  // colon.
  absl::Status Set(absl::string_view key, const Credentials& credentials);
  // An entry without credentials: docker's sign that a helper has them.
  void SetPlaceholder(absl::string_view key);
  // Every spelling of it; false if there was none.
  bool Remove(absl::string_view key);
  bool RemoveAll();
  std::vector<std::string> Keys() const;  // normal, each once

  // The name of the helper for `host` (credHelpers); empty if none is named.
  std::string HelperFor(absl::string_view host) const;
  std::vector<std::pair<std::string, std::string>> Helpers() const;  // (host, helper), as they stand
  // The helper for all others (credsStore); empty if none is named.
  std::string Store() const;

 private:
  Json* Auths(bool create);
  const Json* Auths() const;

  Json document_;
};

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_AUTH_FILE_H_
