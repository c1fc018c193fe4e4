#!/usr/bin/env bats
# build: Dockerfiles become images.

load helpers


# context DIR: an empty directory, current from now on.
context() { mkdir -p "$T/$1" && cd "$T/$1" || exit; }

# build_ok ARGS...: $id is the image's.
build_ok() {
  run_ok build "$@"
  id=$output
}

@test "stages, copies, heredocs, and the config that comes out" {
  import_busybox
  context c
  mkdir -p d/e
  echo hi > a.txt
  echo deep > d/e/f
  cat > Dockerfile << 'END'
FROM busybox AS base
ARG WHO=world
ENV A=1 B="two words"
RUN echo "hello $WHO" > /hello
FROM busybox AS unused
RUN false
FROM base
WORKDIR /w
WORKDIR x
COPY a.txt .
COPY d /dd/
COPY --chown=7:8 --chmod=0640 a.txt d/e/f /both/
COPY --from=base /hello /from
RUN <<EOT
set -e
echo one > /one
test "$B" = "two words"
EOT
COPY <<"X" /x.txt
$A
X
USER 1000:1000
EXPOSE 80 443/udp
VOLUME /data
LABEL k=v "long key"="long value"
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=5s CMD true
ENTRYPOINT ["/bin/cat"]
CMD ["/from", "/w/x/a.txt", "/dd/e/f", "/one", "/x.txt"]
END
  build_ok -t t1 --build-arg WHO=you .
  run_ok run --rm t1
  equals $'hello you\nhi\ndeep\none\n$A'
  run_ok run --rm --entrypoint '["/bin/stat"]' t1 -c '%u:%g %a %n' /both/a.txt /both/f /dd/e /hello
  equals $'7:8 640 /both/a.txt\n7:8 640 /both/f\n0:0 755 /dd/e\n0:0 644 /hello'
  run_ok image inspect t1 --format \
    '{{.Config.User}} {{json .Config.ExposedPorts}} {{json .Config.Volumes}} {{json .Config.Labels}} {{.Config.StopSignal}} {{.Config.WorkingDir}} {{json .Config.Healthcheck.Test}}'
  equals '1000:1000 {"443/udp":{},"80/tcp":{}} {"/data":{}} {"k":"v","long key":"long value"} SIGUSR1 /w/x ["CMD-SHELL","true"]'
}

@test "the same build again is the same image, from the cache; a changed file is seen" {
  import_busybox
  context c
  echo 1 > f
  printf 'FROM busybox\nRUN date +%%N > /when\nCOPY f /\nRUN cat /f > /g\n' > Dockerfile
  build_ok .
  local first=$id
  touch f
  build_ok .
  equals "$first" "$id"
  contains "CACHED" "$stderr"
  echo 2 > f
  build_ok .
  [ "$id" != "$first" ] || fail "a changed file gave the same image"
  run_ok run --rm "$id" cat /g
  equals 2
  build_ok --no-cache .
  lacks "CACHED" "$(grep -v FROM <<< "$stderr" | grep -A1 RUN)"
}

@test "mounts of RUN: bind, cache, tmpfs, secret; nothing of them stays in the image" {
  import_busybox
  context c
  echo data > f
  echo hidden > h
  echo h > .dockerignore
  printf TOP-SECRET > "$T/s"
  cat > Dockerfile << 'END'
FROM busybox
RUN --mount=target=/ctx cp /ctx/f /copied && ! touch /ctx/g && ! test -e /ctx/h
RUN --mount=type=bind,target=/ctx,rw touch /ctx/g && rm /ctx/f
RUN --mount=type=cache,target=/cache echo 1 >> /cache/n && cp /cache/n /n
RUN --mount=type=cache,target=/cache echo 2 >> /cache/n && cp /cache/n /n
RUN --mount=type=tmpfs,target=/t touch /t/x && grep ' /t tmpfs' /proc/mounts
RUN --mount=type=secret,id=s grep -q '^TOP-.ECRET$' /run/secrets/s
RUN --mount=type=secret,id=s,env=TOKEN echo "$TOKEN" | grep -q "^TOP-.ECRET$"
RUN --mount=type=bind,from=busybox,source=/bin,target=/bb test -x /bb/sh
END
  build_ok --secret "id=s,src=$T/s" .
  [ -e f ] && [ ! -e g ] || fail "the context was changed"
  run_ok run --rm "$id" sh -c 'cat /copied /n; ls -d /ctx /cache /t /run/secrets /bb 2>&1 | grep -v "No such" | wc -l'
  equals $'data\n1\n2\n0'
  ! grep -rq TOP-SECRET "$CORACLE_ROOT" "$CORACLE_RUNROOT" || fail "the secret is in the store"
}

