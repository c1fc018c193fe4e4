#include "registry/error_body.h"

#include <string>

#include "doctest/doctest.h"

namespace coracle::registry {
namespace {

TEST_SUITE("registry/error_body") {
  TEST_CASE("the registry's own word and code are taken") {
    const absl::Status status = ErrorFromResponse(
        "r.example/a:1", 404,
        R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{}}]})");
    CHECK(status.code() == absl::StatusCode::kNotFound);
    CHECK(status.message() == "r.example/a:1: manifest unknown");
    // Some answer 401 for what is not there, some 400 for what is denied: the code counts.
    CHECK(ErrorFromResponse("x", 400, R"({"errors":[{"code":"DENIED"}]})") ==
          absl::PermissionDeniedError("x: denied"));
  }

  TEST_CASE("without a document the HTTP status speaks") {
    CHECK(ErrorFromResponse("x", 401, "").code() == absl::StatusCode::kUnauthenticated);
    CHECK(ErrorFromResponse("x", 404, "<html>") == absl::NotFoundError("x: 404 Not Found"));
    CHECK(ErrorFromResponse("x", 503, "null") == absl::UnavailableError("x: 503 Service Unavailable"));
    CHECK(ErrorFromResponse("x", 429, "[]").code() == absl::StatusCode::kUnavailable);
    CHECK(ErrorFromResponse("x", 599, "") == absl::UnavailableError("x: 599"));
  }

  TEST_CASE("an overloaded registry stays Unavailable whatever its body says") {
    CHECK(ErrorFromResponse("x", 500, R"({"errors":[{"code":"UNAUTHORIZED","message":"m"}]})") ==
          absl::UnavailableError("x: 500 Internal Server Error: m"));
  }

  TEST_CASE("other JSON documents give their message") {
    CHECK(ErrorFromResponse("x", 403, R"({"details":"incorrect username or password"})") ==
          absl::PermissionDeniedError("x: incorrect username or password"));
  }

  TEST_CASE("messages are one bounded printable line") {
    const std::string body = R"({"errors":[{"message":"\u001b[31m\n)" + std::string(5000, 'a') + R"("}]})";
    const std::string message(ErrorFromResponse("x", 400, body).message());
    CHECK(message.find('\n') == std::string::npos);
    CHECK(message.find('\x1b') == std::string::npos);
    CHECK(message.size() < 500);
  }

  TEST_CASE("members of other types are ignored") {
    for (const char* body :
         {R"({"errors":[7]})", R"({"errors":{}})", R"({"errors":[{"code":1,"message":[]}]})"}) {
      CHECK(ErrorFromResponse("x", 404, body) == absl::NotFoundError("x: 404 Not Found"));
    }
  }
}

}  // namespace
}  // namespace coracle::registry
