#include "oci/image_config.h"

#include "absl/strings/str_cat.h"
#include "doctest/doctest.h"

namespace coracle::oci {
namespace {

std::string FullConfig() {
  return absl::StrCat(
      R"({"created":"2024-05-01T10:00:00.123456789Z","author":"A","architecture":"arm","variant":"v7","os":"linux",)"
      R"("os.version":"1","os.features":["f"],"config":{"User":"web:web","ExposedPorts":{"80/tcp":{}},)"
      R"("Env":["A=B"],"Entrypoint":["/e"],"Cmd":["c"],"Healthcheck":{"Test":["CMD","true"],"Interval":1,)"
      R"("Timeout":2,"StartPeriod":3,"StartInterval":4,"Retries":5},"ArgsEscaped":true,"Volumes":{"/data":{}},)"
      R"("WorkingDir":"/w","Labels":{"l":"m"},"StopSignal":"SIGINT","StopTimeout":7,"OnBuild":["RUN x"],)"
      R"("Shell":["/bin/bash","-c"]},"rootfs":{"type":"layers","diff_ids":["sha256:)",
      std::string(64, 'a'),
      R"("]},"history":[{"created":"2024-05-01T10:00:00+02:00","created_by":"b","author":"a","comment":"c",)"
      R"("empty_layer":true}]})");
}

TEST_SUITE("oci/image_config") {
  TEST_CASE("a document with every member is written as it was read") {
    const auto config = ParseImageConfig(FullConfig());
    REQUIRE_MESSAGE(config.ok(), config.status().message());
    CHECK(SerializeImageConfig(*config) == FullConfig());
    CHECK(config->config.exposed_ports.count("80/tcp") == 1);
    CHECK(config->diff_ids[0].hex() == std::string(64, 'a'));
  }
  TEST_CASE("docker's nulls and members of no interest are ignored") {
    const auto config = ParseImageConfig(
        R"({"architecture":"amd64","os":"linux","container":"x","docker_version":"1","container_config":{"Cmd":1},)"
        R"("config":{"Hostname":"","Cmd":null,"Volumes":null,"Labels":null,"Image":"sha256:0","OnBuild":null},)"
        R"("rootfs":{"type":"layers","diff_ids":null}})");
    REQUIRE_MESSAGE(config.ok(), config.status().message());
    CHECK(SerializeImageConfig(*config) ==
          R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})");
  }
  TEST_CASE("errors name the member") {
    const auto error = [](absl::string_view json) {
      return std::string(ParseImageConfig(json).status().message());
    };
    CHECK(error("{}") == "image config: architecture: missing");
    CHECK(error(R"({"architecture":"a","os":"l","created":"yesterday"})") ==
          "image config: created: not a time as in RFC 3339");
    CHECK(error(R"({"architecture":"a","os":"l","rootfs":{"type":"layers","diff_ids":["sha256:x"]}})") ==
          "image config: rootfs.diff_ids[0]: invalid digest \"sha256:x\"");
    CHECK(error(R"({"architecture":"a","os":"l","rootfs":{"type":"disk"}})") ==
          "image config: rootfs.type: \"disk\" is none of layers");
    CHECK(error(R"({"architecture":"a","os":"l","config":{"Volumes":{"/a":1}}})") ==
          "image config: config.Volumes[\"/a\"]: not an object");
    CHECK(error(R"({"architecture":"a","os":"l","config":{"Healthcheck":{"Interval":-1}}})") ==
          "image config: config.Healthcheck.Interval: negative");
    CHECK_FALSE(ParseImageConfig(std::string(kMaxImageConfigBytes + 1, ' ')).ok());
  }
}

}  // namespace
}  // namespace coracle::oci