@test "ignore files, other names, standard input" {
  import_busybox
  context c
  mkdir -p a/b
  touch keep drop a/x a/b/keep
  printf '# comment\n*\n!keep\n!a/b\n' > .dockerignore
  printf 'FROM busybox\nCOPY . /c/\n' > other.Dockerfile
  build_ok -f other.Dockerfile .
  run_ok run --rm "$id" sh -c 'cd /c && find . | sort'
  equals $'.\n./a\n./a/b\n./a/b/keep\n./keep'
  echo keep > other.Dockerfile.dockerignore
  build_ok -f other.Dockerfile .
  run_ok run --rm "$id" sh -c 'cd /c && test ! -e keep && test -e drop'
  build_ok -f - . <<< $'FROM busybox\nCOPY keep /from-stdin'
  run_ok run --rm "$id" ls /from-stdin
  build_ok - <<< $'FROM busybox\nRUN echo x > /x'
  run_ok run --rm "$id" cat /x
  equals x
  tar -cf "$T/c.tar" .
  build_ok -f other.Dockerfile - < "$T/c.tar"
  run_ok run --rm "$id" test -e /c/drop
}

# serve DIR: its files at http://127.0.0.1:$port/ while the test runs.
serve() {
  port=$((20000 + RANDOM % 20000))
  python3 -m http.server --bind 127.0.0.1 --directory "$1" "$port" > "$T/http.log" 2>&1 3>&- 4>&- &
  server=$!
  eventually 10 bash -c "exec 9<> /dev/tcp/127.0.0.1/$port"
}

@test "files at URLs: ADD, its checksum, and contexts" {
  require python3 git
  import_busybox
  context c
  mkdir -p "$T/www" "$T/repo/sub"
  echo remote > "$T/www/file.txt"
  tar -czf "$T/www/arc.tgz" -C "$T/www" file.txt
  printf 'FROM busybox\nCOPY in-repo /\n' > "$T/repo/sub/Dockerfile"
  echo repo > "$T/repo/sub/in-repo"
  git -C "$T/repo" init -q -b main
  git -C "$T/repo" add .
  git -C "$T/repo" -c user.name=x -c user.email=x@y commit -qm one
  git clone -q --bare "$T/repo" "$T/www/repo.git"
  git -C "$T/www/repo.git" update-server-info
  printf 'FROM busybox\nCOPY file.txt /\n' > "$T/www/Dockerfile"
  tar -cf "$T/www/context.tar" -C "$T/www" file.txt Dockerfile
  serve "$T/www"
  local sum
  sum=$(sha256sum < "$T/www/file.txt")
  cat > Dockerfile << END
FROM busybox
ADD http://127.0.0.1:$port/file.txt /a/
ADD --chmod=644 http://127.0.0.1:$port/file.txt /renamed
ADD --checksum=sha256:${sum%% *} http://127.0.0.1:$port/file.txt /checked
ADD http://127.0.0.1:$port/arc.tgz /kept/
ADD --unpack=true http://127.0.0.1:$port/arc.tgz /unpacked/
ADD http://127.0.0.1:$port/repo.git#main:sub /git/
END
  build_ok .
  run_ok run --rm "$id" sh -c 'cat /a/file.txt /renamed /checked /unpacked/file.txt /git/in-repo; ls /kept; ls -A /git'
  equals $'remote\nremote\nremote\nremote\nrepo\narc.tgz\nDockerfile\nin-repo'
  run_ok run --rm "$id" stat -c '%a %u' /a/file.txt /renamed
  equals $'600 0\n644 0'
  build_ok "http://127.0.0.1:$port/repo.git#main:sub"
  run_ok run --rm "$id" cat /in-repo
  equals repo
  build_ok "http://127.0.0.1:$port/context.tar"
  run_ok run --rm "$id" cat /file.txt
  equals remote
  printf 'FROM busybox\nADD http://127.0.0.1:%s/none /x\n' "$port" > Dockerfile
  run_fails 1 build .
  contains "HTTP status 404" "$stderr"
  printf 'FROM busybox\nADD --checksum=sha256:%064d http://127.0.0.1:%s/file.txt /x\n' 0 "$port" > Dockerfile
  run_fails 1 build .
  contains "its digest is" "$stderr"
  kill "$server"
  wait "$server" || true
}

