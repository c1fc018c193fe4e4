#include "image/transport_name.h"

#include "doctest/doctest.h"

namespace coracle::image {

TEST_SUITE("image/transport_name") {
  TEST_CASE("names of every transport are read and written") {
    struct Row {
      const char* text;
      Transport transport;
      const char* path;
      const char* reference;
    };
    for (const Row& row : {Row{"docker://debian:12", Transport::kDocker, "", "debian:12"},
                           Row{"containers-storage:a", Transport::kStore, "", "a"},
                           Row{"dir:/tmp/x:y", Transport::kDir, "/tmp/x:y", ""},
                           Row{"oci:/tmp/x", Transport::kOci, "/tmp/x", ""},
                           Row{"oci:x:localhost:5000/a:1", Transport::kOci, "x", "localhost:5000/a:1"},
                           Row{"oci-archive:a.tar:b", Transport::kOciArchive, "a.tar", "b"},
                           Row{"docker-archive:a.tar:b:c", Transport::kDockerArchive, "a.tar", "b:c"}}) {
      const auto name = ParseTransportName(row.text);
      REQUIRE_MESSAGE(name.ok(), row.text);
      CHECK(name->transport == row.transport);
      CHECK(name->path == row.path);
      CHECK(name->reference == row.reference);
      CHECK(name->str() == row.text);
      CHECK(HasTransport(row.text));
    }
  }

  TEST_CASE("an image may be chosen by its number") {
    const auto name = ParseTransportName("docker-archive:a.tar:@2");
    REQUIRE(name.ok());
    CHECK(name->index == 2);
    CHECK(name->reference.empty());
    CHECK(name->str() == "docker-archive:a.tar:@2");
    CHECK(!ParseTransportName("oci:a:@x").ok());
    CHECK(!ParseTransportName("oci:a:@-1").ok());
  }

  TEST_CASE("what has no transport, or another's, says so") {
    for (const char* text : {"debian", "", "docker://", "oci:", "oci::a", "oci:a:", "dir:", "http://x"}) {
      CHECK_MESSAGE(ParseTransportName(text).status().code() == absl::StatusCode::kInvalidArgument, text);
    }
    CHECK(ParseTransportName("docker-daemon:a").status().code() == absl::StatusCode::kUnimplemented);
    CHECK(!HasTransport("debian:12"));
  }
}

}  // namespace coracle::image
