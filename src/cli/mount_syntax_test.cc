#include "cli/mount_syntax.h"

#include "absl/strings/str_join.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::cli {
namespace {

// "bind /src -> /dst [ro,noexec] O" of a mount; the message of an error.
std::string Shown(const absl::StatusOr<MountRequest>& request) {
  if (!request.ok()) return std::string(request.status().message());
  const store::Mount& mount = request->mount;
  std::string text = absl::StrCat(mount.type(), " ", mount.source(), " -> ", mount.destination(), " [",
                                  absl::StrJoin(mount.options(), ","), "]");
  if (mount.anonymous()) text += " anonymous";
  if (mount.overlay()) text += " O";
  if (mount.chown()) text += " U";
  if (mount.no_copy()) text += " nocopy";
  if (!mount.subpath().empty()) absl::StrAppend(&text, " subpath=", mount.subpath());
  if (!mount.id_map().empty()) absl::StrAppend(&text, " idmap=", mount.id_map());
  if (!mount.upper_dir().empty())
    absl::StrAppend(&text, " upper=", mount.upper_dir(), " work=", mount.work_dir());
  return text;
}
std::string Volume(const std::string& text) { return Shown(ParseVolumeOption(text)); }
std::string OfMount(const std::string& text) { return Shown(ParseMountOption(text)); }
std::string Tmpfs(const std::string& text) { return Shown(ParseTmpfsOption(text)); }

}  // namespace

