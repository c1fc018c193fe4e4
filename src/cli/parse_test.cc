#include "cli/parse.h"

#include "absl/strings/str_split.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::cli {
namespace {

using Words = std::vector<std::string>;

ParseResult ParseWords(const std::vector<absl::string_view>& words) { return Parse(kRootCommand, words); }
ParseResult ParseLine(absl::string_view line) {
  return ParseWords(absl::StrSplit(line, ' ', absl::SkipEmpty()));
}
ParsedCommand Good(absl::string_view line) {
  ParseResult result = ParseLine(line);
  REQUIRE_MESSAGE(result.status.ok(), result.status.message());
  return std::move(result.parsed);
}
std::string Error(absl::string_view line) {
  const ParseResult result = ParseLine(line);
  REQUIRE_FALSE(result.status.ok());
  CHECK(ExitCodeOf(result.status) == 125);
  return StatusLine(result.status);
}

TEST_SUITE("cli/parse") {
  TEST_CASE("letters are combined, the last may take a value") {
    const ParsedCommand a = Good("run -it img sh");
    CHECK(a.GetBool("interactive"));
    CHECK(a.GetBool("tty"));
    CHECK(a.args() == Words{"img", "sh"});
    CHECK(Good("run -itea=b img").GetList("env") == Words{"a=b"});
  }
  TEST_CASE("a value stands behind the option, apart or joined") {
    for (const char* line :
         {"run -eA=B img", "run -e A=B img", "run -e=A=B img", "run --env A=B img", "run --env=A=B img"}) {
      CAPTURE(line);
      CHECK(Good(line).GetList("env") == Words{"A=B"});
    }
    CHECK(Good("run -e A=B --env=C -eD img").GetList("env") == Words{"A=B", "C", "D"});
    CHECK(Good("run --name= img").GetString("name").empty());
    CHECK(Good("run --name --rm img").GetString("name") == "--rm");
    CHECK(Good("logs --tail -1 c").GetString("tail") == "-1");
  }
  TEST_CASE("a bool takes a value only behind '='") {
    CHECK(Good("run --rm img").GetBool("rm"));
    CHECK_FALSE(Good("run --rm=false img").GetBool("rm"));
    CHECK_FALSE(Good("run --rm --rm=0 img").GetBool("rm"));
    CHECK(Good("run --rm=T img").GetBool("rm"));
    CHECK_FALSE(Good("run -it=false img").GetBool("tty"));
    CHECK(Good("run -it=false img").GetBool("interactive"));
    CHECK(Good("run --rm false").args() == Words{"false"});
    CHECK(Good("run img").GetBool("sig-proxy"));
    CHECK_FALSE(Good("run --sig-proxy=false img").GetBool("sig-proxy"));
    CHECK_FALSE(Good("run img").WasSet("sig-proxy"));
  }
  TEST_CASE("options end at the image, elsewhere they mix with arguments") {
    const ParsedCommand a = Good("run -i img ls -l --rm -- x");
    CHECK(a.args() == Words{"img", "ls", "-l", "--rm", "--", "x"});
    CHECK_FALSE(a.GetBool("rm"));
    CHECK(Good("run --rm -- img -x").args() == Words{"img", "-x"});
    const ParsedCommand b = Good("rm one -f two");
    CHECK(b.GetBool("force"));
    CHECK(b.args() == Words{"one", "two"});
    CHECK(Good("rm -f -- -odd").args() == Words{"-odd"});
    CHECK(Good("import - name").args() == Words{"-", "name"});
    CHECK(Good("top c -ef").args() == Words{"c", "-ef"});
    CHECK(Good("oci ps id -ef").args() == Words{"id", "-ef"});
  }
  TEST_CASE("one row has several names, an option several spellings") {
    CHECK(&Good("container run img").command() == &Good("run img").command());
    CHECK(&Good("container ls").command() == &Good("ps").command());
    CHECK(Good("container ls").typed_path() == "coracle container ls");
    CHECK(Good("run --net host img").GetList("network") == Words{"host"});
    CHECK(Good("run --net host --network none img").GetList("network") == Words{"host", "none"});
    CHECK(Good("stop --timeout 3 c").GetInt("time") == 3);
    CHECK(Good("stop -t 3 c").GetInt("time") == 3);
    CHECK(Good("logs -n 5 c").GetString("tail") == "5");
    CHECK(Good("ps -n 5").GetInt("last") == 5);
  }
  TEST_CASE("commas separate values only where they do in podman") {
    CHECK(Good("run --cap-add A,B --cap-add C img").GetList("cap-add") == Words{"A", "B", "C"});
    CHECK(Good("run --cap-add \"A,B\",C img").GetList("cap-add") == Words{"A,B", "C"});
    CHECK(Good("run -e A=1,2 img").GetList("env") == Words{"A=1,2"});
    CHECK(Error("run --cap-add A\"B img") ==
          "invalid argument \"A\"B\" for \"--cap-add\" flag: misplaced '\"'");
  }
  TEST_CASE("values are checked by type") {
    CHECK(Good("run --cpus 0.5 img").GetFloat("cpus") == 0.5);
    CHECK(Good("run --pids-limit=-1 img").GetInt("pids-limit") == -1);
    CHECK(Good("run --cpu-shares 0x10 img").GetUint("cpu-shares") == 16);
    CHECK(Good("run -m 64m img").GetString("memory") == "64m");
    CHECK(
        Error("run --rm=maybe img") ==
        "invalid argument \"maybe\" for \"--rm\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax");
    CHECK(Error("run -c x img") ==
          "invalid argument \"x\" for \"-c, --cpu-shares\" flag: strconv.ParseUint: parsing \"x\": invalid "
          "syntax");
    CHECK(Error("ps -n 1.5") ==
          "invalid argument \"1.5\" for \"-n, --last\" flag: strconv.ParseInt: parsing \"1.5\": invalid "
          "syntax");
    CHECK(
        Error("run --cpus nan img") ==
        "invalid argument \"nan\" for \"--cpus\" flag: strconv.ParseFloat: parsing \"nan\": invalid syntax");
    CHECK(Error("run --pids-limit 99999999999999999999 img") ==
          "invalid argument \"99999999999999999999\" for \"--pids-limit\" flag: strconv.ParseInt: parsing "
          "\"99999999999999999999\": value out of range");
    CHECK(Error("run -m 5x img") == "invalid argument \"5x\" for \"-m, --memory\" flag: invalid size \"5x\"");
    CHECK(Error("run --cpu-shares -1 img").substr(0, 21) == "invalid argument \"-1\"");
  }
  TEST_CASE("what is unknown is named, with what may have been meant") {
    CHECK(Error("rnu img") == "unknown command 'rnu' for 'coracle': did you mean 'run'?");
    CHECK(Error("container exsts c") ==
          "unknown command 'exsts' for 'coracle container': did you mean 'exists'?");
    CHECK(Error("run --foo img") == "unknown flag: --foo");
    CHECK(Error("run --memroy 5m img") == "unknown flag: --memroy: did you mean '--memory'?");
    CHECK(Error("run -ixz img") == "unknown shorthand flag: 'x' in -xz");
    CHECK(Error("run --name") == "flag needs an argument: --name");
    CHECK(Error("run -ie") == "flag needs an argument: 'e' in -e");
    CHECK(Error("run --=x img") == "bad flag syntax: --=x");
    CHECK(Error("run ---rm img") == "bad flag syntax: ---rm");
    CHECK(ParseLine("container rum").parsed.typed_path() == "coracle container");
  }
  TEST_CASE("control characters of a bad word do not reach the terminal") {
    CHECK(StatusLine(ParseWords({"\033[31m"}).status) == "unknown command '\\x1b[31m' for 'coracle'");
    CHECK(StatusLine(ParseWords({"run", "--a\nb"}).status) == "unknown flag: --a\\x0ab");
  }
  TEST_CASE("arguments are counted, unless an option names the objects") {
    CHECK(Error("run") == "'coracle run' needs at least 1 argument");
    CHECK(Error("rename a") == "'coracle rename' needs exactly 2 arguments");
    CHECK(Error("images a b") == "'coracle images' needs at most 1 argument");
    CHECK(Error("ps x") == "'coracle ps' takes no arguments");
    CHECK(Error("stop") == "'coracle stop' needs at least 1 argument");
    CHECK(Good("stop --all").args().empty());
    CHECK(Good("rm --filter status=exited").args().empty());
  }
  TEST_CASE("what is not built yet is an error, what happens anyway is not") {
    CHECK(Error("run --gpus all img") == "--gpus is not supported yet");
    CHECK(Error("run --systemd always img") == "--systemd=always is not supported yet");
    CHECK(Good("run --systemd false img").args() == Words{"img"});
    CHECK(Good("run --pull always --tls-verify=false img").args() == Words{"img"});
    CHECK(Error("--host tcp://x ps") == "--host=tcp://x is not supported yet");
  }
  TEST_CASE("global options stand before the command, long ones also behind it") {
    CHECK(Good("--root /x ps").GlobalString("root") == "/x");
    CHECK(Good("ps --root=/x").GlobalString("root") == "/x");
    CHECK(Good("-D ps").GlobalBool("debug"));
    CHECK(Good("--log-level debug container ls -a").GlobalString("log-level") == "debug");
    CHECK(Good("ps").GlobalString("log-level") == "warn");
    CHECK(Good("--storage-opt a=b --storage-opt c=d ps").GlobalList("storage-opt") == Words{"a=b", "c=d"});
    CHECK(Error("ps -D") == "unknown shorthand flag: 'D' in -D");
    CHECK(Good("-v").GlobalBool("version"));
  }
  TEST_CASE("the OCI command line has its own global options") {
    const ParsedCommand a =
        Good("oci --root /r --log /l --log-format json --systemd-cgroup create --bundle b id");
    CHECK(a.GetString("root") == "/r");
    CHECK_FALSE(a.GlobalWasSet("root"));
    CHECK(a.GetBool("systemd-cgroup"));
    CHECK(a.GetString("bundle") == "b");
    CHECK(a.args() == Words{"id"});
    CHECK(Error("oci create --root /r id") == "unknown flag: --root");
    CHECK(Good("oci --rootless=true state id").GetString("rootless") == "true");
    CHECK(Good("oci --rootless state id").args() == Words{"id"});
    CHECK(Good("oci exec -d id sh -c x").args() == Words{"id", "sh", "-c", "x"});
  }
  TEST_CASE("help is asked for anywhere among the options") {
    CHECK(Good("run --help").help());
    CHECK(Good("ps -h").help());
    CHECK(Good("container --help").help());
    CHECK(Good("--help").help());
    CHECK(Good("run -h box img").GetString("hostname") == "box");
    CHECK_FALSE(Good("run img --help").help());
    CHECK(Good("rename --help").help());
  }
}

}  // namespace
}  // namespace coracle::cli
