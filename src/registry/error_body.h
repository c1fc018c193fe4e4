// What a registry says when it refuses.
// Source: distribution-spec, "Error Codes".
#ifndef CORACLE_REGISTRY_ERROR_BODY_H_
#define CORACLE_REGISTRY_ERROR_BODY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace coracle::registry {

// The error for an answer with `http_status` (not 2xx) and `body`, which may be a document of the
// specification, another JSON document, or anything: "<what>: <message of the registry>" or "<what>: 503
// Service Unavailable".
//
// The code comes from the registry's error code, else from the status: see client.h. One line, bounded,
// printable. Not marked transient.
absl::Status ErrorFromResponse(absl::string_view what, int http_status, absl::string_view body);

// "Service Unavailable" of 503; empty for those that are rarely met.
absl::string_view ReasonPhrase(int http_status);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_ERROR_BODY_H_