TEST_SUITE("cli/mount_syntax") {
  TEST_CASE("--volume: volumes, directories, anonymous ones") {
    CHECK(Volume("data:/d") == "volume data -> /d []");
    CHECK(Volume("/host:/d:ro,noexec") == "bind /host -> /d [ro,noexec]");
    CHECK(Volume("./here:/d/../e/") == "bind ./here -> /e []");
    CHECK(Volume("/d") == "volume  -> /d [] anonymous");
    CHECK(Volume("data:/d:nocopy,U,subpath=a/b") == "volume data -> /d [] U nocopy subpath=a/b");
    CHECK(Volume("/host:/d:O,upperdir=/u,workdir=/w") == "bind /host -> /d [] O upper=/u work=/w");
    CHECK(Volume("/host:/d:z,rshared,cached,rro") == "bind /host -> /d [rshared,rro]");
    CHECK(Volume("/host:/d:ro=recursive") == "bind /host -> /d [rro]");
    CHECK(Volume("/host:/d:idmap=uids=0-1-1;gids=0-1-1") ==
          "bind /host -> /d [] idmap=uids=0-1-1;gids=0-1-1");
    CHECK(Volume("/host:/d:ro,ro") == "bind /host -> /d [ro]");
  }

  TEST_CASE("--volume: what is refused") {
    for (const char* text : {"a:b:c:d",
                             "a:b",
                             ":/x",
                             "",
                             "relative",
                             "/a:/",
                             "/a:/..",
                             "bad/name:/x",
                             "-x:/x",
                             "/a:/x:bogus",
                             "/a:/x:ro,rw",
                             "/a:/x:Z,z",
                             "/a:/x:shared,slave",
                             "/a:/x:O,ro",
                             "/a:/x:upperdir=/u,workdir=/w",
                             "/a:/x:O,upperdir=/u",
                             "/a:/x:subpath=b",
                             "v:/x:subpath=../b",
                             "v:/x:subpath=/b",
                             "/a:/x:O,upperdir=u,workdir=w"}) {
      CAPTURE(text);
      const auto request = ParseVolumeOption(text);
      CHECK(absl::IsInvalidArgument(request.status()));
      CHECK(ExitCodeOf(request.status()) == 125);
    }
    CHECK(Volume("a:b") == "--volume 'a:b': invalid container path \"b\", must be an absolute path");
  }

  TEST_CASE("--mount: each type with its fields") {
    CHECK(OfMount("type=bind,src=/a,dst=/b,ro") == "bind /a -> /b [ro]");
    CHECK(OfMount("type=bind,source=/a,target=/b,readonly=false") == "bind /a -> /b [rw]");
    CHECK(OfMount("type=bind,src=/a,dst=/b,readonly,bind-recursive=readonly") == "bind /a -> /b [rro]");
    CHECK(OfMount("type=bind,src=/a,dst=/b,bind-recursive=readonly,readonly") == "bind /a -> /b [rro]");
    CHECK(OfMount("type=bind,src=/a,dst=/b,bind-nonrecursive,bind-propagation=rslave") ==
          "bind /a -> /b [bind,rslave]");
    CHECK(OfMount("type=bind,src=/a,dst=/b,relabel=shared,consistency=cached,U=true") ==
          "bind /a -> /b [] U");
    CHECK(OfMount("type=bind,dst=/b") == "bind /b -> /b []");
    CHECK(OfMount("src=data,dst=/b,volume-nocopy,volume-subpath=x") ==
          "volume data -> /b [] nocopy subpath=x");
    CHECK(OfMount("type=volume,dst=/b") == "volume  -> /b [] anonymous");
    CHECK(OfMount("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1700") ==
          "tmpfs tmpfs -> /t [size=1048576,mode=1700,noexec,nosuid,nodev,tmpcopyup]");
    CHECK(OfMount("type=image,src=busybox,dst=/i,rw=true") == "image busybox -> /i [rw]");
    CHECK(OfMount("type=devpts,dst=/dev/pts,max=10") == "devpts devpts -> /dev/pts [max=10]");
    CHECK(OfMount("type=bind,\"src=/a,b\",dst=/c") == "bind /a,b -> /c []");
    CHECK(OfMount("TYPE=bind,SRC=/a,DST=/b") == "bind /a -> /b []");
  }

  TEST_CASE("--mount: labels and options of a new volume") {
    const auto request = ParseMountOption(
        "type=volume,src=v,dst=/b,volume-label=a=b,volume-opt=type=tmpfs,\"volume-opt=o=size=1m,nodev\"");
    REQUIRE(request.ok());
    CHECK(request->volume_labels[0] == std::pair<std::string, std::string>("a", "b"));
    CHECK(request->volume_options[0] == std::pair<std::string, std::string>("type", "tmpfs"));
    CHECK(request->volume_options[1] == std::pair<std::string, std::string>("o", "size=1m,nodev"));
  }

  TEST_CASE("--mount: what is refused") {
    for (const char* text :
         {"type=foo,dst=/x", "type=bind,src=/a,dst=/x,foo=bar", "type=bind,src=/a", "",
          "type=tmpfs,src=/a,dst=/x", "type=image,dst=/x", "type=volume,dst=/x,bind-propagation=shared",
          "type=bind,src=/a,dst=/x,ro,rw", "type=bind,src=/a,dst=/x,ro=perhaps",
          "type=bind,src=/a,dst=/x,bind-recursive=readonly", "type=tmpfs,dst=/x,tmpfs-mode=9",
          "type=tmpfs,dst=/x,tmpfs-size=big", "\"type=bind,dst=/x", "\"a\"b,dst=/x"}) {
      CAPTURE(text);
      const auto request = ParseMountOption(text);
      CHECK(absl::IsInvalidArgument(request.status()));
      CHECK(ExitCodeOf(request.status()).value_or(125) == 125);
    }
    CHECK(absl::IsUnimplemented(ParseMountOption("type=volume,src=a,dst=/x,volume-driver=x").status()));
  }

  TEST_CASE("--tmpfs: defaults beside what is given") {
    CHECK(Tmpfs("/t") == "tmpfs tmpfs -> /t [noexec,nosuid,nodev,tmpcopyup]");
    CHECK(Tmpfs("/t:rw,exec,size=1m,mode=700") ==
          "tmpfs tmpfs -> /t [rw,exec,size=1m,mode=700,nosuid,nodev,tmpcopyup]");
    CHECK(Tmpfs("t") == "--tmpfs 't': invalid container path \"t\", must be an absolute path");
  }
}

}  // namespace coracle::cli
