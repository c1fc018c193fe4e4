#include "build/lint.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::build {
namespace {

// "Rule:line Rule:line" of what is found; base images have PATH and KNOWN.
std::string Rules(absl::string_view text, absl::string_view ignore = "") {
  const absl::StatusOr<Dockerfile> file = ParseDockerfile("Dockerfile", text);
  REQUIRE_MESSAGE(file.ok(), StatusLine(file.status()));
  ScopeInputs scope;
  scope.target_platform = scope.build_platform = oci::HostPlatform();
  const auto global = GlobalScope::Make(*file, scope);
  REQUIRE(global.ok());
  const auto patterns = IgnorePatterns::ParseFile(".dockerignore", ignore);
  LintInputs inputs;
  inputs.global = &*global;
  inputs.ignore = &*patterns;
  inputs.image_environment = [](const std::string& name) -> std::optional<std::vector<std::string>> {
    if (name == "unknown") return std::nullopt;
    return std::vector<std::string>{"PATH=/bin", "KNOWN=1"};
  };
  const auto report = Lint(*file, inputs);
  if (!report.ok()) return StatusLine(report.status());
  std::vector<std::string> out;
  for (const Finding& finding : report->findings)
    out.push_back(absl::StrCat(finding.rule, ":", finding.lines.first));
  if (report->is_error) out.push_back("error");
  return absl::StrJoin(out, " ");
}

TEST_SUITE("build/lint") {
  TEST_CASE("a good file has no findings") {
    CHECK(
        Rules(
            "# syntax=docker/dockerfile:1\nARG V=3\nFROM alpine:$V AS build\nARG V\nWORKDIR /src\nCOPY . .\n"
            "RUN make $UNKNOWN_TO_US\nFROM scratch\nCOPY --from=build /src/x /x\nEXPOSE 80/tcp\nCMD "
            "[\"/x\"]\n") == "");
  }
  TEST_CASE("casing of instructions, of AS and of stage names") {
    CHECK(Rules("FROM a\nrun x\nRUN y\n") == "ConsistentInstructionCasing:2");
    CHECK(Rules("from a\nrun x\nRun y\n") == "ConsistentInstructionCasing:3");
    CHECK(Rules("FROM a as b\n") == "FromAsCasing:1");
    CHECK(Rules("FROM a AS Build\n") == "StageNameCasing:1");
  }
  TEST_CASE("stage names that clash") {
    CHECK(Rules("FROM a AS b\nFROM a AS b\n") == "DuplicateStageName:2");
    CHECK(Rules("FROM a AS scratch\n") == "ReservedStageName:1");
  }
  TEST_CASE("shell form, several of a kind, old forms") {
    CHECK(Rules("FROM a\nCMD x\n") == "JSONArgsRecommended:2");
    CHECK(Rules("FROM a\nSHELL [\"x\"]\nENTRYPOINT x\n") == "");
    CHECK(Rules("FROM a\nCMD [\"a\"]\nCMD [\"b\"]\n") == "MultipleInstructionsDisallowed:2");
    CHECK(Rules("FROM a\nENV A b\nLABEL c d\n") == "LegacyKeyValueFormat:2 LegacyKeyValueFormat:3");
    CHECK(Rules("FROM a\nMAINTAINER me\n") == "MaintainerDeprecated:2");
    CHECK(Rules("FROM a\nRUN x \\\n\n  y\n") == "NoEmptyContinuation:2");
  }
  TEST_CASE("variables that nothing sets") {
    CHECK(Rules("FROM $BASE\n") ==
          "Dockerfile:1: FROM: base \"$BASE\" is empty: no ARG before the first FROM sets BASE");
    CHECK(Rules("FROM a$TAG\n") == "UndefinedArgInFrom:1");
    CHECK(Rules("ARG TAG\nFROM a$TAG\n") == "");
    CHECK(Rules("FROM a\nWORKDIR /$X\n") == "UndefinedVar:2");
    CHECK(Rules("FROM a\nARG X\nWORKDIR /$X/$KNOWN/$PATH\n") == "");
    CHECK(Rules("FROM unknown\nWORKDIR /$X\n") == "");
    CHECK(Rules("FROM a AS x\nARG X=1\nFROM x\nWORKDIR /$X\n") == "");
    CHECK(Rules("ARG TAG=\nFROM a:$TAG\n") == "InvalidDefaultArgInFrom:2");
  }
  TEST_CASE("platforms") {
    CHECK(Rules("FROM --platform=$TARGETPLATFORM a\n") == "RedundantTargetPlatform:1");
    CHECK(Rules("FROM --platform=linux/amd64 a\n") == "FromPlatformFlagConstDisallowed:1");
    CHECK(Rules("FROM --platform=linux/amd64 a AS amd64-build\n") == "");
    CHECK(Rules("FROM --platform=$BUILDPLATFORM a\n") == "");
  }
  TEST_CASE("secrets, relative directories, ports") {
    CHECK(Rules("FROM a\nARG GITHUB_TOKEN\nENV DB_PASSWORD=x MONKEY=1 API_KEY_FILE=/x\n") ==
          "SecretsUsedInArgOrEnv:2 SecretsUsedInArgOrEnv:3");
    CHECK(Rules("FROM a\nWORKDIR x\nWORKDIR y\n") == "WorkdirRelativePath:2");
    CHECK(Rules("FROM a\nWORKDIR /x\nWORKDIR y\n") == "");
    CHECK(Rules("FROM a\nEXPOSE 80/TCP 127.0.0.1:80:80\n") == "ExposeProtoCasing:2 ExposeInvalidFormat:2");
  }
  TEST_CASE("the experimental ones only if they are asked for") {
    const std::string file = "FROM a\nCOPY secret /\n";
    CHECK(Rules(file, "secret") == "");
    CHECK(Rules("# check=experimental=all\n" + file, "secret") == "CopyIgnoredFile:3");
    CHECK(Rules("# check=experimental=all\n" + file, "secret\n!x") == "");
    CHECK(Rules("# check=experimental=InvalidDefinitionDescription\n\n# about it\nFROM a AS b\n\n# X is "
                "it\nARG X\n") == "InvalidDefinitionDescription:4");
  }
  TEST_CASE("directives and comments leave rules out, or make findings errors") {
    CHECK(Rules("# check=skip=JSONArgsRecommended, Other\nFROM a\nCMD x\n") == "");
    CHECK(Rules("# check=skip=all\nFROM a\nCMD x\n") == "");
    CHECK(Rules("# check=error=true\nFROM a\nCMD x\n") == "JSONArgsRecommended:3 error");
    CHECK(Rules("# check=error=true\nFROM a\n") == "");
    CHECK(Rules("FROM a\n# check=skip=JSONArgsRecommended\nCMD x\n") == "");
    CHECK(absl::StrContains(Rules("# check=sikp=all\nFROM a\n"), "check option \"sikp=all\" is not known"));
  }
  TEST_CASE("the report shows rule, message and lines") {
    const auto file = ParseDockerfile("Dockerfile", "FROM a\nCMD x\n");
    LintReport report;
    report.findings.push_back({"JSONArgsRecommended", "d", "JSON arguments recommended", {2, 2}});
    CHECK(FormatLintReport(*file, report) ==
          "Check complete, 1 warning has been found!\n\nWARNING: JSONArgsRecommended\nJSON arguments "
          "recommended\n"
          "Dockerfile:2\n--------------------\n   1 |     FROM a\n   2 | >>> CMD x\n   3 |     "
          "\n--------------------\n");
    CHECK(FormatLintReport(*file, {}) == "Check complete, no warnings found.\n");
  }
}

}  // namespace
}  // namespace coracle::build
