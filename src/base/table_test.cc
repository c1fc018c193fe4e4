#include "base/table.h"

#include "absl/strings/match.h"
#include "doctest/doctest.h"

namespace coracle {
namespace {

constexpr Heading kHeadings[] = {{"ID", "CONTAINER ID"}, {"Names", "NAMES"}};
constexpr absl::string_view kMaps[] = {"Labels"};
constexpr ListingFormat kListing = {
    .headings = kHeadings,
    .columns = "{{.ID}}\t{{.Names}}\t{{.Status}}",
    .quiet = "{{.ID}}",
    .map_fields = kMaps,
};

std::vector<Json> Rows() {
  return {{{"ID", "0123456789ab"}, {"Names", "web"}, {"Status", "Up"}, {"Labels", {{"a", "b"}}}},
          {{"ID", "ba9876543210"},
           {"Names", "a-much-longer-name"},
           {"Status", "Exited (0)"},
           {"Labels", nullptr}}};
}

std::string List(const std::string& format, bool quiet = false, bool no_heading = false) {
  ListingOptions options;
  options.format = format;
  options.quiet = quiet;
  options.no_heading = no_heading;
  const absl::StatusOr<std::string> out = RenderListing(kListing, options, Rows());
  return out.ok() ? *out : std::string(out.status().message());
}

TEST_SUITE("base/table") {
  TEST_CASE("columns are as wide as their widest cell and three blanks, at least ten") {
    CHECK(AlignColumns("A\tB\tC\nlong-long-cell\tx\ty\n") ==
          "A                B         C\n"
          "long-long-cell   x         y\n");
    CHECK(AlignColumns("\xc3\xbc\xc3\xbc\tb\n") == "\xc3\xbc\xc3\xbc        b\n");
    CHECK(AlignColumns("a\t\t\n") == "a\n");
    CHECK(AlignColumns("one\n") == "one\n");
    CHECK(AlignColumns("") == "\n");
  }
  TEST_CASE("a column ends where a line does not have it") {
    CHECK(AlignColumns("a-very-long-cell\tx\nplain\nb\ty\n") ==
          "a-very-long-cell   x\n"
          "plain\n"
          "b         y\n");
  }
  TEST_CASE("the default table has headings") {
    const std::string table =
        "CONTAINER ID   NAMES                STATUS\n"
        "0123456789ab   web                  Up\n"
        "ba9876543210   a-much-longer-name   Exited (0)\n";
    CHECK(List("") == table);
    CHECK(List("table") == table);
    CHECK(List("", /*quiet=*/false, /*no_heading=*/true) == table.substr(table.find('\n') + 1));
    CHECK(List("", /*quiet=*/true) == "0123456789ab\nba9876543210\n");
    CHECK(List("table {{.Names}}", /*quiet=*/true) == "0123456789ab\nba9876543210\n");
  }
  TEST_CASE("a table of one's own derives its headings") {
    CHECK(List("table {{.Names}}\\t{{upper .Status}}") ==
          "NAMES                STATUS\n"
          "web                  UP\n"
          "a-much-longer-name   EXITED (0)\n");
    CHECK(List("table {{.ID}}") == "CONTAINER ID\n0123456789ab\nba9876543210\n");
  }
  TEST_CASE("a template gives a line for each row") {
    CHECK(List("{{.Names}}\\t{{.Status}}") == "web\tUp\na-much-longer-name\tExited (0)\n");
    CHECK(List("{{.Names}}\\n") == "web\na-much-longer-name\n");
    CHECK(List("{{printf \"%s\\n\" .Names}}") == "web\na-much-longer-name\n");
    CHECK(List("{{range .}}{{.Names}} {{end}}") == "web a-much-longer-name \n");
    CHECK(List("{{range $x := . -}} {{$x.Names}},{{end}}") == "web,a-much-longer-name,\n");
    CHECK(List("{{.Labels.a}}") == "b\n<no value>\n");
    CHECK(List("{{json .Labels}}") == "{\"a\":\"b\"}\nnull\n");
    CHECK(List("{{.Nope}}") == "--format: template: 1:3: can't evaluate field Nope");
    CHECK(List("{{") == "--format: template: 1:3: unclosed action");
  }
  TEST_CASE("json is an array with four blanks") {
    const std::string json = List("json");
    CHECK(absl::StartsWith(json, "[\n    {\n        \"ID\": \"0123456789ab\",\n"));
    CHECK(absl::EndsWith(json, "\n]\n"));
    CHECK(*RenderListing(kListing, {.format = "json"}, {}) == "[]\n");
  }
  TEST_CASE("terminal sequences of a row do not reach a table") {
    const std::vector<Json> rows = {{{"ID", "a\033[31m"}, {"Names", "x\ny\tz"}, {"Status", ""}}};
    CHECK(*RenderListing(kListing, {.no_heading = true}, rows) == "a\\x1b[31m   x\\x0ay\\x09z\n");
  }
  TEST_CASE("inspect prints an array, or a line for each object") {
    const std::vector<Json> objects = {{{"Id", "1"}}, {{"Id", "2"}}};
    CHECK(*RenderInspect("", objects, {}) ==
          "[\n    {\n        \"Id\": \"1\"\n    },\n    {\n        \"Id\": \"2\"\n    }\n]\n");
    CHECK(*RenderInspect("json", {}, {}) == "[]\n");
    CHECK(*RenderInspect("{{.Id}}", objects, {}) == "1\n2\n");
    ExecuteOptions strict;
    strict.strict = true;
    CHECK(RenderInspect("{{.id}}", objects, strict).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace coracle
