#include "registry/tls.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::registry {
namespace {

// A directory of certs.d with files of that content.
class CertificateDirectory {
 public:
  CertificateDirectory() {
    char pattern[] = "/tmp/coracle-certs-XXXXXX";
    REQUIRE(mkdtemp(pattern) != nullptr);
    path_ = pattern;
  }
  ~CertificateDirectory() { CHECK(os::RemoveTreeAt(AT_FDCWD, path_).ok()); }
  void Write(absl::string_view name, absl::string_view content) const {
    REQUIRE(os::WriteFileAt(AT_FDCWD, absl::StrCat(path_, "/", name), content).ok());
  }
  auto Load() const { return TlsConfig::Load({path_}, /*insecure=*/false); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST_SUITE("registry/tls") {
  TEST_CASE("a directory that is not there has nothing for us") {
    const auto config = TlsConfig::Load({"/nonexistent/certs.d/x"}, /*insecure=*/false);
    REQUIRE(config.ok());
    CHECK((*config)->store() != nullptr);
    CHECK((*config)->client_certificate().empty());
    CHECK((*TlsConfig::Load({}, /*insecure=*/true))->store() == nullptr);
  }

  TEST_CASE("the first certificate with its key is who we are") {
    const CertificateDirectory directory;
    for (const char* name : {"b.cert", "b.key", "a.cert", "a.key", "README"}) directory.Write(name, "");
    const auto config = directory.Load();
    REQUIRE(config.ok());
    CHECK((*config)->client_certificate() == directory.path() + "/a.cert");
    CHECK((*config)->client_key() == directory.path() + "/a.key");
  }

  TEST_CASE("half a pair, and a CA that is none, are named") {
    for (const char* name : {"x.cert", "x.key", "x.crt"}) {
      const CertificateDirectory directory;
      directory.Write(name, "nonsense");
      const absl::Status status = directory.Load().status();
      CHECK(absl::IsInvalidArgument(status));
      CHECK(absl::StrContains(status.message(), absl::StrCat(directory.path(), "/", name)));
    }
  }
}

}  // namespace
}  // namespace coracle::registry
