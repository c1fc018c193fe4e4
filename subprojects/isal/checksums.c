// What ISA-L's inflate calls, here so that neither its compressor nor every checksum that it has is linked.
#include <igzip_lib.h>
#include <stdint.h>
#include <string.h>

uint32_t crc32_gzip_refl_base(uint32_t init, const unsigned char* buffer, uint64_t length);
uint32_t crc32_gzip_refl_by8(uint32_t init, const unsigned char* buffer, uint64_t length);
uint32_t crc32_gzip_refl_by8_02(uint32_t init, const unsigned char* buffer, uint64_t length);

// Of zlib's framing, which is never asked for: a stream in it would end with a wrong checksum.
uint32_t isal_adler32_bam1(uint32_t init, const unsigned char* buffer, uint64_t length) {
  (void)buffer;
  (void)length;
  return init;
}

uint32_t crc32_gzip_refl(uint32_t init, const unsigned char* buffer, uint64_t length) {
  if (__builtin_cpu_supports("avx") && __builtin_cpu_supports("pclmul")) {
    return crc32_gzip_refl_by8_02(init, buffer, length);
  }
  if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("pclmul")) {
    return crc32_gzip_refl_by8(init, buffer, length);
  }
  return crc32_gzip_refl_base(init, buffer, length);
}

// In ISA-L it stands beside the compressor.
void isal_gzip_header_init(struct isal_gzip_header* header) {
  memset(header, 0, sizeof(*header));
  header->os = 255;  // unknown
}
