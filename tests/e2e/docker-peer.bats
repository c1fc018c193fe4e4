# docker as a peer: it pulls what we push and loads what we save, and the other way round, with the same ids. A daemon
# of its own, started by hand with everything it writes below this file's directory; it only runs as root.
load helpers
load registry
load dockerd

setup_file() { dockerd_start; }
teardown_file() { dockerd_stop; }

setup() {
  coracle_setup
  require root dockerd containerd docker
  # A host may forbid a daemon what it needs.
  dockerd_runs || skip "dockerd does not start here: $(grep -a 'failed\|error' "$DOCKER_DIR/dockerd.log" | tail -n 1)"
  export DOCKER_HOST=unix://$DOCKER_DIR/s DOCKER_CONFIG=$T/docker
  mkdir "$DOCKER_CONFIG"
}

teardown() {
  if [ -n "${DOCKER_HOST:-}" ]; then
    docker ps -aq | xargs -r docker rm -f > /dev/null
    # Some have others for parents.
    local i
    for i in 1 2 3; do docker images -aq | sort -u | xargs -r docker rmi -f > /dev/null 2>&1 || true; done
  fi
  registries_stop
  coracle_teardown
}

# coracle must not read what docker's variables say unless a test wants it.
coracle() {
  env -u DOCKER_HOST -u DOCKER_CONFIG "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" "$@" 3>&- 4>&-
}
another() { env -u DOCKER_HOST -u DOCKER_CONFIG "$CORACLE" --root "$T/root2" --runroot "$T/run2" "$@" 3>&- 4>&-; }

docker_id() { docker image inspect -f '{{.Id}}' "$1"; }
coracle_id() { coracle images -q --no-trunc "$1"; }

# made NAME: an image of three layers, with a directory replaced, a file gone, a hard link, a symlink and odd modes.
made() {
  import_busybox base:1
  run_ok run --name maker base:1 sh -c '
    mkdir -p /srv/d/e && echo one > /srv/d/e/f && ln /srv/d/e/f /srv/d/link && ln -s ../nowhere /srv/d/sym
    chmod 4751 /srv/d/link && chown 1234:5678 /srv/d/e && echo gone > /srv/gone && mkfifo /srv/pipe'
  run_ok commit -q maker two:1
  run_ok rm maker
  run_ok run --name maker two:1 sh -c 'rm /srv/gone && rm -r /srv/d/e && mkdir /srv/d/e && echo two > /srv/d/e/g'
  run_ok commit -q -c 'CMD ["cat","/srv/d/e/g"]' maker "$1"
  run_ok rm maker
}

# Name, mode, owner, size, modification time and link of all below srv in a tar on standard input. docker's vfs driver
# makes copies, in which directories have times of their own.
listed() {
  python3 -c '
import sys, tarfile
rows = []
for m in tarfile.open(fileobj=sys.stdin.buffer, mode="r|"):
    name = m.name.removeprefix("./").rstrip("/")
    if name.startswith("srv/"):
        rows.append((name, oct(m.mode & 0o7777), m.uid, m.gid, "file" if m.isreg() or m.islnk() else m.type,
                     None if m.isdir() else int(m.mtime), m.linkname if m.issym() else ""))
print(*sorted(rows), sep="\n")'
}
coracle_tree() {
  run_ok create -q --name tree "$1" true > /dev/null
  coracle export tree | listed
  coracle rm tree > /dev/null
}
docker_tree() {
  docker create --name tree "$1" true > /dev/null
  docker export tree | listed
  docker rm tree > /dev/null
}

@test "docker pulls what we push: the same id, digest and tree" {
  made img:1
  registry_start
  local format id
  id=$(coracle_id img:1)
  for format in oci v2s2; do
    run_ok push -q --tls-verify=false --format "$format" --digestfile "$T/digest" img:1 "$registry/img:$format"
    docker pull -q "$registry/img:$format"
    equals "$id" "$(docker_id "$registry/img:$format")"
    contains "$registry/img@$(< "$T/digest")" "$(docker image inspect -f '{{.RepoDigests}}' "$registry/img:$format")"
    docker pull -q "$registry/img@$(< "$T/digest")"
  done
  coracle_tree img:1 > "$T/ours"
  docker_tree "$registry/img:oci" > "$T/theirs"
  [ "$(wc -l < "$T/ours")" = 6 ]
  diff "$T/ours" "$T/theirs"
}

@test "docker pulls what we push with zstd" {
  local version
  version=$(docker version -f '{{.Server.Version}}')
  [ "${version%%.*}" -ge 23 ] || skip "docker $version knows no zstd"
  made img:1
  registry_start
  run_ok push -q --tls-verify=false --compression-format zstd img:1 "$registry/img:zstd"
  docker pull -q "$registry/img:zstd"
  equals "$(coracle_id img:1)" "$(docker_id "$registry/img:zstd")"
}

