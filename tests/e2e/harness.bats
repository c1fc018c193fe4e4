# The helpers themselves: a check that can't fail would hide what it is there to find.
load helpers

setup() { coracle_setup; }
teardown() {
  # These tests make no containers and the leaks are their own: the directory is all that has to go.
  cd /
  remove_test_dir
}

# Soon, not at once: the test for cgroups may be running at the same time as the other user.
nothing_listed() { [ -z "$(list_left)" ]; }
# leaves WORD: list_left names something that starts with WORD.
leaves() { grep -q "^$1" <<< "$(list_left)"; }

@test "a test that did nothing leaves nothing" {
  eventually 5 nothing_listed
}

@test "a process with the test's directory in its arguments is found" {
  bash -c 'exec -a "monitor --root '"$CORACLE_ROOT"'" sleep 1000' 3>&- 4>&- &
  eventually 5 leaves "process $!:"
  end_processes
  wait "$!" || true
  eventually 5 nothing_listed
}

@test "a process with the test's directory in its environment is found" {
  WHERE=$CORACLE_ROOT sleep 1000 3>&- 4>&- &
  eventually 5 leaves "process $!:"
  end_processes
  wait "$!" || true
  eventually 5 nothing_listed
}

@test "a mount in another mount namespace is found" {
  mkdir -p "$T/mnt"
  unshare --user --map-root-user --mount --kill-child \
    sh -c 'mount -t tmpfs none "$1/mnt" && cd / && exec sleep 1000' sh "$T" > /dev/null 3>&- 4>&- &
  eventually 5 leaves "mount:"
  kill -KILL "$!"  # unshare holds the others back; --kill-child takes the process inside along
  wait "$!" || true
}

@test "an empty cgroup with a container's id is found" {
  require root
  hierarchy=$(find /sys/fs/cgroup -maxdepth 1 -mindepth 1 -type d ! -name unified | head -n 1)
  [ -w /sys/fs/cgroup/cgroup.procs ] && hierarchy=/sys/fs/cgroup
  [ -n "$hierarchy" ] || skip "needs a writable cgroup hierarchy"
  mkdir "$hierarchy/$(printf '%064x' $$)"
  leaves "cgroup:"
  rmdir "$hierarchy/$(printf '%064x' $$)"
  eventually 5 nothing_listed
}

@test "a container's directory in the store is found" {
  mkdir -p "$CORACLE_RUNROOT/containers/x"
  leaves "file:"
  rmdir "$CORACLE_RUNROOT/containers/x"
}

@test "run_status, run_ok and run_fails hold a command to its exit code" {
  coracle() { echo out && echo "Error: this" >&2 && return "$1"; }
  run_ok 0
  equals out
  equals "Error: this" "$stderr"
  run_fails 125 125
  ! (run_ok 1) || false
  ! (run_fails 125 126) || false
  coracle() { return 125; }
  ! (run_fails 125) || false
}

@test "the busybox fixture is a root file system" {
  busybox_rootfs "$T/fs"
  [ -x "$T/fs/bin/sh" ]
  [ -L "$T/fs/bin/ls" ]
  grep -q '^user:x:1000:' "$T/fs/etc/passwd"
  equals "hello" "$("$T/fs/bin/busybox" echo hello)"
}

@test "as_user is another user with a home of its own" {
  require root
  equals "coracleplain $T/coracleplain $T/coracleplain/run" \
    "$(as_user coracleplain sh -c 'echo "$(id -un) $HOME $XDG_RUNTIME_DIR"')"
  as_user coracletest sh -c 'touch "$HOME/file" "$XDG_RUNTIME_DIR/file"'
  ! grep -q '^coracleplain:' /etc/subuid || fail "coracleplain has subordinate ids"
  grep -q '^coracletest:' /etc/subuid
}
