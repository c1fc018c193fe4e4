# build: what people get wrong, hostile contexts, and hosts that fail it.
load helpers

context() { mkdir -p "$T/$1" && cd "$T/$1" || exit; }
# refused MESSAGE [OPTION...]: the Dockerfile on standard input is refused with that message.
refused() {
  local want=$1
  shift
  cat > Dockerfile
  run_fails 1 build "$@" .
  contains "$want" "$stderr"
}

@test "mistakes in a Dockerfile: the line, the cause and what was meant" {
  import_busybox
  context c
  touch file.txt
  refused 'did you mean COPY?' <<< $'FROM busybox\nCOPPY a b'
  contains 'Dockerfile:2' "$stderr"
  contains '   2 | >>> COPPY a b' "$stderr"
  refused 'did you mean --chown' <<< $'FROM busybox\nCOPY --chwon=1 file.txt /'
  refused 'did you mean type=cache?' <<< $'FROM busybox\nRUN --mount=type=cahe,target=/x true'
  refused 'comes only later' <<< $'FROM busybox AS a\nCOPY --from=b /x /x\nFROM busybox AS b\nCOPY --from=a /x /x'
  refused "can't take from itself" <<< $'FROM busybox AS a\nCOPY --from=a /x /x'
  refused 'did you mean build?' --target biuld <<< $'FROM busybox AS build\nRUN true'
  refused 'did you mean file.txt?' <<< $'FROM busybox\nCOPY fiel.txt /'
  refused 'not supported' <<< $'FROM busybox\nRUN --device=vendor.com/x=1 true'
  refused 'is not in the build context' <<< $'FROM busybox\nCOPY ../../etc/passwd /'
  refused 'RUN --security=insecure is not allowed' <<< $'FROM busybox\nRUN --security=insecure true'
  refused 'MISSING' <<< $'FROM busybox\nARG X\nENV A=${X:?MISSING}'
  printf '' > Dockerfile
  run_fails 1 build .
  run_fails 1 build --build-context x=docker-image://localhost/none:1 --pull=never - <<< $'FROM x'
  contains "no such image" "$stderr"
}

@test "a stage named like an image is the stage; an image for another platform says so" {
  import_busybox
  context c
  printf 'FROM busybox AS busybox\nRUN --network=none touch /stage\nFROM busybox\nRUN --network=none ls /stage\n' > Dockerfile
  run_ok build -q .
  printf 'FROM --platform=linux/s390x busybox\nRUN true\n' > Dockerfile
  run_fails 1 build --pull=never .
  contains "busybox" "$stderr"
  contains "Dockerfile:1" "$stderr"
}

@test "fifos, sockets, odd names and links out of a context" {
  require python3
  import_busybox
  context c
  mkdir d
  mkfifo d/fifo
  echo secret > "$T/outside"
  ln -s "$T/outside" d/out
  ln -s ../../../../../../../../etc/hostname d/up
  printf 'x' > $'d/\xff\xfe bad \n name'
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("d/socket")'
  printf 'FROM busybox\nCOPY d /d\nRUN --network=none test -p /d/fifo && test ! -e /d/socket && test -L /d/out && ls /d | wc -l\n' > Dockerfile
  run_ok build -q .
  run_ok run --rm --network none "$output" readlink /d/out
  equals "$T/outside"
  printf 'FROM busybox\nCOPY d/out /x\n' > Dockerfile
  run_fails 1 build .
  printf 'FROM busybox\nCOPY d/socket /x\n' > Dockerfile
  run_fails 1 build .
  contains "is a socket" "$stderr"
  printf 'FROM busybox\nRUN echo \xff\xfe > /x\nLABEL a="\xff"\n' > Dockerfile
  run_status 0 build -q . || run_fails 1 build .
}

@test "500 instructions in one file, and 300 stages" {
  import_busybox
  context c
  { echo FROM busybox; for ((i = 0; i < 500; i++)); do echo "ENV A$i=$i"; done; echo 'RUN --network=none test "$A499" = 499'; } > Dockerfile
  run_ok build -q .
  run_ok image inspect --format '{{len .Config.Env}}' "$output"
  equals 501
  { for ((i = 0; i < 300; i++)); do echo "FROM busybox AS s$i"; echo "ENV A=$i"; done; echo "FROM s299"; echo "COPY --from=s7 /etc/group /g"; } > Dockerfile
  run_ok build -q .
  { echo FROM busybox; for ((i = 0; i < 130; i++)); do echo "COPY Dockerfile /f$i"; done; echo 'RUN --network=none ls / | grep -c ^f'; } > Dockerfile
  run_ok build .
  contains 130 "$stderr"
}

