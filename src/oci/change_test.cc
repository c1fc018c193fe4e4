#include "oci/change.h"

#include "doctest/doctest.h"

namespace coracle::oci {
namespace {

using Words = std::vector<std::string>;

ContainerDefaults Changed(const Words& changes, ContainerDefaults defaults = {}) {
  const absl::Status status = ApplyChanges(changes, &defaults);
  CHECK_MESSAGE(status.ok(), status.message());
  return defaults;
}
std::string Error(const std::string& change) {
  ContainerDefaults defaults;
  return std::string(ApplyChanges({change}, &defaults).message());
}

TEST_SUITE("oci/change") {
  TEST_CASE("commands are lists or shell lines") {
    CHECK(Changed({R"(CMD ["a", "b c"])"}).cmd == Words{"a", "b c"});
    CHECK(Changed({"cmd a 'b c'"}).cmd == Words{"/bin/sh", "-c", "a 'b c'"});
    CHECK(Changed({"CMD=/bin/bash"}).cmd == Words{"/bin/sh", "-c", "/bin/bash"});
    CHECK(Changed({"CMD [ -f x ] && y"}).cmd == Words{"/bin/sh", "-c", "[ -f x ] && y"});
    CHECK(Changed({"CMD []"}).cmd.empty());
    ContainerDefaults bash;
    bash.shell = {"/bin/bash", "-ec"};
    CHECK(Changed({"ENTRYPOINT x"}, bash).entrypoint == Words{"/bin/bash", "-ec", "x"});
    CHECK(Error("CMD [1]") == "change \"CMD [1]\": the list must have strings only");
  }
  TEST_CASE("an entry point drops the command of before") {
    ContainerDefaults old;
    old.cmd = {"old"};
    CHECK(Changed({"ENTRYPOINT [\"e\"]"}, old).cmd.empty());
    CHECK(Changed({"CMD [\"c\"]", "ENTRYPOINT [\"e\"]"}, old).cmd == Words{"c"});
  }
  TEST_CASE("variables and labels are pairs") {
    CHECK(Changed({R"(ENV A=1 B="x y" C=a\ b D='$"')"}).env == Words{"A=1", "B=x y", "C=a b", "D=$\""});
    CHECK(Changed({"ENV A some words"}).env == Words{"A=some words"});
    CHECK(Changed({"ENV A=1", "ENV=AB=2", "ENV A=3"}).env == Words{"A=3", "AB=2"});
    CHECK(Changed({R"(LABEL a.b="c d" e=f)"}).labels ==
          std::map<std::string, std::string>{{"a.b", "c d"}, {"e", "f"}});
    CHECK(Error("ENV A") == "change \"ENV A\": needs NAME=VALUE");
    CHECK(Error("ENV A=1 B") == "change \"ENV A=1 B\": \"B\" is not NAME=VALUE");
    CHECK(Error("ENV A='1") == "change \"ENV A='1\": a ' that does not end");
  }
  TEST_CASE("ports are expanded and checked") {
    const ContainerDefaults defaults = Changed({"EXPOSE 80 53/UDP 8000-8002"});
    CHECK(defaults.exposed_ports.size() == 5);
    CHECK(defaults.exposed_ports.count("53/udp") == 1);
    CHECK(defaults.exposed_ports.count("8001/tcp") == 1);
    for (const char* port : {"0", "65536", "80/", "80/icmp", "9-8", "-8", "8-", "a", "", "8080:80", "+1"}) {
      CAPTURE(std::string(port));
      CHECK_FALSE(ParseExposedPorts(port).ok());
    }
  }
  TEST_CASE("the other instructions set what they say") {
    const ContainerDefaults defaults =
        Changed({"USER web:web", "WORKDIR /a//b/", "WORKDIR ../c", "STOPSIGNAL int", R"(VOLUME ["/x y"])",
                 "VOLUME /z /q", "ONBUILD RUN make"});
    CHECK(defaults.user == "web:web");
    CHECK(defaults.working_dir == "/a/c");
    CHECK(defaults.stop_signal == "int");
    CHECK(defaults.volumes.size() == 3);
    CHECK(defaults.volumes.count("/x y") == 1);
    CHECK(defaults.on_build == Words{"RUN make"});
    CHECK(Changed({"WORKDIR ../.."}).working_dir == "/");
  }
  TEST_CASE("what is no change is refused") {
    for (const char* change : {"", "CMD", "CMD ", "RUN x", "FROM y", "STOPSIGNAL NOPE", "ONBUILD FROM x",
                               "= x", "VOLUME [\"\"]"}) {
      CAPTURE(std::string(change));
      CHECK_FALSE(Error(change).empty());
    }
    CHECK(Error("STOPSIGNAL NOPE") == "change \"STOPSIGNAL NOPE\": invalid signal: NOPE");
  }
}

}  // namespace
}  // namespace coracle::oci
