#include "oci/user_lookup.h"

#include "doctest/doctest.h"

namespace coracle::oci {
namespace {

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/sh\n"
    "broken\n"
    "negative:x:-1:5::/:\n"
    "  web:x:33:34:Web:/var/www:/bin/false  \n"
    "1234:x:50:51::/odd:\n"
    "nohome:x:60:61::\n";
constexpr char kGroup[] =
    "root:x:0:\n"
    "web:x:34:\n"
    "logs:x:4:web,root\n"
    "disk:x:6:root, web\n"
    "logs2:x:4:web\n"
    "bad:x:none:web\n"
    "nolist:x:70\n";
using Gids = std::vector<uint32_t>;

TEST_SUITE("oci/user_lookup") {
  TEST_CASE("a name gives its entry and the groups that list it") {
    const auto user = ResolveUser("web", kPasswd, kGroup);
    REQUIRE(user.ok());
    CHECK(user->uid == 33);
    CHECK(user->gid == 34);
    CHECK(user->home == "/var/www");
    CHECK(user->additional_gids == Gids{4, 6});
    CHECK(ResolveUser("33", kPasswd, kGroup)->name == "web");
    CHECK(ResolveUser("33", kPasswd, kGroup)->additional_gids == Gids{4, 6});
    CHECK(ResolveUser("nohome", kPasswd, kGroup)->home == "/");
  }
  TEST_CASE("no user is root") {
    const auto user = ResolveUser("", kPasswd, kGroup);
    REQUIRE(user.ok());
    CHECK(user->uid == 0);
    CHECK(user->home == "/root");
    CHECK(user->additional_gids == Gids{4, 6});
    CHECK(ResolveUser("", "", "")->home == "/");
    CHECK(ResolveUser(":web", kPasswd, kGroup)->gid == 34);
  }
  TEST_CASE("a group that is given replaces the entry's and its additional ones") {
    const auto user = ResolveUser("web:logs", kPasswd, kGroup);
    REQUIRE(user.ok());
    CHECK(user->gid == 4);
    CHECK(user->additional_gids.empty());
    CHECK(ResolveUser("web:99", kPasswd, kGroup)->gid == 99);
    CHECK(ResolveUser("web:nolist", kPasswd, kGroup)->gid == 70);
  }
  TEST_CASE("a number is an id, with or without an entry") {
    const auto user = ResolveUser("1234", kPasswd, kGroup);
    REQUIRE(user.ok());
    CHECK(user->uid == 1234);
    CHECK(user->gid == 0);
    CHECK(user->home == "/");
    CHECK(ResolveUser("2147483647", kPasswd, kGroup)->uid == kMaxUserId);
  }
  TEST_CASE("what is not there or out of range is an error") {
    CHECK(ResolveUser("foo", kPasswd, kGroup).status().message() ==
          "unable to find user foo: no matching entries in passwd file");
    CHECK(ResolveUser("web:foo", kPasswd, kGroup).status().message() ==
          "unable to find group foo: no matching entries in group file");
    CHECK(ResolveUser("foo", "", "").status().code() == absl::StatusCode::kNotFound);
    for (const char* spec : {"2147483648", "4294967295", "99999999999999999999", "0:2147483648"}) {
      CAPTURE(std::string(spec));
      CHECK(ResolveUser(spec, kPasswd, kGroup).status().code() == absl::StatusCode::kInvalidArgument);
    }
    for (const char* spec : {"-1", "+1", " 1", "negative", "broken", "web:-1"}) {
      CAPTURE(std::string(spec));
      CHECK(ResolveUser(spec, kPasswd, kGroup).status().code() == absl::StatusCode::kNotFound);
    }
  }
  TEST_CASE("groups are resolved alone") {
    CHECK(ResolveGroups({"disk", "7", "logs", "4"}, kGroup).value() == Gids{4, 6, 7});
    CHECK_FALSE(ResolveGroups({"nope"}, kGroup).ok());
  }
}

}  // namespace
}  // namespace coracle::oci
