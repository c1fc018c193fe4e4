#include "build/dockerfile.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::build {
namespace {

// The instructions behind "FROM scratch".
std::vector<Instruction> Parse(absl::string_view text) {
  absl::StatusOr<Dockerfile> file = ParseDockerfile("Dockerfile", absl::StrCat("FROM scratch\n", text));
  REQUIRE_MESSAGE(file.ok(), StatusLine(file.status()));
  return file->stages[0].instructions;
}

template <typename T>
T One(absl::string_view text) {
  const std::vector<Instruction> all = Parse(text);
  REQUIRE(all.size() == 1);
  REQUIRE(std::holds_alternative<T>(all[0].value));
  return std::get<T>(all[0].value);
}

std::string Error(absl::string_view text) {
  const absl::StatusOr<Dockerfile> file = ParseDockerfile("Dockerfile", text);
  return file.ok() ? "" : StatusLine(file.status());
}

std::string ErrorBehindFrom(absl::string_view text) { return Error(absl::StrCat("FROM scratch\n", text)); }

using Strings = std::vector<std::string>;

TEST_SUITE("build/dockerfile") {
  TEST_CASE("lines are joined; comments and blank lines inside continuations go") {
    const std::vector<Instruction> all =
        Parse("\n  # note\nRUN a && \\\n  # between\n\n  b \\ \n  c\nrun d\n");
    REQUIRE(all.size() == 2);
    CHECK(all[0].lines.first == 4);
    CHECK(all[0].lines.last == 8);
    CHECK(all[0].original == "RUN a &&   b   c");
    CHECK(all[0].comments == Strings{"note"});
    CHECK(all[1].keyword == "run");
    CHECK(all[1].lines.first == 9);
    const auto file = ParseDockerfile("f", "FROM a\nRUN x \\\n\n y\n");
    CHECK(file->empty_continuations.size() == 1);
  }
  TEST_CASE("two escapes at the end of a line are no continuation") {
    CHECK(Parse("RUN echo a\\\\\nRUN b").size() == 2);
  }
  TEST_CASE("byte order mark and CRLF are no part of it") {
    const auto file =
        ParseDockerfile("f", "\xEF\xBB\xBF# escape=`\r\nFROM a `\r\n AS b\r\nRUN <<E\r\nx\r\nE\r\n");
    REQUIRE(file.ok());
    CHECK(file->escape == '`');
    CHECK(file->stages[0].base().name == "b");
    CHECK(std::get<Run>(file->stages[0].instructions[0].value).heredocs[0].content == "x\r\n");
  }
  TEST_CASE("directives count only before all else") {
    auto file = ParseDockerfile(
        "f", "#syntax=docker/dockerfile:1\n# Check = skip=all\n# escape=`\n\n# escape=\\\nFROM a");
    REQUIRE(file.ok());
    CHECK(file->directives.syntax == "docker/dockerfile:1");
    CHECK(file->directives.check == "skip=all");
    CHECK(file->directives.check_lines.first == 2);
    CHECK(file->escape == '`');
    file = ParseDockerfile("f", "# hello\n# escape=`\nFROM a");
    CHECK(file->escape == '\\');
    CHECK(file->stages[0].from.comments == Strings{"hello", "escape=`"});
    CHECK(Error("# escape=x\nFROM a") == "Dockerfile:1: directive escape takes \\ or `, not \"x\"");
    CHECK(Error("# escape=`\n# escape=`\nFROM a") == "Dockerfile:2: directive escape is given twice");
  }
  TEST_CASE("FROM") {
    const auto file = ParseDockerfile("f", "ARG V=1\nFROM --platform=$X a:$V as Base\nFROM base");
    REQUIRE(file.ok());
    CHECK(file->global_args.size() == 1);
    CHECK(file->stages[0].base().base == "a:$V");
    CHECK(file->stages[0].base().name == "base");
    CHECK(file->stages[0].base().platform == "$X");
    CHECK(file->stages.size() == 2);
    CHECK(absl::StrContains(Error("FROM"), "takes one argument, or three"));
    CHECK(absl::StrContains(Error("FROM a b"), "takes one argument, or three"));
    CHECK(absl::StrContains(Error("FROM a AS 1x"), "\"1x\" can't name a stage"));
    CHECK(absl::StrContains(Error("RUN x"), "RUN before the first FROM"));
    CHECK(Error("# nothing\n") == "Dockerfile: has no instructions");
    CHECK(Error("ARG A") == "Dockerfile: has no FROM");
  }
  TEST_CASE("ENV and LABEL take pairs with quotes, and the old form") {
    Env env = One<Env>("ENV A=1 B=\"x y\" C=a\\ b D='$x' E=");
    REQUIRE(env.pairs.size() == 5);
    CHECK(env.pairs[1].value == "\"x y\"");
    CHECK(env.pairs[2].value == "a\\ b");
    CHECK(env.pairs[4].value.empty());
    env = One<Env>("ENV A some words = here");
    REQUIRE(env.pairs.size() == 1);
    CHECK(env.pairs[0].legacy);
    CHECK(env.pairs[0].value == "some words = here");
    CHECK(One<Label>("LABEL \"a b\"=c").pairs[0].key == "\"a b\"");
    CHECK(absl::StrContains(ErrorBehindFrom("ENV A"), "ENV: \"A\" has no value"));
    CHECK(absl::StrContains(ErrorBehindFrom("ENV A=1 B"), "\"B\" has no \"=\""));
    CHECK(absl::StrContains(ErrorBehindFrom("ENV =1"), "must not be empty"));
    CHECK(absl::StrContains(ErrorBehindFrom("ENV"), "needs at least one argument"));
  }
  TEST_CASE("ARG") {
    const Arg arg = One<Arg>("ARG A B=1 C=");
    REQUIRE(arg.declarations.size() == 3);
    CHECK(!arg.declarations[0].value.has_value());
    CHECK(arg.declarations[1].value == "1");
    CHECK(arg.declarations[2].value == "");
  }
  TEST_CASE("shell form, exec form, and what only looks like it") {
    CHECK(One<Run>("RUN echo  a | b").command.words == Strings{"echo  a | b"});
    Run run = One<Run>("RUN [\"a\", \"b c\"]");
    CHECK(!run.command.shell_form);
    CHECK(run.command.words == Strings{"a", "b c"});
    CHECK(One<Cmd>("CMD ['a']").command.shell_form);
    CHECK(One<Cmd>("CMD [\"a\"] b").command.shell_form);
    CHECK(One<Cmd>("CMD []").command.words.empty());
    CHECK(One<Entrypoint>("ENTRYPOINT").command.words.empty());
    CHECK(absl::StrContains(ErrorBehindFrom("CMD [1]"), "strings only"));
    CHECK(absl::StrContains(ErrorBehindFrom("RUN"), "RUN: needs a command"));
    CHECK(absl::StrContains(ErrorBehindFrom("SHELL /bin/sh -c"), "takes a JSON array"));
    CHECK(One<Shell>("SHELL [\"/bin/bash\", \"-c\"]").words == Strings{"/bin/bash", "-c"});
  }
  TEST_CASE("flags: known, with their values, quotes resolved") {
    const Run run = One<Run>(
        "RUN --mount=type=cache,target=/c --mount=type=secret,id=\"s\" --network=none --security=insecure -- "
        "x");
    CHECK(run.mounts == Strings{"type=cache,target=/c", "type=secret,id=s"});
    CHECK(run.network == RunNetwork::kNone);
    CHECK(run.insecure);
    CHECK(run.command.words == Strings{"x"});
    CHECK(ErrorBehindFrom("COPY --chwon=1 a b") ==
          "Dockerfile:2: COPY: unknown flag --chwon=1: did you mean --chown?");
    CHECK(absl::StrContains(ErrorBehindFrom("COPY --from a b"), "--from needs a value"));
    CHECK(absl::StrContains(ErrorBehindFrom("COPY --from=a --from=b x y"), "given twice"));
    CHECK(absl::StrContains(ErrorBehindFrom("COPY --link=maybe x y"), "takes true or false"));
    CHECK(absl::StrContains(ErrorBehindFrom("RUN --network=lan x"), "unknown network lan"));
    CHECK(absl::StrContains(ErrorBehindFrom("RUN --device=gpu x"), "not supported"));
    CHECK(absl::StrContains(ErrorBehindFrom("WORKDIR --x /"), "this instruction takes none"));
  }
  TEST_CASE("COPY and ADD") {
    Copy copy =
        One<Copy>("COPY --from=b --chown=1:2 --chmod=u+x --link --parents --exclude=*.a --exclude=b a b /c/");
    CHECK(copy.sources == Strings{"a", "b"});
    CHECK(copy.destination == "/c/");
    CHECK(copy.from == "b");
    CHECK(copy.chown == "1:2");
    CHECK(copy.chmod == "u+x");
    CHECK((copy.link && copy.parents));
    CHECK(copy.exclude == Strings{"*.a", "b"});
    CHECK(One<Copy>("COPY [\"a b\", \"c d\"]").sources == Strings{"a b"});
    const Add add = One<Add>("ADD --keep-git-dir=false --checksum=sha256:x --unpack https://x/y /");
    CHECK(add.keep_git_dir == false);
    CHECK(add.unpack == true);
    CHECK(absl::StrContains(ErrorBehindFrom("COPY a"), "COPY SOURCE... DESTINATION"));
    CHECK(absl::StrContains(ErrorBehindFrom("COPY --from=$X a b"), "takes no variables"));
  }
  TEST_CASE("heredocs: several, quoted, with tabs stripped") {
    const Copy copy = One<Copy>("COPY <<a <<-'b' c <<\"d\" /dst\n$X\na\n\t\tin\n\tb\nend\nd\n");
    REQUIRE(copy.heredocs.size() == 3);
    CHECK(copy.heredocs[0].content == "$X\n");
    CHECK(copy.heredocs[0].expand);
    CHECK(copy.heredocs[1].name == "b");
    CHECK(copy.heredocs[1].content == "in\n");
    CHECK(copy.heredocs[1].with_tabs == "\t\tin\n");
    CHECK(!copy.heredocs[1].expand);
    CHECK(!copy.heredocs[2].expand);
    CHECK(copy.sources == Strings{"c"});
    CHECK(Parse("RUN <<EOF cat\n# no comment\nFROM x\\\nEOF\nCMD x").size() == 2);
    CHECK(ErrorBehindFrom("RUN <<EOF\nx\n") ==
          "Dockerfile:2: heredoc <<EOF has no end: a line that is just EOF ends it");
    CHECK(One<Run>("RUN [\"a\", \"<<EOF\"]").heredocs.empty());
    CHECK(One<Run>("RUN cat <<<word").heredocs.empty());
    CHECK(One<Run>("RUN echo '<<EOF'").heredocs.empty());
    CHECK(One<Cmd>("CMD x <<EOF").command.words == Strings{"x <<EOF"});
  }
  TEST_CASE("what a RUN with heredocs runs") {
    RunProgram program = ProgramOf(One<Run>("RUN <<EOF\na\nb\nEOF"));
    CHECK(program.words == Strings{"a\nb\n"});
    CHECK(program.shell_form);
    program = ProgramOf(One<Run>("RUN <<-X\n\t#!/usr/bin/python\n\tprint(1)\n\tX"));
    CHECK(program.script_name == "X");
    CHECK(program.script == "#!/usr/bin/python\nprint(1)\n");
    program = ProgramOf(One<Run>("RUN python3 <<X && cat <<Y\n1\nX\n2\nY"));
    CHECK(program.words == Strings{"python3 <<X && cat <<Y\n1\nX\n2\nY"});
  }
  TEST_CASE("HEALTHCHECK") {
    Healthcheck check =
        One<Healthcheck>("HEALTHCHECK --interval=5m --timeout=3s --retries=2 CMD curl --fail x || exit 1");
    CHECK(check.interval == absl::Minutes(5));
    CHECK(check.retries == 2);
    CHECK(check.command.words == Strings{"curl --fail x || exit 1"});
    check = One<Healthcheck>("healthcheck cmd [\"a\", \"b\"]");
    CHECK(check.command.words == Strings{"a", "b"});
    CHECK(One<Healthcheck>("HEALTHCHECK NONE").none);
    CHECK(One<Healthcheck>("HEALTHCHECK CMD --odd").command.words == Strings{"--odd"});
    CHECK(absl::StrContains(ErrorBehindFrom("HEALTHCHECK curl x"), "unknown type \"curl\""));
    CHECK(absl::StrContains(ErrorBehindFrom("HEALTHCHECK CMD"), "needs a command"));
    CHECK(absl::StrContains(ErrorBehindFrom("HEALTHCHECK --interval=x CMD y"), "is no duration"));
    CHECK(absl::StrContains(ErrorBehindFrom("HEALTHCHECK --retries=-1 CMD y"), "no number"));
  }
  TEST_CASE("ONBUILD keeps the text, and its mistakes show at once") {
    CHECK(One<OnBuild>("ONBUILD  COPY <<A /\nx\nA").instruction == "COPY <<A /\nx\nA");
    CHECK(absl::StrContains(ErrorBehindFrom("ONBUILD FROM x"), "FROM can't be a trigger"));
    CHECK(absl::StrContains(ErrorBehindFrom("ONBUILD COPY x"), "ONBUILD: COPY: needs at least two"));
    const auto trigger = ParseOnBuildTrigger("RUN <<A\nx\nA", Lines{7, 7});
    REQUIRE(trigger.ok());
    CHECK(trigger->lines.first == 7);
    CHECK(std::get<Run>(trigger->value).heredocs.size() == 1);
    CHECK(!ParseOnBuildTrigger("RUN a\nRUN b", Lines{1, 1}).ok());
  }
  TEST_CASE("the other instructions") {
    CHECK(One<Expose>("EXPOSE 80 443/tcp").ports == Strings{"80", "443/tcp"});
    CHECK(One<Volume>("VOLUME /a /b").paths == Strings{"/a", "/b"});
    CHECK(One<Volume>("VOLUME [\"/a b\"]").paths == Strings{"/a b"});
    CHECK(One<User>("USER a:b").user == "a:b");
    CHECK(One<Workdir>("WORKDIR a b").path == "a b");
    CHECK(One<StopSignal>("STOPSIGNAL 9").signal == "9");
    CHECK(One<Maintainer>("MAINTAINER me <a@b>").name == "me <a@b>");
  }
  TEST_CASE("an unknown instruction names the nearest, and its place") {
    const absl::Status status = ParseDockerfile("x/Dockerfile", "FROM a\n\nCPOY a \\\n b\n").status();
    CHECK(StatusLine(status) == "x/Dockerfile:3: unknown instruction CPOY: did you mean COPY?");
    CHECK(LinesOf(status)->first == 3);
    CHECK(LinesOf(status)->last == 4);
    CHECK(SourceExcerpt("x/Dockerfile", "FROM a\n\nCPOY a \\\n b\n", *LinesOf(status)) ==
          "x/Dockerfile:3\n--------------------\n   1 |     FROM a\n   2 |     \n   3 | >>> CPOY a \\\n"
          "   4 | >>>  b\n   5 |     \n--------------------\n");
  }
  TEST_CASE("mounts") {
    RunMount mount = ParseMount("target=/a").value();
    CHECK((mount.type == MountType::kBind && mount.read_only));
    mount =
        ParseMount("type=cache,id=x,dst=/c,sharing=locked,mode=0750,uid=1,gid=2,from=b,source=/s").value();
    CHECK((mount.sharing == CacheSharing::kLocked && !mount.read_only && mount.mode == 0750U &&
           mount.uid == 1U));
    CHECK(ParseMount("type=tmpfs,target=/t,size=1m")->size == 1 << 20);
    CHECK(ParseMount("type=secret,id=s,env=X,required")->required);
    CHECK(ParseMount("type=ssh")->target.empty());
    CHECK(ParseMount("rw,\"target=/a,b\"")->target == "/a,b");
    for (const char* bad : {"type=bnd,target=/a", "target=/a,mode=1", "type=cache", "type=secret", "x=1",
                            "type=cache,target=/a,mode=9", "type=secret,id=a,source=b", "target",
                            "type=bind,target=/a,size=1", "target=/a,rw=2", "\"target=/a"})
      CHECK_MESSAGE(!ParseMount(bad).ok(), bad);
    CHECK(
        absl::StrContains(ErrorBehindFrom("RUN --mount=type=cahe,target=/a x"), "did you mean type=cache?"));
  }
  TEST_CASE("what is no Dockerfile is refused") {
    CHECK(absl::StrContains(Error(absl::string_view("FROM a\0", 7)), "NUL"));
    CHECK(absl::StrContains(Error(std::string(kMaxDockerfileBytes + 1, 'x')), "larger than 4 MiB"));
    std::string many = "FROM a\n";
    for (size_t i = 0; i < kMaxInstructions; ++i) many += "RUN x\n";
    CHECK(absl::StrContains(Error(many), "more than 10000 instructions"));
  }
}

}  // namespace
}  // namespace coracle::build
