#include "base/filter.h"

#include "absl/strings/match.h"
#include "doctest/doctest.h"

namespace coracle {
namespace {

constexpr absl::string_view kKeys[] = {"name", "status", "label"};

Filters Of(std::vector<std::string> args) {
  absl::StatusOr<Filters> filters = Filters::Parse(args, kKeys);
  REQUIRE(filters.ok());
  return *std::move(filters);
}

TEST_SUITE("base/filter") {
  TEST_CASE("terms of one key are alternatives, different keys must all hold") {
    const Filters filters = Of({"status=running", "status=exited", "name=web"});
    CHECK(filters.MatchValue("status", "exited"));
    CHECK_FALSE(filters.MatchValue("status", "paused"));
    CHECK(filters.MatchPattern("name", "my-web-1"));
    CHECK_FALSE(filters.MatchPattern("name", "db"));
    CHECK(Of({}).MatchValue("status", "anything"));
    CHECK(filters.Values("status") == std::vector<std::string>{"running", "exited"});
  }
  TEST_CASE("a negated term excludes") {
    const Filters filters = Of({"status!=exited", "status!=dead"});
    CHECK(filters.MatchValue("status", "running"));
    CHECK_FALSE(filters.MatchValue("status", "exited"));
    CHECK_FALSE(filters.MatchValue("status", "dead"));
  }
  TEST_CASE("every label must hold, by name or by name and value") {
    const Json labels = {{"app", "web"}, {"com.x.tier", "front"}};
    CHECK(Of({"label=app"}).MatchLabels(labels));
    CHECK(Of({"label=app=web", "label=com.x.tier"}).MatchLabels(labels));
    CHECK(Of({"label=com.x.*"}).MatchLabels(labels));
    CHECK_FALSE(Of({"label=app=web", "label=missing"}).MatchLabels(labels));
    CHECK_FALSE(Of({"label=app=db"}).MatchLabels(labels));
    CHECK_FALSE(Of({"label=app"}).MatchLabels(Json()));
    CHECK(Of({"label!=missing"}).MatchLabels(labels));
    CHECK_FALSE(Of({"label!=app=web"}).MatchLabels(labels));
  }
  TEST_CASE("unknown keys and terms without a value are named") {
    const std::vector<std::string> unknown = {"colour=red"};
    const absl::Status status = Filters::Parse(unknown, kKeys).status();
    CHECK(status.message() == "invalid filter 'colour': known filters are name, status, label");
    const std::vector<std::string> bare = {"status"};
    CHECK(absl::StrContains(Filters::Parse(bare, kKeys).status().message(), "KEY=VALUE"));
  }
  TEST_CASE("a broken or huge pattern is plain text") {
    CHECK(MatchesPattern("^web[0-9]$", "web1"));
    CHECK_FALSE(MatchesPattern("^web[0-9]$", "web12"));
    CHECK(MatchesPattern("a[", "xa[y"));
    CHECK_FALSE(MatchesPattern(std::string(300, '('), "x"));
  }
}

}  // namespace
}  // namespace coracle
