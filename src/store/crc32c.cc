#include "store/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace coracle::store {
namespace {

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table = {};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78u : 0u);
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = MakeTable();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t Crc32cSse(absl::string_view data) {
  uint64_t crc = 0xffffffffu;
  while (data.size() >= 8) {
    uint64_t word;
    memcpy(&word, data.data(), sizeof(word));
    crc = _mm_crc32_u64(crc, word);
    data.remove_prefix(8);
  }
  uint32_t crc32 = static_cast<uint32_t>(crc);
  for (const char c : data) crc32 = _mm_crc32_u8(crc32, static_cast<uint8_t>(c));
  return ~crc32;
}
#endif

}  // namespace

uint32_t Crc32cPortable(absl::string_view data) {
  uint32_t crc = 0xffffffffu;
  for (const char c : data) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 0xff];
  return ~crc;
}

uint32_t Crc32c(absl::string_view data) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return Crc32cSse(data);
#endif
  return Crc32cPortable(data);
}

}  // namespace coracle::store
