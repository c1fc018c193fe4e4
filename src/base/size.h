// Sizes in bytes, read and written as docker's command line does.
#ifndef CORACLE_BASE_SIZE_H_
#define CORACLE_BASE_SIZE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle {

// "64m", "1.5g", "64MiB", "100 kB", "42": a decimal number, then nothing, "b", or one of k m g t p with an
// optional "b" or "ib", in any case. Every unit is a power of 1024, as in docker's RAMInBytes. A fraction of
// a byte is cut off. Errors: InvalidArgument for anything else, for a negative number and for more than 2^63
// - 1 bytes.
absl::StatusOr<int64_t> ParseSize(absl::string_view text);

// Powers of 1000, at most `digits` significant digits: 1210000 is "1.21MB" (docker's HumanSize has 4 digits,
// its listings 3). `separator` stands before the unit: podman prints "1.21 MB".
std::string HumanSize(int64_t bytes, int digits = 4, absl::string_view separator = "");

// Powers of 1024: 67108864 is "64MiB".
std::string BinarySize(int64_t bytes, int digits = 4);

}  // namespace coracle

#endif  // CORACLE_BASE_SIZE_H_
