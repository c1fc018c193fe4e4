#include "base/template.h"

#include "absl/strings/match.h"
#include "doctest/doctest.h"

namespace coracle {
namespace {

const char kData[] = R"({
  "ID": "0123456789abcdef", "Name": "web", "Size": 3, "Ratio": 1.5, "Big": 12345678, "Yes": true, "No": false,
  "Null": null, "Empty": "", "List": ["a", "b", "c"], "None": [], "Nums": [1, 2, 3],
  "Config": {"Labels": {"app": "shop", "com.x/y": "z"}, "Env": ["A=1", "B=2"], "NullLabels": null},
  "Mounts": [{"Type": "bind", "Source": "/src"}, {"Type": "tmpfs", "Source": ""}],
  "Html": "<a href='x'>&\"", "Label": {"app": "shop"}
})";

Json Data() {
  absl::StatusOr<Json> data = ParseJson(kData);
  REQUIRE(data.ok());
  return *std::move(data);
}

std::string Run(absl::string_view text, const ExecuteOptions& options = {}) {
  const absl::StatusOr<Template> parsed = Template::Parse(text);
  if (!parsed.ok()) return std::string(parsed.status().message());
  const absl::StatusOr<std::string> out = parsed->Execute(Data(), options);
  return out.ok() ? *out : std::string(out.status().message());
}

constexpr absl::string_view kMaps[] = {"Labels", "NullLabels", "Label"};
std::string RunStrict(absl::string_view text) {
  ExecuteOptions options;
  options.strict = true;
  options.map_fields = kMaps;
  return Run(text, options);
}

