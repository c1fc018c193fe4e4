# podman with coracle as its OCI runtime: build/coracle-oci, a link to the same binary.
load helpers

setup() {
  coracle_setup
  require root podman
  export CONTAINERS_CONF=$T/containers.conf
  podman_conf "$CONTAINERS_CONF"
  pod import -q "$(fixture busybox)" busybox > "$T/import.log" 2>&1 || fail "$(cat "$T/import.log")"
}

teardown() {
  if [ -e "$T/containers.conf" ]; then
    pod rm -af -t 0 > /dev/null 2>&1 || true
    umount "$T/pod/overlay" 2> /dev/null || true  # podman's own, kept on purpose
  fi
  coracle_teardown
}

pod() {
  podman --root "$T/pod" --runroot "$T/podrun" --tmpdir "$T/podtmp" --runtime "$(dirname "$CORACLE")/coracle-oci" "$@" 3>&- 4>&-
}

@test "podman runs a container: output, arguments and exit code" {
  equals "hi there" "$(pod run --rm --network none busybox echo 'hi there')"
  code=0
  pod run --rm --network none busybox sh -c 'exit 7' || code=$?
  equals 7 "$code"
  code=0
  pod run --rm --network none busybox no-such-command 2> "$T/said" || code=$?
  equals 127 "$code"
}

@test "podman gives a terminal, an id, a host name and limits" {
  contains "/dev/pts/0" "$(pod run --rm -t --network none busybox tty)"
  equals "1000" "$(pod run --rm --user user --network none busybox id -u)"
  equals "harbour" "$(pod run --rm --hostname harbour --network none busybox hostname)"
  # podman asks for its own default of a limit that is not among those given.
  equals "512" "$(pod run --rm --ulimit nofile=512:512 --ulimit nproc=1024:1024 --network none busybox sh -c 'ulimit -n')"
}

@test "podman executes in a running container, stops and restarts it" {
  pod run -d --name c --network none busybox sh -c 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done'
  said_up() { [ "$(pod logs c)" = up ]; }
  eventually 10 said_up
  equals "inside" "$(pod exec c echo inside)"
  code=0
  pod exec c sh -c 'exit 5' || code=$?
  equals 5 "$code"
  equals "sh" "$(pod exec c cat /proc/1/comm)"
  pod stop -t 10 c
  equals "3 exited" "$(pod inspect c --format '{{.State.ExitCode}} {{.State.Status}}')"
  pod start c
  equals "running" "$(pod inspect c --format '{{.State.Status}}')"
  pod kill c
  equals 137 "$(pod wait c)"
}

@test "podman pauses and resumes" {
  require cgroup:freezer
  pod run -d --name c --network none busybox sleep 1000
  pod pause c
  equals "paused" "$(pod inspect c --format '{{.State.Status}}')"
  pod unpause c
  equals "running" "$(pod inspect c --format '{{.State.Status}}')"
  equals "still here" "$(pod exec c echo 'still here')"
}

@test "podman's memory limit is the container's" {
  require cgroup:memory
  equals "67108864" "$(pod run --rm --memory 64m --network none busybox \
    sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2> /dev/null || cat /sys/fs/cgroup/memory.max')"
}