@test "docker pulls its platform from a list of ours" {
  made img:1
  registry_start
  run_ok import -q "$(fixture busybox)" other:1
  run_ok manifest create list img:1
  run_ok manifest add --arch s390x list other:1
  run_ok manifest push -q --tls-verify=false list "docker://$registry/list:1"
  docker pull -q "$registry/list:1"
  equals "$(coracle_id img:1)" "$(docker_id "$registry/list:1")"
}

# An image that docker made: imported, changed in a container that never runs, committed.
docker_made() {
  docker import -q "$(fixture busybox)" base:1 > "$T/out" 2>&1 || docker import "$(fixture busybox)" base:1 > "$T/out"
  docker create --name maker base:1 true > "$T/out"
  mkdir -p "$T/srv/d" && echo content > "$T/srv/d/f" && ln -s f "$T/srv/d/sym" && chmod 4750 "$T/srv/d/f"
  docker cp "$T/srv" maker:/ 2> "$T/out"
  docker commit -c 'CMD ["cat","/srv/d/f"]' maker "$1" > "$T/out"
  docker rm maker > "$T/out"
}

@test "we pull what docker pushes, by tag and by digest, and run it" {
  registry_start
  docker_made "$registry/img:1"
  docker push -q "$registry/img:1" > "$T/out"
  local digest
  digest=$(docker image inspect -f '{{index .RepoDigests 0}}' "$registry/img:1")
  run_ok pull -q --tls-verify=false "$registry/img:1"
  equals "$(docker_id "$registry/img:1")" "sha256:$output"
  run_ok image inspect -f '{{index .RepoDigests 0}}' "$registry/img:1"
  equals "$digest"
  run_ok run --rm "$registry/img:1"
  equals content
  coracle_tree "$registry/img:1" > "$T/ours"
  docker_tree "$registry/img:1" > "$T/theirs"
  diff "$T/ours" "$T/theirs"
  another pull -q --tls-verify=false "$digest" > "$T/out"
  equals "$(coracle_id "$registry/img:1")" "sha256:$(< "$T/out")"
  # What came from docker is pushed on bit for bit.
  run_ok push -q --tls-verify=false --digestfile "$T/digest" "$registry/img:1" "$registry/elsewhere:1"
  equals "${digest#*@}" "$(< "$T/digest")"
}

@test "docker loads what we save: several images, ids and names" {
  made img:1
  run_ok tag img:1 example.com/a/b:c
  run_ok save -q -m -o "$T/a.tar" img:1 example.com/a/b:c two:1
  docker load -q -i "$T/a.tar" > "$T/out"
  local name
  for name in localhost/img:1 example.com/a/b:c localhost/two:1; do equals "$(coracle_id "$name")" "$(docker_id "$name")"; done
  coracle_tree img:1 > "$T/ours"
  docker_tree localhost/img:1 > "$T/theirs"
  diff "$T/ours" "$T/theirs"
  coracle save img:1 | gzip -1 | docker load > "$T/out"
}

@test "we load what docker saves: several images, ids and names" {
  docker_made docker.io/library/img:1
  docker tag img:1 example.com/a/b:c
  docker save -o "$T/a.tar" img:1 example.com/a/b:c base:1
  run_ok load -q -i "$T/a.tar"
  equals "$(docker_id img:1)" "$(coracle_id docker.io/library/img:1)"
  equals "$(docker_id img:1)" "$(coracle_id example.com/a/b:c)"
  equals "$(docker_id base:1)" "$(coracle_id docker.io/library/base:1)"
  run_ok run --rm img:1
  equals content
  docker save "$(docker_id base:1)" | coracle load > "$T/out"
  contains "$(docker_id base:1)" "$(< "$T/out")"
  # Through us and back: docker finds that it has it.
  run_ok save -q -o "$T/b.tar" img:1
  docker load -q -i "$T/b.tar" > "$T/out"
  equals "$(coracle_id img:1)" "$(docker_id img:1)"
}

@test "passwords: each of us reads what the other's login recorded" {
  require htpasswd
  import_busybox
  registry_start --auth user:secret
  docker login -u user --password-stdin "$registry" <<< secret > "$T/out" 2>&1
  DOCKER_CONFIG=$T/docker "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" \
    push -q --tls-verify=false busybox "$registry/bb:1"
  docker logout "$registry" > "$T/out"
  run_fails 125 pull -q --tls-verify=false --authfile "$T/docker/config.json" "$registry/bb:1"
  run_ok login --tls-verify=false --authfile "$T/docker/config.json" -u user -p secret "$registry"
  docker pull -q "$registry/bb:1"
  equals "$(coracle_id busybox)" "$(docker_id "$registry/bb:1")"
}
