// The Link header, by which a registry says where the next page of a list is.
// Source: RFC 8288 section 3; distribution-spec, "Listing Tags".
#ifndef CORACLE_REGISTRY_LINK_HEADER_H_
#define CORACLE_REGISTRY_LINK_HEADER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace coracle::registry {

// The target of the first link whose relation is "next", as it stands there (often relative); empty if there
// is none or the value does not follow the grammar before it comes.
std::string NextLink(absl::string_view value);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_LINK_HEADER_H_
