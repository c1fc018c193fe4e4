#include "runtime/cgroup_systemd.h"

#include "doctest/doctest.h"
#include "runtime/dbus_message.h"

namespace coracle::runtime {

TEST_SUITE("runtime/cgroup_systemd") {
  TEST_CASE("a systemd cgroup path names slice and scope") {
    SystemdScope scope = ParseSystemdPath("machine.slice:coracle:abc", /*user_manager=*/false).value();
    CHECK(scope.slice == "machine.slice");
    CHECK(scope.unit == "coracle-abc.scope");
    scope = ParseSystemdPath("::abc", /*user_manager=*/true).value();
    CHECK(scope.slice == "user.slice");
    CHECK(scope.unit == "abc.scope");
    CHECK(ParseSystemdPath("::a", /*user_manager=*/false).value().slice == "system.slice");
    scope = ParseSystemdPath("/coracle/abc", /*user_manager=*/false).value();
    CHECK(scope.slice == "system.slice");
    CHECK(scope.unit == "coracle-abc.scope");
    CHECK(ParseSystemdPath("/my.slice/abc", /*user_manager=*/false).value().slice == "my.slice");
    for (const char* bad :
         {"abc", "/", "a.slice:b", "a.slice:b:", "a:b:c", "a.slice:b:c/d", "a.slice:b:c d", ":::"}) {
      CHECK(ParseSystemdPath(bad, /*user_manager=*/false).status().code() ==
            absl::StatusCode::kInvalidArgument);
    }
  }

  TEST_CASE("a D-Bus message is read back as it was written") {
    DbusWriter body;
    body.String("unit");
    const size_t list = body.BeginArray(8);
    body.Property("PIDs", "au");
    const size_t pids = body.BeginArray(4);
    body.Uint32(7);
    body.EndArray(pids);
    body.Property("TasksMax", "t");
    body.Uint64(UINT64_MAX);
    body.EndArray(list);
    DbusMessage call;
    call.type = DbusMessage::kCall;
    call.serial = 3;
    call.path = "/a/b";
    call.interface = "i.f";
    call.member = "Do";
    call.signature = "sa(sv)";
    call.body = body.data();
    const std::string bytes = EncodeMessage(call, "d.e");
    CHECK(MessageLength(bytes) == bytes.size());
    const DbusMessage back = DecodeMessage(bytes).value();
    CHECK(back.type == DbusMessage::kCall);
    CHECK(back.serial == 3);
    CHECK(back.path == "/a/b");
    CHECK(back.interface == "i.f");
    CHECK(back.member == "Do");
    CHECK(back.signature == "sa(sv)");
    DbusReader reader(back.body);
    CHECK(reader.String() == "unit");
    const uint32_t length = reader.Uint32();
    reader.Align(8);
    CHECK(reader.at() + length == back.body.size());
    CHECK(reader.String() == "PIDs");
    CHECK(reader.Signature() == "au");
    CHECK(reader.Uint32() == 4);
    CHECK(reader.Uint32() == 7);
    CHECK(reader.ok());
  }

  TEST_CASE("bytes that are no message are refused, whatever was cut or changed") {
    DbusMessage call;
    call.type = DbusMessage::kSignal;
    call.path = "/x";
    call.member = "M";
    call.signature = "s";
    DbusWriter body;
    body.String("text");
    call.body = body.data();
    const std::string bytes = EncodeMessage(call, "");
    REQUIRE(DecodeMessage(bytes).ok());
    for (size_t length = 0; length < bytes.size(); ++length)
      CHECK_FALSE(DecodeMessage(bytes.substr(0, length)).ok());
    for (size_t at = 0; at < bytes.size(); ++at) {
      for (const char value : {'\0', '\x7f', '\xff'}) {
        std::string changed = bytes;
        changed[at] = value;
        const absl::StatusOr<DbusMessage> message = DecodeMessage(changed);  // must not read outside
        if (message.ok()) CHECK(message->body.size() <= changed.size());
      }
    }
    DbusReader reader("\x05\0\0\0ab");
    CHECK(reader.String().empty());
    CHECK_FALSE(reader.ok());
  }
}

}  // namespace coracle::runtime
