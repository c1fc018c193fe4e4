// A file at an HTTP URL: of ADD, or a whole context.
#ifndef CORACLE_BUILD_FETCH_URL_H_
#define CORACLE_BUILD_FETCH_URL_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::build {

bool IsHttpUrl(absl::string_view text);

struct FetchedFile {
  std::string name;    // by Content-Disposition, else the last part of the URL's path; never a path
  std::string sha256;  // hex digits
  int64_t bytes = 0;
};

// Fetches `url` into a new file in `directory`, named as the result says, mode 0600, with the server's time
// if it says one. Redirects are followed, but never from HTTPS to HTTP; what may mend is tried again.
// Errors: NotFound, PermissionDenied or Unavailable by the answer's status; ResourceExhausted past
// `max_bytes`; of the network. Nothing is left in `directory` on error. No credentials are sent.
absl::StatusOr<FetchedFile> FetchUrl(const std::string& url, const std::string& directory, int64_t max_bytes);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_FETCH_URL_H_