@test "archives are unpacked by ADD" {
  import_busybox
  context c
  mkdir -p t/sub
  echo in > t/sub/f
  tar -czf a.tar.gz -C t .
  tar -cJf a.tar.xz -C t .
  echo plain > p
  printf 'FROM busybox\nADD a.tar.gz p /gz/\nADD a.tar.xz /xz\nADD --unpack=false a.tar.gz /kept/\n' > Dockerfile
  build_ok .
  run_ok run --rm "$id" sh -c 'cat /gz/sub/f /xz/sub/f /gz/p; ls /kept'
  equals $'in\nin\nplain\na.tar.gz'
}

@test "with an epoch the same digest, whatever the times" {
  local first="" place
  import_busybox
  run_ok save -q -o "$T/base.tar" busybox
  for place in one two; do
    context "$place"
    mkdir -p d
    echo x > d/f
    touch -d "$((RANDOM % 90 + 1910))-01-01" d/f d
    printf 'FROM busybox\nCOPY d /d\nRUN echo y > /y && mkdir /z\nWORKDIR /w\n' > Dockerfile
    run_ok --root "$T/$place.root" --runroot "$T/$place.run" load -q -i "$T/base.tar"
    run_ok --root "$T/$place.root" --runroot "$T/$place.run" build -q --source-date-epoch 1700000000 .
    run_ok --root "$T/$place.root" --runroot "$T/$place.run" inspect --format '{{.Digest}}' "$output"
    [ -z "$first" ] || equals "$first"
    first=$output
  done
}

# Of an ordinary user, from a test that runs as root.
as_other() { as_user coracletest "$CORACLE" --root "$T/coracletest/root" --runroot "$T/coracletest/runroot" "$@"; }

@test "with an epoch root and an ordinary user get the same digest, from directories of any age" {
  require root
  local one two
  import_busybox
  run_ok save -q -o "$T/base.tar" busybox
  chmod 644 "$T/base.tar"
  context one
  mkdir -p d/e
  echo x > d/f
  echo y > d/e/g
  ln -s f d/l
  chmod 640 d/f
  cat > Dockerfile << 'END'
FROM busybox AS a
RUN --network=none echo hi > /hi && mkdir -p /q/r && ln /hi /q/hi && rm /etc/os-release
FROM busybox
COPY --chown=7:8 d /d
RUN --network=none mkdir /z && chown 5:6 /z && rm -r /srv && mkdir /srv && touch /srv/n
WORKDIR /w
COPY --from=a /q /q
END
  run_ok build -q --source-date-epoch 1700000000 .
  run_ok inspect --format '{{.Digest}}' "$output"
  one=$output
  as_other load -q -i "$T/base.tar" > "$T/loaded"
  cp -r "$T/one" "$T/coracletest/two"
  chown -R coracletest: "$T/coracletest/two"
  find "$T/coracletest/two" -exec touch -h -d 1999-01-01 {} +
  two=$(as_other build -q --timestamp 1700000000 two)
  equals "$one" "$(as_other inspect --format '{{.Digest}}' "$two")"
}

