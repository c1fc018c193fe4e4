// CRC-32C (Castagnoli), the check sum of records: one instruction per 8 bytes where the CPU has it.
#ifndef CORACLE_STORE_CRC32C_H_
#define CORACLE_STORE_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace coracle::store {

// Source: RFC 3720, appendix B.4 ("123456789" gives 0xe3069283).
uint32_t Crc32c(absl::string_view data);

// The way without special instructions; gives the same. For the test.
uint32_t Crc32cPortable(absl::string_view data);

}  // namespace coracle::store

#endif  // CORACLE_STORE_CRC32C_H_
