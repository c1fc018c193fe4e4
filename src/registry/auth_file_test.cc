#include "registry/auth_file.h"

#include "absl/strings/match.h"
#include "doctest/doctest.h"

namespace coracle::registry {
namespace {

AuthFile Parsed(absl::string_view text) {
  auto file = AuthFile::Parse(text);
  REQUIRE(file.ok());
  return *std::move(file);
}

// "user:password", "(nothing)", or the error.
std::string Found(const AuthFile& file, absl::string_view key) {
  const auto found = file.Get(key);
  if (!found.ok()) return std::string(found.status().message());
  if (!found->has_value()) return "(nothing)";
  return (*found)->username + ":" + (*found)->password +
         ((*found)->identity_token.empty() ? "" : "+" + (*found)->identity_token);
}

TEST_SUITE("registry/auth_file") {
  TEST_CASE("keys of all spellings") {
    CHECK(NormalAuthKey("quay.io") == "quay.io");
    CHECK(NormalAuthKey("quay.io/team/image/") == "quay.io/team/image");
    CHECK(NormalAuthKey("https://quay.io/v1/") == "quay.io");
    CHECK(NormalAuthKey("http://localhost:5000/x") == "localhost:5000");
    CHECK(NormalAuthKey("https://index.docker.io/v1/") == "docker.io");
    CHECK(NormalAuthKey("index.docker.io") == "docker.io");
    CHECK(NormalAuthKey("docker.io/library/debian") == "docker.io/library/debian");
    CHECK(NormalAuthKey("registry-1.docker.io/v2/") == "docker.io");
    CHECK(AuthKeysFor("a.com/b/c") == std::vector<std::string>{"a.com/b/c", "a.com/b", "a.com"});
  }

  TEST_CASE("entries are read in all their forms") {
    const AuthFile file = Parsed(R"({"auths": {
      "a.com": {"auth": "dXNlcjpwYTpzcw=="},
      "https://b.com/v2/": {"username": "u", "password": "p"},
      "c.com": {"auth": "dXNlcjo=", "identitytoken": "tok"},
      "nul.com": {"auth": "dTpwAAA="},
      "empty.com": {},
      "text.com": {"auth": "####"},
      "nocolon.com": {"auth": "dXNlcg=="},
      "list.com": []
    }})");
    CHECK(Found(file, "a.com") == "user:pa:ss");
    CHECK(Found(file, "b.com") == "u:p");
    CHECK(Found(file, "c.com") == "user:+tok");
    CHECK(Found(file, "nul.com") == "u:p");
    CHECK(Found(file, "empty.com") == "(nothing)");
    CHECK(Found(file, "none.com") == "(nothing)");
    CHECK(Found(file, "text.com") == "auths: text.com: auth is not base64");
    CHECK(Found(file, "nocolon.com") == "auths: nocolon.com: auth has no user and password");
    CHECK(Found(file, "list.com") == "auths: list.com: not an object");
  }

  TEST_CASE("a written entry replaces every spelling, and unknown members stay") {
    AuthFile file =
        Parsed(R"({"HttpHeaders":{"X":"1"},"auths":{"https://a.com":{"auth":"eDp5"},"b.com":{"auth":"eDp5"}},
                              "credsStore":"none","detachKeys":"ctrl-x"})");
    REQUIRE(file.Set("a.com", {"user", "p:w", ""}).ok());
    CHECK(
        file.Dump() ==
        "{\n\t\"HttpHeaders\": {\n\t\t\"X\": \"1\"\n\t},\n\t\"auths\": {\n\t\t\"b.com\": {\n\t\t\t\"auth\": "
        "\"eDp5\"\n\t\t},\n\t\t\"a.com\": {\n\t\t\t\"auth\": "
        "\"dXNlcjpwOnc=\"\n\t\t}\n\t},\n\t\"credsStore\": "
        "\"none\",\n\t\"detachKeys\": \"ctrl-x\"\n}\n");
    CHECK(Found(file, "a.com") == "user:p:w");
    CHECK(absl::IsInvalidArgument(file.Set("a.com", {"us:er", "p", ""})));
    CHECK(file.Remove("b.com"));
    CHECK_FALSE(file.Remove("b.com"));
    CHECK(file.Keys() == std::vector<std::string>{"a.com"});
    CHECK(file.RemoveAll());
    CHECK_FALSE(file.RemoveAll());
    CHECK(file.Store() == "none");
    CHECK(absl::StrContains(file.Dump(), "HttpHeaders"));
  }

  TEST_CASE("an identity token is written beside the user") {
    AuthFile file;
    REQUIRE(file.Set("a.com/team", {"user", "", "tok"}).ok());
    CHECK(Found(Parsed(file.Dump()), "a.com/team") == "user:+tok");
  }

  TEST_CASE("helpers are found under any spelling of their registry") {
    const AuthFile file = Parsed(
        R"({"credHelpers":{"https://index.docker.io/v1/":"hub","a.com":"pass","x":3},"credsStore":"all"})");
    CHECK(file.HelperFor("docker.io") == "hub");
    CHECK(file.HelperFor("a.com") == "pass");
    CHECK(file.HelperFor("b.com").empty());
    CHECK(file.Store() == "all");
    CHECK(file.Helpers().size() == 2);
  }

  TEST_CASE("the old format has its entries at the top") {
    const auto file =
        AuthFile::Parse(R"({"https://a.com/v1/":{"auth":"dTpw","email":"x"}})", /*legacy=*/true);
    REQUIRE(file.ok());
    CHECK(Found(*file, "a.com") == "u:p");
  }

  TEST_CASE("what is no such document is refused; nothing at all is an empty one") {
    for (const char* text :
         {"[]", "3", "{\"auths\":[]}", "{\"credHelpers\":\"x\"}", "{", "{\"auths\":{}} x"}) {
      CHECK(absl::IsInvalidArgument(AuthFile::Parse(text).status()));
    }
    CHECK(Parsed("").Keys().empty());
    CHECK(Parsed(" \n").Keys().empty());
    CHECK(Found(Parsed(R"({"auths":null,"credHelpers":null})"), "a.com") == "(nothing)");
  }
}

}  // namespace
}  // namespace coracle::registry
