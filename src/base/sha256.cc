#include "base/sha256.h"

#define OPENSSL_SUPPRESS_DEPRECATED  // see sha256.h
#include <openssl/sha.h>

#include "absl/strings/escaping.h"

namespace coracle {
namespace {

static_assert(sizeof(SHA256_CTX) == 112 && alignof(SHA256_CTX) <= 8);

SHA256_CTX* Context(uint8_t* bytes) { return reinterpret_cast<SHA256_CTX*>(bytes); }

}  // namespace

Sha256::Sha256() { SHA256_Init(Context(context_)); }

void Sha256::Update(absl::string_view data) { SHA256_Update(Context(context_), data.data(), data.size()); }

std::string Sha256::HexDigest() {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, Context(context_));
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(digest), sizeof(digest)));
}

std::string Sha256Hex(absl::string_view data) {
  Sha256 hash;
  hash.Update(data);
  return hash.HexDigest();
}

}  // namespace coracle