TEST_SUITE("base/template") {
  TEST_CASE("text and fields") {
    CHECK(Run("") == "");
    CHECK(Run("plain } text {") == "plain } text {");
    CHECK(Run("{{.Name}}-{{.Size}}") == "web-3");
    CHECK(Run("{{ .Config.Labels.app }}") == "shop");
    CHECK(Run("{{.Missing}}|{{.Missing.More}}|{{.Null}}") == "<no value>|<no value>|<nil>");
    CHECK(Run("{{$.Name}}{{with .Config}}{{$.Name}}{{end}}") == "webweb");
    CHECK(Run("{{(index .Mounts 0).Type}}") == "bind");
  }
  TEST_CASE("values print as in Go") {
    CHECK(Run("{{.List}} {{.None}} {{.Nums}}") == "[a b c] [] [1 2 3]");
    CHECK(Run("{{.Config.Labels}}") == "map[app:shop com.x/y:z]");
    CHECK(Run("{{.Mounts}}") == "[map[Source:/src Type:bind] map[Source: Type:tmpfs]]");
    CHECK(Run("{{.Yes}} {{.No}} {{.Ratio}} {{.Big}}") == "true false 1.5 12345678");
    CHECK(Run("{{1e6}} {{1.5e-7}} {{100000.0}} {{1e21}}") == "1e+06 1.5e-07 100000 1e+21");
  }
  TEST_CASE("blanks are trimmed on the side of a dash") {
    CHECK(Run("a \n {{- .Size -}} \t b") == "a3b");
    CHECK(Run("a {{.Size -}} b") == "a 3b");
    CHECK(Run("a {{- .Size}} b") == "a3 b");
    CHECK(Run("{{-3}}") == "-3");
    CHECK(Run("{{- 3 -}}") == "3");
    CHECK(Run("a {{- /* gone */ -}} b{{/* too */}}c") == "abc");
  }
  TEST_CASE("literals") {
    CHECK(Run("{{\"a\\tb\\u00e9\\x41\\101\\\"\"}}") ==
          "a\tb\xc3\xa9"
          "AA\"");
    CHECK(Run("{{`raw \\n`}}") == "raw \\n");
    CHECK(Run("{{'a'}} {{'\\n'}} {{'\xc3\xa9'}}") == "97 10 233");
    CHECK(Run("{{0x1F}} {{0b101}} {{0o17}} {{017}} {{1_000}} {{-7}} {{+7}} {{.5}}") ==
          "31 5 15 15 1000 -7 7 0.5");
    CHECK(Run("{{true}} {{false}}") == "true false");
  }
  TEST_CASE("if, else if and what counts as true") {
    CHECK(Run("{{if .Yes}}a{{end}}{{if .No}}b{{else}}c{{end}}") == "ac");
    CHECK(Run("{{if .No}}1{{else if eq .Size 3}}2{{else if true}}3{{else}}4{{end}}") == "2");
    CHECK(Run("{{if .No}}1{{else if .No}}2{{else if .Yes}}3{{else}}4{{end}}x") == "3x");
    for (const char* empty : {".Null", ".Empty", ".None", "0", "0.0", "\"\"", ".Missing", "false"}) {
      CAPTURE(empty);
      CHECK(Run(absl::StrCat("{{if ", empty, "}}t{{else}}f{{end}}")) == "f");
    }
    for (const char* full : {".Name", ".List", "1", "-1", ".Config"}) {
      CAPTURE(full);
      CHECK(Run(absl::StrCat("{{if ", full, "}}t{{else}}f{{end}}")) == "t");
    }
  }
  TEST_CASE("with moves the dot") {
    CHECK(Run("{{with .Config}}{{.Env}}{{end}}") == "[A=1 B=2]");
    CHECK(Run("{{with .Null}}x{{else}}none{{end}}") == "none");
    CHECK(Run("{{with $x := .Name}}{{$x}}{{.}}{{end}}") == "webweb");
    CHECK(Run("{{with .Null}}x{{else with .Name}}{{.}}{{end}}") == "web");
  }
  TEST_CASE("range over lists, maps and numbers") {
    CHECK(Run("{{range .List}}<{{.}}>{{end}}") == "<a><b><c>");
    CHECK(Run("{{range $e := .List}}{{$e}}{{end}}") == "abc");
    CHECK(Run("{{range $i, $e := .List}}{{if $i}}, {{end}}{{$i}}={{$e}}{{end}}") == "0=a, 1=b, 2=c");
    CHECK(Run("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}") == "app=shop;com.x/y=z;");
    CHECK(Run("{{range .None}}x{{else}}none{{end}}{{range .Null}}x{{else}}null{{end}}") == "nonenull");
    CHECK(Run("{{range 3}}{{.}}{{end}}") == "012");
    CHECK(Run("{{range $i, $e := .List}}{{if eq $i 1}}{{continue}}{{end}}{{$e}}{{end}}") == "ac");
    CHECK(Run("{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}") == "a");
    CHECK(Run("{{range .Mounts}}{{.Type}}:{{range $.List}}{{.}}{{end}} {{end}}") == "bind:abc tmpfs:abc ");
    CHECK(Run("{{range .Name}}{{end}}") == "template: 1:9: range can't iterate over web");
  }
  TEST_CASE("variables live in their block and can be set from inside") {
    CHECK(Run("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}") == "2");
    CHECK(Run("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}") == "21");
    CHECK(Run("{{$n := 0}}{{range $i, $_ := .List}}{{$n = $i}}{{end}}{{$n}}") == "2");
    CHECK(Run("{{$x := .Config}}{{$x.Labels.app}}") == "shop");
    CHECK(Run("{{if true}}{{$y := 1}}{{end}}{{$y}}") == "template: 1:32: undefined variable \"$y\"");
    CHECK(Run("{{$z = 1}}") == "template: 1:7: undefined variable \"$z\"");
  }
  TEST_CASE("pipelines hand the value on as last argument") {
    CHECK(Run("{{.Name | printf \"%s-%s\" \"x\"}}") == "x-web");
    CHECK(Run("{{.Name | upper | lower | len}}") == "3");
    CHECK(Run("{{(len .List) | eq 3}}") == "true");
    CHECK(Run("{{1 | 2}}") == "template: 1:7: non executable command in pipeline");
  }
  TEST_CASE("comparison and logic") {
    CHECK(Run("{{eq .Size 3}} {{eq .Size 1 2 3}} {{eq .Size 4 5}} {{ne .Name \"web\"}}") ==
          "true true false false");
    CHECK(Run("{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}} {{lt \"a\" \"b\"}} {{lt 1 1.5}}") ==
          "true true false true true true");
    CHECK(
        Run("{{and 1 0 .Missing}} {{and 1 \"x\"}} {{or 0 \"\" \"y\"}} {{or 1 (index .List 9)}} {{not 0}}") ==
        "0 x y 1 true");
    CHECK(Run("{{eq .Null nil}} {{eq .Name nil}}") == "true false");
    CHECK(Run("{{eq 1 \"1\"}}") == "template: 1:3: error calling eq: incompatible types for comparison");
    CHECK(Run("{{eq .List .List}}") ==
          "template: 1:3: error calling eq: non-comparable type: []interface {}");
    CHECK(Run("{{lt true false}}") == "template: 1:3: error calling lt: invalid type for comparison");
  }
  TEST_CASE("len, index, slice") {
    CHECK(Run("{{len .Name}} {{len .List}} {{len .Config.Labels}} {{len .Null}}") == "3 3 2 0");
    CHECK(Run("{{index .List 1}} {{index .Config.Labels \"com.x/y\"}} {{index .Mounts 1 \"Type\"}}") ==
          "b z tmpfs");
    CHECK(Run("[{{index .Config.Labels \"none\"}}]") == "[]");
    CHECK(Run("{{index .List 3}}") == "template: 1:3: error calling index: index out of range: 3");
    CHECK(Run("{{index .Name 0}}") == "119");
    CHECK(Run("{{slice .ID 0 12}} {{slice .List 1}} {{slice .List 1 2}}") == "0123456789ab [b c] [b]");
    CHECK(Run("{{slice .Name 2 9}}") == "template: 1:3: error calling slice: index out of range: 9");
    CHECK(Run("{{slice .Name 2 1}}") == "template: 1:3: error calling slice: invalid slice index: 2 > 1");
    CHECK(Run("{{len 3}}") == "template: 1:3: error calling len: len of type int");
  }
  TEST_CASE("print, printf, println") {
    CHECK(Run("{{print 1 2 \"a\" \"b\" 3}}") == "1 2ab3");
    CHECK(Run("{{print \"a\" 1}}|{{println \"a\" 1}}|{{println}}") == "a1|a 1\n|\n");
    CHECK(Run("{{printf \"%.12s|%10s|%-10s|\" .ID .Name .Name}}") == "0123456789ab|       web|web       |");
    CHECK(Run("{{printf \"%d|%5d|%-5d|%05d|%+d|%x|%X|%#x|%o|%b|%c|%U|%q\" 42 42 42 42 42 42 255 255 8 5 65 "
              "65 65}}") == "42|   42|42   |00042|+42|2a|FF|0xff|10|101|A|U+0041|'A'");
    CHECK(Run("{{printf \"%f|%.2f|%8.3f|%e|%g|%v\" 1.5 1.5 1.5 1.5 1.5 1.5}}") ==
          "1.500000|1.50|   1.500|1.500000e+00|1.5|1.5");
    CHECK(Run("{{printf \"%q %x %v %t %%\" .Name .Name .List .Yes}}") == "\"web\" 776562 [a b c] true %");
    CHECK(Run("{{printf \"%s %d %q\" .List .Nums .List}}") == "[a b c] [1 2 3] [\"a\" \"b\" \"c\"]");
    CHECK(Run("{{printf \"%d %s\" .Name .Size}}") == "%!d(string=web) %!s(int=3)");
    CHECK(Run("{{printf \"%[2]d %[1]d|%[1]*d|%[3]d\" 5 6}}") == "6 5|    6|%!d(BADINDEX)");
    CHECK(Run("{{printf \"%+v %+q %q\" 5 \"\u00e9\" \"\u202e\"}}") == "5 \"\\u00e9\" \"\\u202e\"");
    CHECK(Run("{{printf \"%s %s\" .Name}}") == "web %!s(MISSING)");
    CHECK(Run("{{printf \"%s\" .Name 1}}") == "web%!(EXTRA int=1)");
    CHECK(Run("{{printf \"%v %s %T %T %T\" .Null .Null .Name .Size .List}}") ==
          "<nil> %!s(<nil>) string int []interface {}");
    CHECK(Run("{{printf \"%*d|%-*d|%.*s\" 5 42 5 42 2 .Name}}") == "   42|42   |we");
    CHECK(Run("{{printf \"%\"}} {{printf \"%z\" 1}} {{printf \"%9999999d\" 1}}") ==
          "%!(NOVERB) %!z(int=1) %!(BADWIDTH)1");
  }
  TEST_CASE("escapers") {
    CHECK(Run("{{html .Html}}") == "&lt;a href=&#39;x&#39;&gt;&amp;&#34;");
    CHECK(Run("{{js .Html}}") == "\\u003Ca href\\u003D\\'x\\'\\u003E\\u0026\\\"");
    CHECK(Run("{{urlquery \"a b&c/\xc3\xa9\"}}") == "a+b%26c%2F%C3%A9");
  }
  TEST_CASE("docker's and podman's functions") {
    CHECK(Run("{{json .Config.Labels}} {{json .Name}} {{json .Null}} {{json .Html}}") ==
          "{\"app\":\"shop\",\"com.x/y\":\"z\"} \"web\" null \"<a href='x'>&\\\"\"");
    CHECK(Run("{{join .List \", \"}} {{index (split \"a:b:c\" \":\") 1}} {{split \"abc\" \"\"}}") ==
          "a, b, c b [a b c]");
    CHECK(Run("{{lower \"AbC\"}} {{upper \"AbC\"}} {{title \"ab cd-ef it's\"}}") == "abc ABC Ab Cd-Ef It'S");
    CHECK(Run("{{truncate .ID 4}} {{truncate .Name 9}}[{{pad .Name 2 1}}][{{pad \"\" 2 1}}]") ==
          "0123 web[  web ][]");
    CHECK(Run("{{.Label \"app\"}}|{{.Label \"none\"}}|{{\"app\" | .Label}}") == "shop||shop");
    CHECK(Run("{{.Name \"app\"}}") == "template: 1:3: Name is not a method but has arguments");
    CHECK(Run("{{lower 3}}") ==
          "template: 1:3: error calling lower: wrong type for value; expected string; got int");
  }
  TEST_CASE("define, template, block") {
    CHECK(Run("{{define \"x\"}}<{{.}}>{{end}}{{template \"x\" .Name}}{{template \"x\" 1}}") == "<web><1>");
    CHECK(Run("{{template \"x\"}}{{define \"x\"}}late{{end}}") == "late");
    CHECK(Run("{{block \"b\" .Name}}[{{.}}]{{end}}") == "[web]");
    CHECK(Run("{{define \"x\"}}{{$}}{{end}}{{$v := 1}}{{template \"x\" .Size}}") == "3");
    CHECK(Run("{{define \"x\"}}1{{end}}{{define \"x\"}}2{{end}}") ==
          "template: 1:45: multiple definition of template \"x\"");
    CHECK(Run("{{template \"none\"}}") == "template: 1:3: template \"none\" not defined");
    CHECK(Run("{{if true}}{{define \"x\"}}{{end}}{{end}}") ==
          "template: 1:14: unexpected {{define}}: it stands at the top only");
  }
  TEST_CASE("a struct refuses unknown fields, a map does not") {
    CHECK(RunStrict("{{.Nope}}") == "template: 1:3: can't evaluate field Nope");
    CHECK(RunStrict("{{.Config.Nope}}") == "template: 1:3: can't evaluate field Nope");
    CHECK(RunStrict("{{.Config.Labels.none}} {{.Config.Labels.app}}") == "<no value> shop");
    CHECK(RunStrict("{{.Config.NullLabels}} {{.Config.NullLabels.x}}") == "map[] <no value>");
    CHECK(RunStrict("{{with .Config.Labels}}{{.none}}{{end}}") == "<no value>");
    CHECK(RunStrict("{{.Null.More}}") == "template: 1:3: nil pointer evaluating .More");
    CHECK(RunStrict("{{.Name.More}}") == "template: 1:3: can't evaluate field More in type string");
    CHECK(RunStrict("{{.name}}") == "template: 1:3: can't evaluate field name");
  }
  TEST_CASE("in a heading fields are their names") {
    ExecuteOptions options;
    options.heading = true;
    CHECK(Run("{{.Name}}\t{{.RunningFor}}\t{{upper .ID}}\t{{.A.StatusText}}\t{{json .Xy}}\t{{.Label \"a\"}}",
              options) == "web\tRUNNING FOR\t0123456789abcdef\tSTATUS TEXT\tXY\tmap[app:shop]");
  }
  TEST_CASE("what is malformed is refused with its place") {
    CHECK(Run("{{") == "template: 1:3: unclosed action");
    CHECK(Run("a\n  {{.Name") == "template: 2:10: unclosed action");
    CHECK(Run("{{}}") == "template: 1:3: missing value for command");
    CHECK(Run("{{foo}}") == "template: 1:3: function \"foo\" not defined");
    CHECK(Run("{{if}}x{{end}}") == "template: 1:5: missing value for if");
    CHECK(Run("{{if true}}x") == "template: 1:13: unexpected EOF");
    CHECK(Run("{{end}}") == "template: 1:6: unexpected {{end}}");
    CHECK(Run("{{if 1}}{{else}}{{else}}{{end}}") == "template: 1:23: expected end; found {{else}}");
    CHECK(Run("{{break}}") == "template: 1:3: {{break}} outside {{range}}");
    CHECK(Run("{{(.Name}}") == "template: 1:9: unclosed left paren");
    CHECK(Run("{{.Name)}}") == "template: 1:8: unexpected right paren");
    CHECK(Run("{{\"abc}}") == "template: 1:3: unterminated quoted string");
    CHECK(Run("{{/* a }}") == "template: 1:3: unclosed comment");
    CHECK(Run("{{nil}}") == "template: 1:3: nil is not a command");
    CHECK(Run("{{1.2.3}}") == "template: 1:3: bad number syntax: \"1.2.3\"");
    for (const char* number : {"08", "1__0", "99999999999999999999", "0b12", "0x", "1i"}) {
      CHECK(Run(absl::StrCat("{{", number, "}}")) ==
            absl::StrCat("template: 1:3: bad number syntax: \"", number, "\""));
    }
    CHECK(Run("{{\"\\ud800\"}}") == "template: 1:3: invalid escape in string");
    CHECK(Run("{{range $i, $e := 2}}{{end}}") ==
          "template: 1:9: can't use 2 to iterate over more than one variable");
    CHECK(Run("{{.A#}}") == "template: 1:3: bad character '#'");
    CHECK(Run("{{print | }}") == "template: 1:11: missing value for command");
    CHECK(Run("{{1.Name}}") == "template: 1:3: bad number syntax: \"1.Name\"");
    CHECK(Run("{{\"a\".Name}}") == "template: 1:6: unexpected . after term");
    CHECK(Run("{{3 4}}") == "template: 1:3: can't give argument to non-function");
  }
  TEST_CASE("hostile templates end in an error, soon") {
    const auto code = [](const std::string& text) {
      const absl::StatusOr<Template> parsed = Template::Parse(text);
      return parsed.ok() ? parsed->Execute(Data()).status().code() : parsed.status().code();
    };
    std::string deep;
    for (int i = 0; i < 10000; ++i) deep += "{{if 1}}";
    CHECK(code(deep) == absl::StatusCode::kInvalidArgument);
    CHECK(code("{{" + std::string(10000, '(') + "1" + std::string(10000, ')') + "}}") ==
          absl::StatusCode::kInvalidArgument);
    CHECK(code("{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}") ==
          absl::StatusCode::kResourceExhausted);
    CHECK(code("{{range 999999999999}}{{end}}") == absl::StatusCode::kResourceExhausted);
    CHECK(code("{{$x := \"aaaaaaaaaa\"}}{{range 100}}{{$x = printf \"%s%s%s\" $x $x $x}}{{end}}") ==
          absl::StatusCode::kResourceExhausted);
    CHECK(code("{{range 1000}}{{printf \"%1000000d\" 1}}{{end}}") == absl::StatusCode::kResourceExhausted);
    CHECK(code(std::string(kMaxTemplateBytes + 1, 'a')) == absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace coracle