@test "a full disk: an error, and all is as before" {
  require root
  import_busybox
  context c
  printf 'FROM busybox\nRUN --network=none echo 1 > /1\nRUN --network=none head -c 30000000 /dev/urandom > /big\n' > Dockerfile
  head -c 30000000 /dev/urandom > big
  mkdir "$T/small"
  mount -t tmpfs -o size=20m tmpfs "$T/small"
  small() { coracle_as_is --root "$T/small/r" --runroot "$T/small/run" "$@"; }
  small import -q "$(fixture busybox)" busybox > /dev/null
  ! small build . > "$T/said" 2>&1 || fail "it fits"
  grep -q '^Error: ' "$T/said" || fail "$(cat "$T/said")"
  printf 'FROM busybox\nCOPY big /\n' > Dockerfile
  ! small build . > "$T/said" 2>&1 || fail "it fits"
  grep -q '^Error: .*No space left on device' "$T/said" || fail "$(cat "$T/said")"
  equals "" "$(find "$T/small/r/tmp" "$T/small/run/leases" -mindepth 1)"
  equals "" "$(small image check -q)"
  printf 'FROM busybox\nRUN --network=none echo 1 > /1\n' > Dockerfile
  small build -q . > /dev/null
  small builder prune -af > /dev/null
  umount "$T/small"
}

@test "the network is cut while ADD fetches" {
  require python3
  import_busybox
  context c
  cat > "$T/cut.py" << 'END'
import http.server, sys
class Cut(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(b"x" * 1000)
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Cut)
print(server.server_port, flush=True)
server.serve_forever()
END
  python3 "$T/cut.py" > "$T/port" 3>&- 4>&- &
  server=$!
  eventually 10 test -s "$T/port"
  printf 'FROM busybox\nRUN --network=none echo before\nADD http://127.0.0.1:%s/file /file\n' "$(< "$T/port")" > Dockerfile
  run_fails 1 build .
  contains "Dockerfile:3" "$stderr"
  kill "$server"
  wait "$server" || true
  printf 'FROM busybox\nRUN --network=none echo before\n' > Dockerfile
  run_ok build .
  contains CACHED "$stderr"
}

@test "--check names rules and lines; a build tells them at its end, or refuses" {
  import_busybox
  context c
  printf 'from busybox AS Build\nMAINTAINER me\nENV key value\nWORKDIR rel\nRUN echo $undefined\nCMD echo hi\nCMD echo again\nARG PASSWORD=x\n' > Dockerfile
  run_status 1 build --check .
  local rule
  for rule in StageNameCasing MaintainerDeprecated LegacyKeyValueFormat WorkdirRelativePath JSONArgsRecommended \
    MultipleInstructionsDisallowed SecretsUsedInArgOrEnv FromAsCasing; do
    contains "$rule" "$output"
  done
  contains "Dockerfile:2" "$output"
  contains "   3 | >>> ENV key value" "$output"
  sed -i 's/^RUN .*/RUN --network=none true/' Dockerfile
  run_ok build .
  contains "LegacyKeyValueFormat: " "$stderr"
  contains "(line 3)" "$stderr"
  run_ok build -q .
  equals "" "$stderr"
  sed -i '1i # check=error=true' Dockerfile
  run_fails 1 build .
}

@test "a failed step can be looked at" {
  import_busybox
  context c
  printf 'FROM busybox\nENV A=1\nWORKDIR /w\nRUN --network=none echo left > /w/left; exit 3\n' > Dockerfile
  run_fails 1 build .
  contains "--debug-shell" "$stderr"
  run_fails 1 build --debug-shell .
  local id
  id=$(sed -nE 's/.*coracle run --rm -it ([0-9a-f]{12}).*/\1/p' <<< "$stderr")
  run_ok run --rm --network none "$id" sh -c 'pwd; cat left; echo $A'
  equals $'/w\nleft\n1'
}

@test "huge contexts: many files are no trouble, a tree without an end is an error" {
  import_busybox
  context c
  python3 - << 'END'
import os
for i in range(50):
    os.mkdir(f"d{i}")
    for j in range(400):
        open(f"d{i}/{j}", "w").close()
END
  printf 'FROM busybox\nCOPY . /c\nRUN --network=none find /c -type f | wc -l > /count\n' > Dockerfile
  run_ok build -q .
  run_ok run --rm --network none "$output" cat /count
  equals 20001
  mkdir -p "$(printf 'x/%.0s' {1..1100})"
  run_fails 1 build .
  contains "the tree is too deep" "$stderr"
  [ "${#stderr}" -lt 9000 ] || fail "${#stderr} bytes of message"
  echo x > .dockerignore
  run_ok build -q .
}
