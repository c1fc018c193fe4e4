// What libcurl's results mean to us.
#ifndef CORACLE_REGISTRY_HTTP_ERROR_H_
#define CORACLE_REGISTRY_HTTP_ERROR_H_

#include <curl/curl.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace coracle::registry {

// The error for `code` (not CURLE_OK): see HttpTransfer. `detail` is what libcurl wrote of it, `os_errno` the
// last errno of a connection, 0 if none, `received` the bytes of the body that came.
absl::Status StatusOfCurl(CURLcode code, absl::string_view detail, int os_errno, int64_t received);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_HTTP_ERROR_H_
