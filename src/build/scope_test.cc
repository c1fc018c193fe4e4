#include "build/scope.h"

#include "absl/strings/match.h"
#include "base/status.h"
#include "build/stage_graph.h"
#include "doctest/doctest.h"

namespace coracle::build {
namespace {

using Strings = std::vector<std::string>;

struct Fixture {
  Dockerfile file;
  GlobalScope global;
  explicit Fixture(absl::string_view text, std::map<std::string, std::string> args = {})
      : file(ParseDockerfile("Dockerfile", text).value()), global(MakeGlobal(file, std::move(args))) {}
  static GlobalScope MakeGlobal(const Dockerfile& file, std::map<std::string, std::string> args) {
    ScopeInputs inputs;
    inputs.build_args = std::move(args);
    inputs.target_platform = oci::ParsePlatform("linux/arm64").value();
    inputs.build_platform = oci::ParsePlatform("linux/amd64").value();
    return GlobalScope::Make(file, inputs).value();
  }
};

// The last instruction of the first stage, expanded after those before it.
template <typename T>
T Last(absl::string_view text, std::map<std::string, std::string> args = {}, Strings image = {}) {
  const Fixture fixture(text, std::move(args));
  StageScope scope(fixture.global, image);
  Instruction out;
  for (const Instruction& instruction : fixture.file.stages[0].instructions)
    out = scope.Expand(instruction).value();
  return std::get<T>(out.value);
}

std::string GraphError(absl::string_view text, absl::string_view target = "") {
  const Fixture fixture(text);
  const auto graph = MakeStageGraph(fixture.file, fixture.global, {"ctx"}, target);
  return graph.ok() ? "" : StatusLine(graph.status());
}

TEST_SUITE("build/scope") {
  TEST_CASE("arguments before FROM serve FROM, and stages that ask for them") {
    const Fixture fixture("ARG V=3\nARG I=alpine:$V\nFROM $I\nRUN x\nARG V\nRUN y", {{"V", "4"}});
    CHECK(fixture.global.ExpandFrom(fixture.file.stages[0].from)->name == "alpine:4");
    StageScope scope(fixture.global, {});
    CHECK(scope.environment().Get("V") == std::nullopt);
    CHECK(Last<User>("ARG V=3\nFROM a\nUSER x$V").user == "x");
    CHECK(Last<User>("ARG V=3\nFROM a\nARG V\nUSER x$V").user == "x3");
    CHECK(Last<User>("ARG V=3\nFROM a\nARG V=5\nUSER x$V").user == "x5");
    CHECK(Last<User>("FROM a\nARG V=5\nUSER x$V", {{"V", "6"}}).user == "x6");
    CHECK(Last<User>("FROM a\nUSER x$V", {{"V", "6"}}).user == "x");
    CHECK(Last<User>("FROM a\nARG TARGETARCH\nARG BUILDPLATFORM\nUSER $TARGETARCH-$BUILDPLATFORM").user ==
          "arm64-linux/amd64");
  }
  TEST_CASE("a base that expands to nothing, or a bad platform, is an error with a hint") {
    const Fixture fixture("ARG BASE_IMAGE\nFROM $BASE_IMAGES\nFROM --platform=$TARGETPLATFROM a");
    const absl::Status status = fixture.global.ExpandFrom(fixture.file.stages[0].from).status();
    CHECK(absl::StrContains(StatusLine(status), "base \"$BASE_IMAGES\" is empty"));
    CHECK(LinesOf(status)->first == 2);
    CHECK(absl::StrContains(StatusLine(fixture.global.ExpandFrom(fixture.file.stages[1].from).status()),
                            "did you mean $TARGETPLATFORM?"));
  }
  TEST_CASE("ENV sees what was set before it, not itself") {
    CHECK(Last<Env>("FROM a\nENV A=1\nENV A=2 B=$A").pairs[1].value == "1");
    CHECK(Last<Env>("FROM a\nENV PATH=/x:$PATH", {}, {"PATH=/bin"}).pairs[0].value == "/x:/bin");
    CHECK(Last<Env>("FROM a\nENV A=\"x y\" B='$Q'").pairs[1].value == "$Q");
  }
  TEST_CASE("each instruction expands what it should") {
    const std::string p = "FROM a\nENV V=v W='x y'\n";
    CHECK(Last<Workdir>(p + "WORKDIR /$V").path == "/v");
    CHECK(Last<Expose>(p + "EXPOSE $W 80").ports == Strings{"x", "y", "80"});
    CHECK(Last<Volume>(p + "VOLUME $W /${V}").paths == Strings{"x y", "/v"});
    CHECK(Last<Label>(p + "LABEL $V=$W").pairs[0].key == "v");
    CHECK(Last<StopSignal>(p + "STOPSIGNAL $V").signal == "v");
    const Copy copy =
        Last<Copy>(p + "COPY --chown=$V --chmod=$V --exclude=$V $V <<a <<'b' /$V\n'$V'\na\n$V\nb");
    CHECK(copy.sources == Strings{"v"});
    CHECK(copy.destination == "/v");
    CHECK(copy.chown == "v");
    CHECK(copy.chmod == "v");
    CHECK(copy.exclude == Strings{"v"});
    CHECK(copy.heredocs[0].content == "'v'\n");
    CHECK(copy.heredocs[1].content == "$V\n");
    CHECK(Last<Add>(p + "ADD --checksum=$V a b").checksum == "v");
    CHECK(Last<Run>(p + "RUN --mount=target=/$V,source=$W echo $V").mounts ==
          Strings{"target=/v,source=x y"});
    CHECK(Last<Run>(p + "RUN echo $V").command.words == Strings{"echo $V"});
    CHECK(Last<Cmd>(p + "CMD $V").command.words == Strings{"$V"});
    CHECK(Last<OnBuild>(p + "ONBUILD USER $V").instruction == "USER $V");
  }
  TEST_CASE("arguments of a base stage stay visible, its image's environment wins") {
    const Fixture fixture("FROM a AS x\nARG A=1\nARG B=2\nFROM x\nUSER $A$B");
    StageScope base(fixture.global, {});
    for (const Instruction& i : fixture.file.stages[0].instructions) REQUIRE(base.Expand(i).ok());
    StageScope scope(fixture.global, base, {"B=3"});
    const auto user = scope.Expand(fixture.file.stages[1].instructions[0]);
    CHECK(std::get<User>(user->value).user == "13");
    CHECK(scope.DeclaredArguments().size() == 2);
  }
  TEST_CASE("variables that nothing sets are told") {
    const Fixture fixture("FROM a\nWORKDIR /$X/${Y:-y}");
    StageScope scope(fixture.global, {});
    REQUIRE(scope.Expand(fixture.file.stages[0].instructions[0]).ok());
    CHECK(scope.TakeUnset() == Strings{"X"});
    CHECK(scope.TakeUnset().empty());
  }
}

TEST_SUITE("build/stage_graph") {
  TEST_CASE("names, indices, contexts, images, and what a target needs") {
    const Fixture fixture(
        "FROM a AS one\nFROM one AS two\nFROM b AS unused\nFROM scratch\nCOPY --from=two / /\nCOPY --from=0 "
        "/ /\n"
        "COPY --from=ctx / /\nCOPY --from=busybox / /\nRUN --mount=from=one,target=/$X x\n");
    const auto graph = MakeStageGraph(fixture.file, fixture.global, {"ctx"}, "");
    REQUIRE(graph.ok());
    CHECK(graph->target == 3);
    CHECK(graph->needed == std::vector<int>{0, 1, 3});
    CHECK(graph->stages[3].base.kind == SourceRef::Kind::kScratch);
    CHECK(graph->stages[3].needs == std::vector<int>{1, 0});
    CHECK(graph->stages[1].base.kind == SourceRef::Kind::kStage);
    CHECK(ResolveFrom(*graph, 3, "ctx", {"ctx"}, {})->kind == SourceRef::Kind::kContext);
    CHECK(ResolveFrom(*graph, 3, "busybox", {"ctx"}, {})->kind == SourceRef::Kind::kImage);
    CHECK(ResolveFrom(*graph, 3, "TWO", {"ctx"}, {})->stage == 1);
    CHECK(MakeStageGraph(fixture.file, fixture.global, {}, "two")->needed == std::vector<int>{0, 1});
    CHECK(MakeStageGraph(fixture.file, fixture.global, {}, "2")->target == 2);
  }
  TEST_CASE("a stage named like an image hides it only from later stages") {
    const Fixture fixture("FROM debian AS debian\nFROM debian\n");
    const auto graph = MakeStageGraph(fixture.file, fixture.global, {}, "");
    CHECK(graph->stages[0].base.kind == SourceRef::Kind::kImage);
    CHECK(graph->stages[1].base.stage == 0);
  }
  TEST_CASE("itself, later ones and none are errors with lines") {
    CHECK(GraphError("FROM a AS x\nCOPY --from=x / /") ==
          "Dockerfile:2: COPY: stage x can't take from itself");
    CHECK(absl::StrContains(GraphError("FROM a\nCOPY --from=y / /\nFROM b AS y"),
                            "Dockerfile:2: COPY: stage y comes only later"));
    CHECK(absl::StrContains(GraphError("FROM a\nCOPY --from=7 / /"), "there is no stage 7"));
    CHECK(
        absl::StrContains(GraphError("FROM a\nRUN --mount=from=$X,target=/a x"), "from takes no variables"));
    CHECK(GraphError("FROM a AS final\n", "finla") ==
          "Dockerfile: no stage is called \"finla\": did you mean final?");
  }
}

}  // namespace
}  // namespace coracle::build
