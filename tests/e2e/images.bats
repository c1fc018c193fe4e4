# Images that import makes.
load helpers

@test "import: plain, gzip, zstd, from stdin, the same content is the same layer" {
  run_ok import -q "$(fixture busybox)" a
  [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
  gzip -c "$(fixture busybox)" > "$T/b.tar.gz"
  run_ok import -q "$T/b.tar.gz" b
  output=$(coracle import -q - c < "$(fixture busybox)")
  if command -v zstd > /dev/null; then
    zstd -q -c "$(fixture busybox)" > "$T/d.tar.zst"
    run_ok import -q "$T/d.tar.zst" d
  fi
  [ "$(find "$CORACLE_ROOT/layers" -mindepth 1 -maxdepth 1 -type d | wc -l)" = 1 ]
  run_ok run --rm b echo from-gzip
  equals from-gzip
}

@test "import: from a URL, whole or not at all" {
  require python3
  gzip -nc "$(fixture busybox)" > "$T/root.tgz"
  echo "no archive at all" > "$T/text"
  python3 -u -m http.server -d "$T" -b 127.0.0.1 0 > "$T/http.log" 2>&1 3>&- 4>&- &
  local server=$! port
  eventually 10 grep -q 'port [0-9]' "$T/http.log"
  port=$(sed -nE 's/.*port ([0-9]+).*/\1/p' "$T/http.log" | head -n 1)
  run_ok import "http://127.0.0.1:$port/root.tgz" web:1
  run_ok run --rm --network none web:1 cat /etc/os-release
  contains busybox
  run_fails 125 import "http://127.0.0.1:$port/text" web:2
  run_fails 125 import "http://127.0.0.1:$port/nothere" web:2
  contains "404" "$stderr"
  kill "$server"
  wait "$server" || true
  run_fails 125 import "http://127.0.0.1:$port/root.tgz" web:2
  run_ok images -q
  [ "${#lines[@]}" = 1 ]
  [ -z "$(ls "$CORACLE_ROOT/tmp")" ]
}

@test "import: --change and --message show in inspect and history of the config" {
  run_ok import -q -c 'CMD ["echo","changed"]' -c 'ENV X=y' -c 'LABEL l=v' -c 'WORKDIR /tmp' -c 'USER 12' -m note "$(fixture busybox)" img
  run_ok run --rm img
  equals changed
  run_ok image inspect -f '{{.Config.Env}} {{.Config.WorkingDir}} {{.Config.User}} {{.Config.Labels.l}}' img
  contains "X=y"
  contains "/tmp 12 v"
  run_ok image inspect -f '{{.Config.Entrypoint}} {{.Config.ExposedPorts}} [{{.Config.StopSignal}}] {{json .Config.Volumes}}' img
  equals "[] map[] [] null"
  run_fails 125 import -q -c 'NONSENSE x' "$(fixture busybox)" img2
  run_status 1 image exists img2
}

@test "import: what is no archive, is cut short, or missing leaves nothing" {
  head -c 100000 "$(fixture busybox)" > "$T/cut.tar"
  run_fails 125 import -q "$T/cut.tar" cut
  head -c 100000 /dev/urandom > "$T/noise"
  run_fails 125 import -q "$T/noise" noise
  run_fails 125 import -q "$T/no-such-file" none
  run_ok images -q
  equals ""
  [ -z "$(find "$CORACLE_ROOT/layers" "$CORACLE_ROOT/tmp" -mindepth 1 2> /dev/null)" ]
}

@test "tag, untag, images, exists" {
  import_busybox one
  run_ok tag one two:v1
  run_ok images --format '{{.Repository}}:{{.Tag}}' --sort repository
  contains "localhost/one:latest"
  contains "localhost/two:v1"
  run_status 0 image exists two:v1
  run_ok untag two:v1
  run_status 1 image exists two:v1
  run_ok images -q --no-trunc
  run_ok images --format json
  jq -e 'length == 1' <<< "$output"
}

@test "many names: each change shows at once, whatever was remembered of them" {
  import_busybox
  local i
  for i in $(seq 40); do coracle tag busybox "many:$i"; done
  # A directory that has just changed is not remembered.
  run_ok images -q
  [ ! -e "$CORACLE_RUNROOT/image-names" ]
  sleep 1.1
  listed 41
  [ -s "$CORACLE_RUNROOT/image-names" ]
  listed 41
  run_ok tag busybox many:41
  listed 42
  run_ok untag busybox many:1
  listed 41
  ! grep -qx localhost/many:1 <<< "$output"
  # A name that moves to another image.
  sleep 1.1
  listed 41
  run_ok import -q -c 'CMD ["true"]' "$(fixture busybox)" many:2
  run_ok image inspect -f '{{.Config.Cmd}} {{.RepoTags}}' many:2
  equals "[true] [localhost/many:2]"
  sleep 1.1
  listed 41
  echo damaged > "$CORACLE_RUNROOT/image-names"
  listed 41
}
listed() {
  run_ok images --format '{{.Repository}}:{{.Tag}}'
  [ "${#lines[@]}" = "$1" ] || fail "wanted $1 names, got ${#lines[@]}"
}

@test "rmi: refuses what a container uses, removes by name, id and prefix" {
  import_busybox
  run_ok create --name user busybox true
  run_fails 2 rmi busybox
  contains "user" "$stderr$(coracle ps -a --format '{{.Names}}')"
  run_ok rmi -f busybox
  run_ok ps -aq
  equals ""
  run_fails 1 rmi no-such
  import_busybox
  local id
  id=$(coracle images -q)
  run_ok rmi "${id:0:8}"
  run_ok images -q
  equals ""
  [ -z "$(ls "$CORACLE_ROOT/layers")" ]
}

@test "a hostile archive stays in its root" {
  require python3
  python3 - "$T/evil.tar" <<'PY'
import io, sys, tarfile
with tarfile.open(sys.argv[1], "w") as t:
    def link(name, to):
        i = tarfile.TarInfo(name); i.type = tarfile.SYMTYPE; i.linkname = to; t.addfile(i)
    def file(name, data=b"x"):
        i = tarfile.TarInfo(name); i.size = len(data); t.addfile(i, io.BytesIO(data))
    link("etc", "/tmp/coracle-evil"); file("etc/passwd")
PY
  coracle import -q "$T/evil.tar" evil || true
  [ ! -e /tmp/coracle-evil ]
}
