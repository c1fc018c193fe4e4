#include "registry/bad_registry.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/json.h"
#include "base/sha256.h"
#include "doctest/doctest.h"
#include "oci/media_types.h"
#include "os/file.h"

namespace coracle::registry {
namespace {

std::string BlobPath(const std::string& directory, const oci::Digest& digest) {
  return absl::StrCat(directory, "/layout/blobs/sha256/", digest.hex());
}

}  // namespace

BadRegistry::BadRegistry(const std::vector<std::string>& arguments) {
  char pattern[] = "/tmp/coracle-registry-XXXXXX";
  REQUIRE(mkdtemp(pattern) != nullptr);
  directory_ = pattern;
  std::vector<std::string> all = {
      CORACLE_BAD_REGISTRY, directory_ + "/layout", "--port-file", directory_ + "/port", "--log",
      directory_ + "/log"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);
  os::CloneResult clone;
  REQUIRE(os::CloneProcess({}, &clone) == 0);
  if (clone.pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves no server
    execv(argv[0], argv.data());
    _exit(127);
  }
  process_ = os::ChildProcess(clone.pid, os::UniqueFd(clone.pidfd));
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  absl::StatusOr<std::string> port = absl::NotFoundError("");
  while (!port.ok() && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(10));
    port = os::ReadFileAt(AT_FDCWD, directory_ + "/port");
  }
  REQUIRE(port.ok());
  host_ = absl::StrCat("127.0.0.1:", absl::StripAsciiWhitespace(*port));
}

BadRegistry::~BadRegistry() {
  process_.KillAndReap();
  CHECK(os::RemoveTreeAt(AT_FDCWD, directory_).ok());
}

oci::Digest BadRegistry::AddBlob(absl::string_view content) const {
  const oci::Digest digest = oci::Digest::FromHex(Sha256Hex(content)).value();
  REQUIRE(os::WriteFileAt(AT_FDCWD, BlobPath(directory_, digest), content).ok());
  return digest;
}

oci::Digest BadRegistry::AddManifest(absl::string_view tag, absl::string_view json) const {
  const oci::Digest digest = AddBlob(json);
  const std::string path = directory_ + "/layout/index.json";
  Json index = ParseJson(os::ReadFileAt(AT_FDCWD, path).value()).value();
  index["manifests"].push_back({{"mediaType", oci::kOciManifest},
                                {"digest", digest.str()},
                                {"size", json.size()},
                                {"annotations", {{"org.opencontainers.image.ref.name", std::string(tag)}}}});
  REQUIRE(os::WriteFileAt(AT_FDCWD, path, DumpJson(index)).ok());
  return digest;
}

void BadRegistry::RemoveTags() const {
  REQUIRE(os::WriteFileAt(AT_FDCWD, directory_ + "/layout/index.json", R"({"manifests":[]})").ok());
}

bool BadRegistry::TakeBlob(const oci::Digest& digest) const {
  return unlink(BlobPath(directory_, digest).c_str()) == 0;
}

ClientOptions QuickOptions() {
  ClientOptions options;
  options.retry.delay = absl::Milliseconds(5);
  options.stall_timeout = kTestStall;
  return options;
}

std::unique_ptr<Client> BadRegistry::Connect(const Credentials& credentials) const {
  Endpoint endpoint;
  endpoint.host = host_;
  endpoint.insecure = true;
  auto client = Client::Create(endpoint, credentials, QuickOptions());
  REQUIRE(client.ok());
  return *std::move(client);
}

std::vector<std::string> BadRegistry::Requests(absl::string_view text) const {
  // A request is logged when it has ended, which may be after its client has the answer.
  absl::SleepFor(absl::Milliseconds(50));
  const std::string log = os::ReadFileAt(AT_FDCWD, directory_ + "/log").value();
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    if (absl::StrContains(line, text)) lines.emplace_back(line);
  }
  return lines;
}

}  // namespace coracle::registry
