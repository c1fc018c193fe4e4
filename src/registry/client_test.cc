// The client against a registry that misbehaves.
#include "registry/client.h"

#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/sha256.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "registry/bad_registry.h"

namespace coracle::registry {
namespace {

constexpr char kManifest[] =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"})";

class StringBody : public UploadBody {
 public:
  StringBody(std::string content, bool sized) : content_(std::move(content)), sized_(sized) {}
  int64_t size() const override { return sized_ ? static_cast<int64_t>(content_.size()) : -1; }
  absl::StatusOr<oci::Digest> digest() override { return oci::Digest::FromHex(Sha256Hex(content_)); }
  absl::Status Rewind(int64_t offset) override {
    position_ = static_cast<size_t>(offset);
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const size_t count = std::min(buffer.size(), content_.size() - position_);
    memcpy(buffer.data(), content_.data() + position_, count);
    position_ += count;
    return count;
  }

 private:
  const std::string content_;
  const bool sized_;
  size_t position_ = 0;
};

std::string Noise(size_t size) {
  std::string noise = Sha256Hex("");
  while (noise.size() < size) noise += Sha256Hex(noise.substr(noise.size() - 64));
  noise.resize(size);
  return noise;
}

absl::StatusOr<std::string> ReadBlob(Client& client, const oci::Digest& digest, int64_t offset = 0,
                                     absl::string_view repository = "a/b") {
  ASSIGN_OR_RETURN(std::unique_ptr<BlobReader> reader, client.OpenBlob(repository, digest, offset));
  std::string all, buffer(10000, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t count, reader->Read(absl::MakeSpan(buffer.data(), buffer.size())));
    if (count == 0) return all;
    all.append(buffer, 0, count);
  }
}

Credentials User(absl::string_view password) { return {"u", std::string(password), ""}; }

TEST_SUITE("registry/client") {
  TEST_CASE("a manifest comes as it is, by tag and digest, with one request each") {
    const BadRegistry registry;
    const oci::Digest digest = registry.AddManifest("v1", kManifest);
    const auto client = registry.Connect();
    const auto tagged = client->GetManifest("a/b", "v1");
    REQUIRE(tagged.ok());
    CHECK(tagged->bytes == kManifest);
    CHECK(tagged->digest == digest);
    CHECK(tagged->media_type == oci::kOciManifest);
    CHECK(client->GetManifest("a/b", digest.str()).ok());
    CHECK(client->HeadManifest("a/b", "v1")->digest == digest);
    CHECK(registry.Requests().size() == 3);
    CHECK(absl::IsNotFound(client->GetManifest("a/b", "v2").status()));
    CHECK(client->Ping().ok());
    CHECK(client->Tags("a/b").value() == std::vector<std::string>{"v1"});
  }

  TEST_CASE("names that would make another request are refused") {
    const BadRegistry registry;
    const auto client = registry.Connect();
    for (const char* name : {"", "/a", "a/", "a//b", "a/../b", "a?b", "a#b", "a b", "a\n", "a%2f"}) {
      CHECK(absl::IsInvalidArgument(client->GetManifest(name, "v1").status()));
    }
    for (const char* tag : {"", "a/b", "..", "-x", "v1?x", "sha256:12"}) {
      CHECK(absl::IsInvalidArgument(client->GetManifest("a/b", tag).status()));
    }
    CHECK(registry.Requests().empty());
  }

  TEST_CASE("lists are read page by page, and one without end ends") {
    const BadRegistry registry({"--page-size", "2", "--fault", "endless@/endless/"});
    const std::vector<std::string> tags = {"a", "b", "c", "d", "e"};
    for (const std::string& tag : tags) registry.AddManifest(tag, kManifest);
    const auto client = registry.Connect();
    CHECK(client->Tags("a/b").value() == tags);
    CHECK(registry.Requests("/tags/list").size() == 3);
    CHECK(absl::IsDataLoss(client->Tags("endless").status()));
  }

  TEST_CASE("a mirror's prefix stands before the repository") {
    const BadRegistry registry({"--token", ":"});
    registry.AddManifest("cache/hub/a/b:v1", kManifest);
    Endpoint endpoint;
    endpoint.host = registry.host();
    endpoint.path_prefix = "cache/hub";
    endpoint.insecure = true;
    CHECK(Client::Create(endpoint, {}, QuickOptions()).value()->GetManifest("a/b", "v1").ok());
    CHECK(registry.Requests("scope=repository%3Acache%2Fhub%2Fa%2Fb%3Apull").size() == 1);
  }

  TEST_CASE("tags that are none are refused") {
    const BadRegistry registry;
    const auto client = registry.Connect();
    for (const char* tag : {"r:\x1b[31m", "r:a b", "r:\xc3\xa4"}) {
      registry.AddManifest("r:good", kManifest);
      CHECK(client->Tags("r").ok());
      registry.AddManifest(tag, kManifest);
      CHECK(absl::IsDataLoss(client->Tags("r").status()));
      registry.RemoveTags();
    }
  }

  TEST_CASE("what lies about its digest is refused") {
    const std::string other(64, '0');
    const BadRegistry registry({"--fault", absl::StrCat("header-digest=sha256:", other, "@manifests/v1"),
                                "--fault", "corrupt@manifests/sha256"});
    const oci::Digest digest = registry.AddManifest("v1", kManifest);
    const auto client = registry.Connect();
    CHECK(absl::IsDataLoss(client->GetManifest("a/b", "v1").status()));
    CHECK(absl::IsDataLoss(client->GetManifest("a/b", digest.str()).status()));
  }

  TEST_CASE("a manifest without end is given up early") {
    const BadRegistry registry({"--fault", "huge=2147483648@manifests"});
    const auto client = registry.Connect();
    const absl::Time start = absl::Now();
    CHECK(absl::IsResourceExhausted(client->GetManifest("a/b", "v1").status()));
    CHECK(absl::Now() - start < absl::Seconds(5));
    CHECK(registry.Requests().size() == 1);
  }

  TEST_CASE("passing trouble is retried, lasting trouble ends") {
    const std::vector<std::string> faults = {"status=500", "status=503", "drop",
                                             "cut=10",     "stall=10",   "retry-after=0"};
    std::vector<std::string> arguments;
    for (size_t i = 0; i < faults.size(); ++i) {
      for (const char* where : {"passing#2", "lasting"}) {
        arguments.insert(arguments.end(),
                         {"--fault", absl::StrCat(faults[i], "@/r", i, "/manifests/", where)});
      }
    }
    const BadRegistry registry(arguments);
    registry.AddManifest("passing", kManifest);
    registry.AddManifest("lasting", kManifest);
    for (size_t i = 0; i < faults.size(); ++i) {
      CAPTURE(faults[i]);
      const auto client = registry.Connect();
      const std::string repository = absl::StrCat("r", i);
      CHECK(client->GetManifest(repository, "passing").ok());
      CHECK(registry.Requests(absl::StrCat("/", repository, "/manifests/passing")).size() == 3);
      const absl::Status status = client->GetManifest(repository, "lasting").status();
      CHECK(absl::IsUnavailable(status));
      CHECK(absl::StrContains(status.message(), absl::StrCat("/", repository, ":lasting: ")));
      // Five: libcurl sends one again by itself where a connection that it kept turns out to be closed.
      const size_t requests = registry.Requests(absl::StrCat("/", repository, "/manifests/lasting")).size();
      CHECK(requests >= 4);
      CHECK(requests <= 5);
    }
  }

  TEST_CASE("refusals are not retried, and a Retry-After that is too long neither") {
    const BadRegistry registry({"--fault", "status=404@manifests/v1", "--fault", "status=403@manifests/v2",
                                "--fault", "retry-after=999@manifests/v3"});
    const auto client = registry.Connect();
    CHECK(absl::IsNotFound(client->GetManifest("a/b", "v1").status()));
    CHECK(absl::IsPermissionDenied(client->GetManifest("a/b", "v2").status()));
    CHECK(absl::IsUnavailable(client->GetManifest("a/b", "v3").status()));
    CHECK(registry.Requests().size() == 3);
  }

  TEST_CASE("redirects in a circle end, and to what is not HTTP at once") {
    const BadRegistry registry({"--fault", "redirect={path}@manifests/v1", "--fault",
                                "redirect=file:///etc/passwd@manifests/v2", "--fault",
                                "redirect=@manifests/v3"});
    const auto client = registry.Connect();
    CHECK(absl::IsUnavailable(client->GetManifest("a/b", "v1").status()));
    CHECK(registry.Requests("v1").size() == 11);
    CHECK_FALSE(client->GetManifest("a/b", "v2").ok());
    CHECK_FALSE(client->GetManifest("a/b", "v3").ok());
  }

  TEST_CASE("credentials never follow a redirect to another host") {
    const BadRegistry other({"--basic", "u:p"});
    const BadRegistry registry(
        {"--basic", "u:p", "--fault", absl::StrCat("redirect=http://", other.host(), "{path}@v1#~1")});
    const auto client = registry.Connect(User("p"));
    const absl::Status status = client->GetManifest("a/b", "v1").status();
    CHECK(absl::IsPermissionDenied(status));
    CHECK(absl::StrContains(status.message(), other.host()));
    CHECK(registry.Requests("auth=Basic").size() == 1);
    REQUIRE(other.Requests().size() == 1);
    CHECK(other.Requests("auth=none").size() == 1);
  }

  TEST_CASE("tokens are fetched once and kept") {
    const BadRegistry registry({"--token", "u:p"});
    registry.AddManifest("v1", kManifest);
    const auto client = registry.Connect(User("p"));
    for (int i = 0; i < 3; ++i) CHECK(client->GetManifest("a/b", "v1").ok());
    CHECK(registry.Requests("/token").size() == 1);
    CHECK(registry.Requests("manifests").size() == 4);
    CHECK(registry.Requests("auth=Bearer").size() == 3);
  }

  TEST_CASE("a token that ends early is replaced") {
    const BadRegistry registry({"--token", "u:p", "--token-seconds", "0.2"});
    registry.AddManifest("v1", kManifest);
    const auto client = registry.Connect(User("p"));
    CHECK(client->GetManifest("a/b", "v1").ok());
    absl::SleepFor(absl::Milliseconds(400));
    CHECK(client->GetManifest("a/b", "v1").ok());
    CHECK(registry.Requests("/token").size() == 2);
  }

  TEST_CASE("an identity token is traded in") {
    const BadRegistry registry({"--token", "u:refresh"});
    registry.AddManifest("v1", kManifest);
    CHECK(registry.Connect({"", "", "refresh"})->GetManifest("a/b", "v1").ok());
    CHECK(registry.Requests("POST /token").size() == 1);
    CHECK(absl::IsUnauthenticated(registry.Connect({"", "", "wrong"})->Ping()));
  }

  TEST_CASE("wrong or missing credentials end with a hint, and a 401 without end ends") {
    for (const char* mode : {"--basic", "--token"}) {
      const BadRegistry registry({mode, "u:p", "--fault", "unauthorized@v9"});
      for (const Credentials& credentials : {Credentials(), User("wrong")}) {
        const absl::Status status = registry.Connect(credentials)->Ping();
        CHECK(absl::IsUnauthenticated(status));
        CHECK(absl::StrContains(StatusLine(status), absl::StrCat("'coracle login ", registry.host(), "'")));
      }
      CHECK(registry.Connect(User("p"))->Ping().ok());
      CHECK(absl::IsUnauthenticated(registry.Connect(User("p"))->GetManifest("a/b", "v9").status()));
      CHECK(registry.Requests("v9").size() <= 3);
    }
  }

  TEST_CASE("a blob that is cut, stalls or breaks off is resumed where it was") {
    const std::string content = Noise(1000000);
    const BadRegistry registry({"--fault", "cut=300000@/cut/blobs#2", "--fault",
                                "stall=300000@/stall/blobs#2", "--fault", "drop@/drop/blobs#2"});
    const oci::Digest digest = registry.AddBlob(content);
    for (const char* repository : {"cut", "stall", "drop"}) {
      CAPTURE(repository);
      const auto client = registry.Connect();
      const auto read = ReadBlob(*client, digest, 0, repository);
      REQUIRE(read.ok());
      CHECK((*read == content));
      CHECK(registry.Requests(absl::StrCat("/", repository, "/")).size() == 3);
    }
  }

  TEST_CASE("a blob that is always cut comes as long as it goes on, and no longer") {
    const std::string content = Noise(2000000);
    const BadRegistry registry({"--fault", "cut=300000@/one/", "--fault", "cut=10@blobs"});
    const oci::Digest digest = registry.AddBlob(content);
    const auto client = registry.Connect();
    CHECK(absl::IsUnavailable(ReadBlob(*client, digest).status()));
    CHECK(registry.Requests("GET").size() == 4);
    const auto reader = client->OpenBlob("one/b", digest);
    REQUIRE(reader.ok());
    CHECK((*reader)->size() == 2000000);
    std::string buffer(1 << 20, '\0');
    int64_t bytes = 0;
    absl::StatusOr<size_t> count = 1;
    while (count.ok() && *count > 0) {
      count = (*reader)->Read(absl::MakeSpan(buffer.data(), buffer.size()));
      if (count.ok()) bytes += static_cast<int64_t>(*count);
    }
    CHECK(count.ok());
    CHECK(bytes == 2000000);
  }

  TEST_CASE("a blob starts where it is wanted, with and without ranges") {
    const std::string content = Noise(100000);
    const BadRegistry registry({"--fault", "no-range@blobs#~3"});
    const oci::Digest digest = registry.AddBlob(content);
    const auto client = registry.Connect();
    for (int i = 0; i < 2; ++i) {
      CHECK((ReadBlob(*client, digest, 99990).value() == content.substr(99990)));
      CHECK(ReadBlob(*client, digest, 100000).value().empty());
    }
    CHECK(absl::IsOutOfRange(ReadBlob(*client, digest, 100001).status()));
    CHECK(absl::IsNotFound(ReadBlob(*client, oci::Digest::FromHex(std::string(64, 'a')).value()).status()));
  }

  TEST_CASE("uploads of all kinds arrive, through trouble as well") {
    const std::string content = Noise(500000);
    const oci::Digest digest = oci::Digest::FromHex(Sha256Hex(content)).value();
    struct Case {
      const char* fault;
      int64_t chunk;
      bool sized;
    };
    const std::vector<Case> cases = {
        {"drop@POST /v2/r0/#1", 0, true},
        {"drop@PUT /v2/r1/#1", 0, true},
        {"status=503@PUT /v2/r2/#1", 0, true},
        {"drop@PATCH /v2/r3/#2", 0, false},
        {"status=500@PATCH /v2/r4/#2", 0, false},
        {"drop@PATCH /v2/r5/#2", 100000, true},
        {"status=500@PATCH /v2/r6/#2", 100000, true},
        {"stall=0@PATCH /v2/r7/#1", 100000, true},
        {"drop@PUT /v2/r8/#1", 100000, true},
    };
    std::vector<std::string> arguments;
    for (const Case& c : cases) arguments.insert(arguments.end(), {"--fault", c.fault});
    const BadRegistry registry(arguments);
    for (size_t i = 0; i < cases.size(); ++i) {
      CAPTURE(cases[i].fault);
      StringBody body(content, cases[i].sized);
      UploadOptions options;
      options.chunk_bytes = cases[i].chunk;
      CHECK(registry.Connect()->UploadBlob(absl::StrCat("r", i), body, options).status() == absl::OkStatus());
      CHECK(registry.TakeBlob(digest));
    }
  }

  TEST_CASE("an upload that is refused is not repeated") {
    const BadRegistry registry({"--fault", "status=413@PUT"});
    StringBody body(Noise(1000), /*sized=*/true);
    CHECK(absl::IsResourceExhausted(registry.Connect()->UploadBlob("a/b", body).status()));
    CHECK(registry.Requests().size() == 2);
  }

  TEST_CASE("a blob that is there is mounted") {
    const BadRegistry registry;
    StringBody body("content", /*sized=*/true);
    const oci::Digest digest = body.digest().value();
    const auto client = registry.Connect();
    CHECK_FALSE(client->HasBlob("a/b", digest).value());
    CHECK_FALSE(client->MountBlob("a/b", "c/d", digest).value());
    registry.AddBlob("content");
    CHECK(client->HasBlob("a/b", digest).value());
    UploadOptions options;
    options.mount_from = "c/d";
    CHECK(client->UploadBlob("a/b", body, options).value() == UploadResult::kMounted);
  }

  TEST_CASE("referrers are kept under a tag where the registry keeps none") {
    const BadRegistry registry;
    const oci::Digest subject = registry.AddManifest("v1", kManifest);
    const auto client = registry.Connect();
    CHECK(client->Referrers("a/b", subject)->manifests.empty());
    for (const char* type : {"x/one", "x/two", "x/two"}) {
      oci::Manifest manifest;
      manifest.artifact_type = type;
      manifest.config = {.media_type = oci::kOciEmpty, .digest = subject, .size = 2};
      manifest.subject = oci::Descriptor{.media_type = oci::kOciManifest, .digest = subject, .size = 10};
      CHECK(client
                ->PutManifest("a/b", absl::StrCat("t", type + 2), oci::SerializeManifest(manifest),
                              oci::kOciManifest)
                .ok());
    }
    CHECK(client->Referrers("a/b", subject)->manifests.size() == 2);
    const auto two = client->Referrers("a/b", subject, "x/two");
    REQUIRE(two.ok());
    REQUIRE(two->manifests.size() == 1);
    CHECK(two->manifests[0].artifact_type == "x/two");
  }

  TEST_CASE("threads share a client") {
    const std::string content = Noise(3000000);
    const BadRegistry registry({"--token", "u:p", "--fault", "cut=1000000@blobs#4"});
    const oci::Digest digest = registry.AddBlob(content);
    Endpoint endpoint;
    endpoint.host = registry.host();
    endpoint.insecure = true;
    const auto client = Client::Create(endpoint, User("p")).value();  // patient: eight at once are slow
    std::atomic<int> good = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        const auto read = ReadBlob(*client, digest);
        if (read.ok() && *read == content) ++good;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(good == 8);
    CHECK(registry.Requests("/token").size() == 1);
  }

  TEST_CASE("Cancel ends what other threads wait for") {
    const BadRegistry registry({"--fault", "stall=10@blobs", "--fault", "retry-after=60@manifests"});
    const oci::Digest digest = registry.AddBlob(Noise(100000));
    Endpoint endpoint;
    endpoint.host = registry.host();
    endpoint.insecure = true;
    const auto client = Client::Create(endpoint, {}).value();  // patient
    absl::Status blob, manifest;
    std::thread first([&] { blob = ReadBlob(*client, digest).status(); });
    std::thread second([&] { manifest = client->GetManifest("a/b", "v1").status(); });
    absl::SleepFor(absl::Milliseconds(300));
    const absl::Time start = absl::Now();
    client->Cancel();
    first.join();
    second.join();
    CHECK(absl::Now() - start < absl::Seconds(2));
    CHECK(absl::IsCancelled(blob));
    CHECK(absl::IsCancelled(manifest));
    CHECK(absl::IsCancelled(client->Ping()));
  }

  TEST_CASE("any URL is read without credentials, and resumed only if it can't have changed") {
    const BadRegistry registry({"--fault", "cut=10@/manifests/", "--fault", "status=500@/tags/#1"});
    registry.AddManifest("v1", kManifest);
    const std::string base = absl::StrCat("http://", registry.host(), "/v2/a/b");
    CHECK(absl::IsUnavailable([&] {
      auto reader = OpenUrl(base + "/manifests/v1", 0, QuickOptions());
      REQUIRE(reader.ok());
      std::string buffer(10, '\0');
      CHECK((*reader)->Read(absl::MakeSpan(buffer.data(), buffer.size())).value() == 10);
      return (*reader)->Read(absl::MakeSpan(buffer.data(), buffer.size())).status();
    }()));
    CHECK(OpenUrl(base + "/tags/list", 0, QuickOptions()).ok());
    CHECK(registry.Requests().size() == 3);
    for (const char* bad : {"", "file:///etc/passwd", "ftp://x/y", "http://u:p@x/"}) {
      CHECK(absl::IsInvalidArgument(OpenUrl(bad).status()));
    }
  }

  TEST_CASE("a registry without TLS needs to be told to be insecure; nobody there is said at once") {
    std::string host;
    {
      const BadRegistry registry;
      host = registry.host();
      Endpoint endpoint;
      endpoint.host = host;
      const absl::Status status = Client::Create(endpoint, {}, QuickOptions()).value()->Ping();
      CHECK(absl::IsFailedPrecondition(status));
      CHECK(absl::StrContains(StatusLine(status), "--tls-verify=false"));
    }
    Endpoint endpoint;
    endpoint.host = host;
    endpoint.insecure = true;
    CHECK(absl::IsUnavailable(Client::Create(endpoint, {}).value()->Ping()));
    for (const char* bad : {"", "a/b", "a b", "u@h", "h:x", "h?"}) {
      endpoint.host = bad;
      CHECK(absl::IsInvalidArgument(Client::Create(endpoint, {}).status()));
    }
  }
}

}  // namespace
}  // namespace coracle::registry
