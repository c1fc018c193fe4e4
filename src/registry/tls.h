// Whom we trust and who we are: CAs and client certificates.
#ifndef CORACLE_REGISTRY_TLS_H_
#define CORACLE_REGISTRY_TLS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

struct x509_store_st;

namespace coracle::registry {

// Immutable; threads may share it.
class TlsConfig {
 public:
  // The system's CAs, or those that SSL_CERT_FILE and SSL_CERT_DIR name, and those of `certificate_dirs` as
  // Endpoint::certificate_dirs says. Nothing is verified if `insecure`. Where the system has a directory of
  // CAs by hash, they are read one by one as they are needed: the whole bundle costs 20 ms. Errors:
  // InvalidArgument for a *.crt that has no certificate, a *.cert without its *.key or the other way round.
  static absl::StatusOr<std::shared_ptr<const TlsConfig>> Load(absl::Span<const std::string> certificate_dirs,
                                                               bool insecure);

  bool insecure() const { return insecure_; }
  // Owned by this object; threads may use it at once, it locks itself. nullptr if insecure.
  x509_store_st* store() const { return store_.get(); }
  // Paths of PEM files; empty if there is none.
  const std::string& client_certificate() const { return client_certificate_; }
  const std::string& client_key() const { return client_key_; }

 private:
  struct FreeStore {
    void operator()(x509_store_st* store) const;
  };

  TlsConfig() = default;
  absl::Status AddSystemAuthorities();
  absl::Status AddDirectory(const std::string& path);

  bool insecure_ = false;
  std::unique_ptr<x509_store_st, FreeStore> store_;
  std::string client_certificate_, client_key_;
};

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_TLS_H_
