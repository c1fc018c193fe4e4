#include "build/attestation.h"

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::build {
namespace {

constexpr char kStatus[] =
    "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u10\n"
    "Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>\nDescription: GNU C Library\n more: "
    "text\n"
    "\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\nno colon\nPackage: half\n";
constexpr char kInstalled[] =
    "C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nm:Timo "
    "<t@x>\nU:https://musl.libc.org/\nF:lib\n\nP:busybox\nV:1.36\n";

PackageList Debian() {
  PackageList list;
  list.distribution = "debian";
  list.release = "12";
  list.packages = ParseDpkgStatus(kStatus);
  return list;
}

TEST_SUITE("build/attestation") {
  TEST_CASE("what dpkg has installed, and nothing else") {
    const std::vector<Package> found = ParseDpkgStatus(kStatus);
    REQUIRE(found.size() == 1);
    CHECK(found[0].name == "libc6");
    CHECK(found[0].version == "2.36-9+deb12u10");
    CHECK(ParseDpkgStatus("Package: base-files\nVersion: 12\n").size() == 1);  // status.d of distroless
    CHECK(ParseDpkgStatus(std::string("\0\n:\n::\n", 7)).empty());
  }
  TEST_CASE("what apk has installed") {
    const std::vector<Package> found = ParseApkInstalled(kInstalled);
    REQUIRE(found.size() == 2);
    CHECK(found[0].license == "MIT");
    CHECK(found[1].version == "1.36");
  }
  TEST_CASE("a list of packages is an SPDX document with a purl for each, the same each time") {
    const Attestation made = MakePackageList(Debian(), "localhost/a:1", absl::FromUnixSeconds(0), "1");
    CHECK(made.predicate_type == "https://spdx.dev/Document");
    CHECK(made.predicate["creationInfo"]["created"] == "1970-01-01T00:00:00Z");
    REQUIRE(made.predicate["packages"].size() == 2);
    const Json& package = made.predicate["packages"][0];
    CHECK(package["externalRefs"][0]["referenceLocator"] ==
          "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12");
    CHECK(made.predicate["relationships"][1]["relatedSpdxElement"] == package["SPDXID"]);
    CHECK(made.predicate ==
          MakePackageList(Debian(), "localhost/a:1", absl::FromUnixSeconds(0), "1").predicate);
  }
  TEST_CASE(
      "mode=min says nothing of arguments and secrets, mode=max their names; no mode a secret's place") {
    BuildRequest request;
    request.dockerfile_name = "Dockerfile";
    request.dockerfile = "FROM debian\n";
    request.build_args["TOKEN"] = "value";
    request.secrets["id"] = {"/run/secret-place", ""};
    BuildResult result;
    result.bases.push_back(
        {"docker.io/library/debian:12", "sha256:" + std::string(64, 'a'), {"amd64", "linux", "", {}, ""}});
    for (const bool v1 : {false, true}) {
      ProvenanceOptions options;
      options.v1 = v1;
      const BuildTimes times = {absl::FromUnixSeconds(5), absl::FromUnixSeconds(6)};
      const Attestation least = MakeProvenance(options, request, result, times);
      const std::string small = DumpJson(least.predicate);
      CHECK(small.find("TOKEN") == std::string::npos);
      CHECK(small.find("pkg:docker/docker.io/library/debian@12?platform=linux%2Famd64") != std::string::npos);
      CHECK(small.find(v1 ? "startedOn\":\"1970-01-01T00:00:05Z"
                          : "buildStartedOn\":\"1970-01-01T00:00:05Z") != std::string::npos);
      options.max = true;
      const std::string large = DumpJson(MakeProvenance(options, request, result, times).predicate);
      CHECK(large.find("\"build-arg:TOKEN\":\"value\"") != std::string::npos);
      CHECK(large.find("\"id\":\"id\"") != std::string::npos);
      CHECK(large.find("secret-place") == std::string::npos);
      CHECK(least.predicate_type ==
            (v1 ? "https://slsa.dev/provenance/v1" : "https://slsa.dev/provenance/v0.2"));
    }
  }
  TEST_CASE("a statement names what it is about") {
    const auto read = ParseJson(StatementOf({"type", Json::object()}, {"a", "b"}, "00ff"));
    REQUIRE(read.ok());
    CHECK((*read)["_type"] == "https://in-toto.io/Statement/v0.1");
    CHECK((*read)["subject"][1]["name"] == "b");
    CHECK((*read)["subject"][1]["digest"]["sha256"] == "00ff");
  }
}

}  // namespace
}  // namespace coracle::build