@test "an agent's socket and secrets leave no byte in layers, cache, history and output" {
  require python3
  import_debian
  context c
  printf TOP-SECRET > "$T/s"
  cat > "$T/agent.py" << 'END'
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
while True:
    client, _ = server.accept()
    client.sendall(b"AGENT" + b"-ANSWER")
    client.close()
END
  python3 "$T/agent.py" "$T/agent" > "$T/agent.log" 2>&1 3>&- 4>&- &
  local agent=$!
  eventually 10 test -S "$T/agent"
  chmod 777 "$T/agent"
  cat > Dockerfile << 'END'
FROM debian
RUN --network=none --mount=type=ssh --mount=type=secret,id=s --mount=type=secret,id=e,env=TOKEN <<EOF python3
import os, socket
agent = socket.socket(socket.AF_UNIX)
agent.connect(os.environ["SSH_AUTH_SOCK"])
assert agent.recv(100) == b"AGENT" + b"-ANSWER"
assert open("/run/secrets/s").read() == "TOP" + "-SECRET"
assert os.environ["TOKEN"] == "ENV" + "-SECRET"
EOF
RUN --network=none echo after > /after
END
  TOKEN=ENV-SECRET run_ok build --no-cache --ssh "default=$T/agent" --secret "id=s,src=$T/s" --secret id=e,env=TOKEN .
  local id=$output
  kill "$agent"
  wait "$agent" || true
  ! grep -rqE 'TOP-SECRET|AGENT-ANSWER|ENV-SECRET' "$CORACLE_ROOT" "$CORACLE_RUNROOT" || fail "it is in the store"
  lacks ENV-SECRET "$stderr"
  run_ok history --no-trunc "$id"
  lacks ENV-SECRET
  run_ok run --rm --network none "$id" sh -c 'ls -d /run/secrets /run/buildkit 2> /dev/null | wc -l'
  equals 0
}

@test "where no overlay can be mounted, steps get copies" {
  import_busybox
  context c
  echo f > f
  cat > Dockerfile << 'END'
FROM busybox AS a
RUN --network=none --mount=type=cache,target=/nowhere/cache echo 1 > /1 && rm /etc/os-release && rm -r /srv && touch /nowhere/cache/x
FROM a
COPY f /f
RUN --network=none cat /1 /f > /2
COPY --from=a /1 /one
END
  run_ok --storage-driver vfs build -q .
  run_ok --storage-driver vfs run --rm --network none "$output" sh -c 'cat /2 /one; ls -d /etc/os-release /srv /nowhere 2> /dev/null | wc -l'
  equals $'1\nf\n1\n0'
}

@test "what goes wrong is shown with its lines" {
  import_busybox
  context c
  touch file.txt
  printf 'FROM busybox\nRUN echo before; \\\n  exit 7\n' > Dockerfile
  run_fails 1 build .
  contains "did not complete successfully: exit code: 7" "$stderr"
  contains "Dockerfile:2" "$stderr"
  contains "   3 | >>>   exit 7" "$stderr"
  printf 'FROM busybox\nCOPY fiel.txt /\n' > Dockerfile
  run_fails 1 build .
  contains "did you mean file.txt?" "$stderr"
  printf 'FROM busybox\nRUNN x\n' > Dockerfile
  run_fails 1 build .
  contains "did you mean RUN?" "$stderr"
  printf 'FROM busybox\nCOPY --from=2 a b\n' > Dockerfile
  run_fails 1 build .
  rm Dockerfile
  run_fails 125 build .
  contains "has neither a Containerfile nor a Dockerfile" "$stderr"
  printf 'from busybox AS x\nMAINTAINER me\n' > Dockerfile
  run_status 1 build --check .
  contains MaintainerDeprecated
}

