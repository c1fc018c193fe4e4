#include "registry/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::registry {
namespace {

constexpr char kHashedDirectory[] = "/etc/ssl/certs";
// Debian and Alpine; Fedora; its newer form; openSUSE; Alpine and OpenBSD.
constexpr const char* kBundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

// Whether a directory has certificates under the hashes of their subjects: "<8 hexadecimal digits>.0".
bool HasHashes(const char* directory) {
  const auto names = os::ListDirectoryAt(AT_FDCWD, directory);
  if (!names.ok()) return false;
  return std::any_of(names->begin(), names->end(), [](const std::string& name) {
    return name.size() == 10 && absl::EndsWith(name, ".0") && name.find_first_not_of("0123456789abcdef") == 8;
  });
}

}  // namespace

void TlsConfig::FreeStore::operator()(x509_store_st* store) const { X509_STORE_free(store); }

absl::StatusOr<std::shared_ptr<const TlsConfig>> TlsConfig::Load(
    absl::Span<const std::string> certificate_dirs, bool insecure) {
  std::shared_ptr<TlsConfig> config(new TlsConfig);
  config->insecure_ = insecure;
  if (!insecure) {
    config->store_.reset(X509_STORE_new());
    if (config->store_ == nullptr) return absl::ResourceExhaustedError("TLS: no memory for certificates");
    // A trusted certificate ends the chain, even if it is none that signs itself; what a server sends of the
    // chain comes second. As curl sets it for stores of its own.
    X509_STORE_set_flags(config->store_.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    RETURN_IF_ERROR(config->AddSystemAuthorities());
  }
  for (const std::string& directory : certificate_dirs) RETURN_IF_ERROR(config->AddDirectory(directory));
  return config;
}

absl::Status TlsConfig::AddSystemAuthorities() {
  const char* file = getenv("SSL_CERT_FILE");
  const char* directory = getenv("SSL_CERT_DIR");
  const bool named_file = file != nullptr && *file != '\0';
  const bool named_directory = directory != nullptr && *directory != '\0';
  if (named_file && X509_STORE_load_file(store_.get(), file) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError(absl::StrCat("SSL_CERT_FILE ", file, ": no certificates"));
  }
  if (named_directory) X509_STORE_load_path(store_.get(), directory);
  if (named_file || named_directory) return absl::OkStatus();
  if (HasHashes(kHashedDirectory)) {
    X509_STORE_load_path(store_.get(), kHashedDirectory);
    return absl::OkStatus();
  }
  for (const char* bundle : kBundles) {
    if (access(bundle, R_OK) == 0 && X509_STORE_load_file(store_.get(), bundle) == 1) break;
  }
  ERR_clear_error();  // a system without CAs: what needs one will say so
  return absl::OkStatus();
}

absl::Status TlsConfig::AddDirectory(const std::string& path) {
  auto names = os::ListDirectoryAt(AT_FDCWD, path);
  if (!names.ok()) {
    // Another user's certs.d may not be ours to read: then it has nothing for us.
    const int error = ErrnoOf(names.status());
    return error == ENOENT || error == ENOTDIR || error == EACCES ? absl::OkStatus() : names.status();
  }
  std::sort(names->begin(), names->end());
  const auto has = [&](const std::string& name) {
    return std::binary_search(names->begin(), names->end(), name);
  };
  for (const std::string& name : *names) {
    const std::string file = absl::StrCat(path, "/", name);
    if (absl::EndsWith(name, ".crt") && store_ != nullptr) {
      if (X509_STORE_load_file(store_.get(), file.c_str()) != 1) {
        ERR_clear_error();
        return absl::InvalidArgumentError(absl::StrCat(file, ": no certificate that can be read"));
      }
    } else if (absl::EndsWith(name, ".cert")) {
      const std::string key = absl::StrCat(absl::StripSuffix(name, ".cert"), ".key");
      if (!has(key)) return absl::InvalidArgumentError(absl::StrCat(file, ": its key ", key, " is missing"));
      if (client_certificate_.empty()) {
        client_certificate_ = file;
        client_key_ = absl::StrCat(path, "/", key);
      }
    } else if (absl::EndsWith(name, ".key")) {
      const std::string certificate = absl::StrCat(absl::StripSuffix(name, ".key"), ".cert");
      if (!has(certificate)) {
        return absl::InvalidArgumentError(
            absl::StrCat(file, ": its certificate ", certificate, " is missing"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace coracle::registry
