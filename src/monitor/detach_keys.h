// The keys that leave a container without ending it.
#ifndef CORACLE_MONITOR_DETACH_KEYS_H_
#define CORACLE_MONITOR_DETACH_KEYS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::monitor {

// "ctrl-p,ctrl-q", "ctrl-@", "a,b": the bytes of the sequence; "" for an empty text (never detach).
// Errors: InvalidArgument naming the key. Source: docker attach, "--detach-keys": a letter, or ctrl- with one
// of a-z @ [ \ ] ^ _ ; podman also takes any single character.
absl::StatusOr<std::string> ParseDetachKeys(absl::string_view text);

// Watches input for the sequence. Bytes that may be its beginning are held back until they are not.
class DetachScanner {
 public:
  explicit DetachScanner(std::string keys) : keys_(std::move(keys)) {}
  // Appends to `out` what the container gets of `input`; true if the sequence was completed (what follows it
  // is dropped).
  bool Scan(absl::string_view input, std::string* out);

 private:
  std::string keys_;
  size_t matched_ = 0;
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_DETACH_KEYS_H_