@test "options of the result: several tags, labels, iidfile, metadata, squash, target, docker format" {
  import_busybox
  context c
  printf 'FROM busybox AS one\nRUN echo 1 > /1\nRUN echo 2 > /2 && rm /1\nFROM one AS two\nRUN echo 3 > /3\n' > Dockerfile
  build_ok -t x:1 -t y --label l=v --annotation a=b --iidfile "$T/iid" --metadata-file "$T/meta" --target one .
  equals "sha256:$id" "$(< "$T/iid")"
  contains "\"containerimage.config.digest\": \"sha256:$id\"" "$(< "$T/meta")"
  contains '"image.name": "localhost/x:1,localhost/y:latest"' "$(< "$T/meta")"
  run_ok run --rm y test ! -e /3
  run_ok image inspect --format '{{index .Config.Labels "l"}}' x:1
  equals v
  build_ok --squash --format docker .
  run_ok image inspect --format '{{len .RootFS.Layers}} {{.ManifestType}}' "$id"
  equals "2 application/vnd.docker.distribution.manifest.v2+json"
  run_ok run --rm "$id" sh -c 'test ! -e /1 && cat /2 /3'
  equals $'2\n3'
}

@test "--output: a directory, archives" {
  import_busybox
  context c
  printf 'FROM busybox AS b\nRUN echo made > /made\nFROM scratch\nCOPY --from=b /made /made\n' > Dockerfile
  run_ok build -o "$T/out" .
  equals made "$(< "$T/out/made")"
  [ -O "$T/out/made" ] || fail "the file is not ours"
  coracle build -q -o - . | tar -xOf - made > "$T/made"
  equals made "$(< "$T/made")"
  run_ok build -t o:1 --output "type=oci,dest=$T/o.tar" .
  tar -tf "$T/o.tar" | grep -qx index.json
  run_ok build -t o:1 --output "type=docker,dest=$T/d.tar" .
  run_ok load -q -i "$T/d.tar"
}

@test "two identical steps, and many" {
  import_busybox
  context c
  { echo FROM busybox; for i in 1 2 3; do echo 'RUN true'; done; echo 'RUN touch /x'; } > Dockerfile
  build_ok .
  run_ok run --rm "$id" ls /x
}

@test "ten builds of the same at once run each step once" {
  import_busybox
  context c
  printf 'FROM busybox\nRUN sleep 0.3; cat /proc/sys/kernel/random/uuid > /id\n' > Dockerfile
  local pids=() i
  for i in 1 2 3 4 5 6 7 8 9 10; do
    coracle build -q . > "$T/id.$i" 2> "$T/err.$i" &
    pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i" || fail "a build failed: $(cat "$T"/err.*)"; done
  equals 1 "$(sort -u "$T"/id.* | wc -l)"
}

@test "builds killed at any moment lose nothing, and the next one clears up" {
  import_busybox
  context c
  echo f > f
  printf 'FROM busybox AS one\nRUN echo 1 > /1\nCOPY f /f\nFROM busybox\nRUN echo 2 > /2\nCOPY --from=one /1 /1\n' > Dockerfile
  local delay pid
  for delay in 0.01 0.03 0.05 0.07 0.09 0.12 0.15 0.2; do
    coracle build --no-cache -q . > /dev/null 2>&1 &
    pid=$!
    sleep "$delay"
    kill -KILL "$pid" 2> /dev/null || true
    wait "$pid" || true
  done
  build_ok .
  run_ok run --rm "$id" cat /1 /2
  equals $'1\n2'
  run_ok image check
  contains "problems: 0"
}

@test "builder prune" {
  import_busybox
  context c
  printf 'FROM busybox\nRUN echo 1 > /1\n' > Dockerfile
  build_ok -t a .
  run_ok rmi a
  run_ok builder prune -f
  contains "Deleted build cache objects:"
  build_ok .
  lacks CACHED "$(grep -A1 RUN <<< "$stderr")"
}
