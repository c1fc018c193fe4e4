#include "image/transport_name.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace coracle::image {
namespace {

struct Prefix {
  absl::string_view text;
  Transport transport;
};
constexpr Prefix kPrefixes[] = {
    {"docker://", Transport::kDocker},
    {"containers-storage:", Transport::kStore},
    {"dir:", Transport::kDir},
    {"oci:", Transport::kOci},
    {"oci-archive:", Transport::kOciArchive},
    {"docker-archive:", Transport::kDockerArchive},
};
constexpr absl::string_view kElsewhere[] = {"docker-daemon:", "ostree:", "sif:", "tarball:", "docker:"};

const Prefix* FindPrefix(absl::string_view text) {
  for (const Prefix& prefix : kPrefixes) {
    if (absl::StartsWith(text, prefix.text)) return &prefix;
  }
  return nullptr;
}

// "PATH[:{REFERENCE|@INDEX}]"; a path has no colon.
absl::Status SplitPath(absl::string_view rest, TransportName& name) {
  const size_t colon = rest.find(':');
  name.path = std::string(rest.substr(0, colon));
  if (colon == absl::string_view::npos) return absl::OkStatus();
  const absl::string_view reference = rest.substr(colon + 1);
  if (reference.empty()) return absl::InvalidArgumentError("nothing follows the ':' after the path");
  if (reference[0] != '@') {
    name.reference = std::string(reference);
    return absl::OkStatus();
  }
  uint32_t index = 0;
  if (!absl::SimpleAtoi(reference.substr(1), &index)) {
    return absl::InvalidArgumentError("after '@' comes the image's number, from 0 on");
  }
  name.index = index;
  return absl::OkStatus();
}

}  // namespace

std::string TransportName::str() const {
  std::string text;
  for (const Prefix& prefix : kPrefixes) {
    if (prefix.transport == transport) text = std::string(prefix.text);
  }
  if (path.empty()) return absl::StrCat(text, reference);
  absl::StrAppend(&text, path);
  if (index.has_value()) return absl::StrCat(text, ":@", *index);
  return reference.empty() ? text : absl::StrCat(text, ":", reference);
}

bool HasTransport(absl::string_view text) { return FindPrefix(text) != nullptr; }

absl::StatusOr<TransportName> ParseTransportName(absl::string_view text) {
  const auto refuse = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("invalid image name \"", Printable(text), "\": ", why));
  };
  const Prefix* prefix = FindPrefix(text);
  if (prefix == nullptr) {
    for (const absl::string_view elsewhere : kElsewhere) {
      if (absl::StartsWith(text, elsewhere)) {
        return absl::UnimplementedError(absl::StrCat("the transport ", elsewhere, " is not supported"));
      }
    }
    return refuse(
        "expected docker://NAME, containers-storage:NAME, dir:DIR, oci:DIR[:NAME], oci-archive:FILE[:NAME] "
        "or docker-archive:FILE[:NAME]");
  }
  if (absl::StrContains(text, '\0')) return refuse("has a NUL byte");
  TransportName name;
  name.transport = prefix->transport;
  const absl::string_view rest = text.substr(prefix->text.size());
  if (name.transport == Transport::kDocker || name.transport == Transport::kStore) {
    if (rest.empty()) return refuse("no name follows the transport");
    name.reference = std::string(rest);
    return name;
  }
  if (name.transport == Transport::kDir) {
    name.path = std::string(rest);
  } else {
    const absl::Status split = SplitPath(rest, name);
    if (!split.ok()) return refuse(split.message());
  }
  if (name.path.empty()) return refuse("no path follows the transport");
  return name;
}

}  // namespace coracle::image
