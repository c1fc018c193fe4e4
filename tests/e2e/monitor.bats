# What the monitor does besides: notification of the service manager, passed-through output, detaching, a full disk.
load helpers

# Listens on $T/notify like a service manager and writes what comes to $T/notified.
notify_listener() {
  python3 - "$T/notify" "$T/notified" << 'EOF' &
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(60)
out = open(sys.argv[2], "w")
try:
    while True:
        message = s.recv(4096).decode()
        out.write(message + "\n")
        out.flush()
        if "STOP" in message:
            break
except TimeoutError:
    pass
EOF
  LISTENER=$!
  eventually 10 [ -S "$T/notify" ]
}
notify() { python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), sys.argv[1])' "$T/notify" "$1"; }

@test "--sdnotify conmon: ready as soon as it runs, with the monitor as the main process" {
  import_busybox
  notify_listener
  NOTIFY_SOCKET=$T/notify run_ok run -d --sdnotify conmon --name c busybox sleep 1000
  eventually 10 grep -q READY=1 "$T/notified"
  contains "MAINPID=$(coracle inspect -f '{{.State.ConmonPid}}' c)" "$(< "$T/notified")"
  notify STOP
  wait "$LISTENER"
}

@test "--sdnotify container: ready when the container says so, and not before" {
  import_debian
  notify_listener
  NOTIFY_SOCKET=$T/notify run_ok run -d --sdnotify container --name c debian perl -MSocket -e \
    'sleep 1 until -e "/go"; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); my $p = $ENV{NOTIFY_SOCKET}; send($s, "READY=1\nSTATUS=fine", 0, pack_sockaddr_un($p)) or die "$p: $!"; sleep 1000'
  sleep 0.5
  lacks READY "$(< "$T/notified")"
  run_ok exec c touch /go
  eventually 20 grep -q READY=1 "$T/notified"
  eventually 5 grep -q "MAINPID=" "$T/notified"
  notify STOP
  wait "$LISTENER"
}

@test "--sdnotify healthy: ready when a health check has passed, and not before" {
  import_busybox
  notify_listener
  NOTIFY_SOCKET=$T/notify run_ok run -d --sdnotify healthy --health-cmd 'test -e /ok' --health-interval 100ms --name c busybox sleep 1000
  sleep 0.5
  lacks READY "$(< "$T/notified")"
  run_ok exec c touch /ok
  eventually 20 grep -q READY=1 "$T/notified"
  contains "MAINPID=$(coracle inspect -f '{{.State.ConmonPid}}' c)" "$(< "$T/notified")"
  notify STOP
  wait "$LISTENER"
  run_fails 125 run -d --sdnotify healthy busybox sleep 1000
}

@test "--sdnotify ignore gives the container no socket" {
  import_busybox
  NOTIFY_SOCKET=$T/notify run_ok run --rm --sdnotify ignore busybox sh -c 'echo "${NOTIFY_SOCKET:-none}"'
  equals none
}

@test "the log driver passthrough hands over our own output" {
  import_busybox
  coracle run --name c --log-driver passthrough busybox sh -c 'readlink /proc/1/fd/1; echo to-err >&2' > "$T/file" 2> "$T/file-err"
  equals to-err "$(< "$T/file-err")"
  contains "/file" "$(< "$T/file")"
  run_fails 125 logs c
}

# expects FILE: what expect does with FILE, a script with spawn commands.
expects() { expect "$1" < /dev/null > "$T/expect.log" 2>&1 3>&- 4>&- || fail "expect: $? $(< "$T/expect.log")"; }

@test "detach keys leave exec and attach, and the container runs on" {
  require expect
  import_busybox
  run_ok run -dit --name c busybox sh
  cat > "$T/script" << EOF
set timeout 30
spawn -noecho $CORACLE --root $CORACLE_ROOT --runroot $CORACLE_RUNROOT exec -it c sh
expect "# " {} default {exit 90}
send "echo in-\\\\exec\r"
expect "in-exec" {} default {exit 91}
send "\x10\x11"
expect eof
set code [lindex [wait] 3]
if {\$code != 0} {exit 92}
spawn -noecho $CORACLE --root $CORACLE_ROOT --runroot $CORACLE_RUNROOT attach --detach-keys ctrl-x,x c
send "echo in-\\\\attach\r"
expect "in-attach" {} default {exit 93}
send "\x18x"
expect eof
exit [lindex [wait] 3]
EOF
  expects "$T/script"
  run_ok ps --format '{{.Names}} {{.State}}'
  equals "c running"
}

@test "a full disk: one line, nothing half made, and removal works" {
  require root
  import_busybox
  run_ok create --name old busybox sh -c 'echo ran'
  # A small file system over the store's directory of containers.
  local d=$CORACLE_ROOT
  unshare -m sh -ec '
    mkdir "$1.small"; mount -t tmpfs -o size=12m none "$1.small"; cp -a "$1/." "$1.small/"; mount --move "$1.small" "$1"
    dd if=/dev/zero of="$1/filler" bs=4k 2> /dev/null || true
    if "$CORACLE" --root "$1" --runroot "$2" create --name new busybox true 2> "$3/err"; then echo "created on a full disk"; exit 1; fi
    grep -q "^Error: .*No space left on device" "$3/err" || { cat "$3/err"; exit 1; }
    [ "$(wc -l < "$3/err")" = 1 ] || { cat "$3/err"; exit 1; }
    if "$CORACLE" --root "$1" --runroot "$2" import -q "$4" two 2> "$3/err"; then echo "imported on a full disk"; exit 1; fi
    grep -q "^Error: .*No space left on device" "$3/err" || { cat "$3/err"; exit 1; }
    [ "$("$CORACLE" --root "$1" --runroot "$2" ps -a --format "{{.Names}}")" = old ]
    [ "$("$CORACLE" --root "$1" --runroot "$2" images -q | wc -l)" = 1 ]
    [ -z "$(find "$1/tmp" "$1/trash" -mindepth 1)" ] || { find "$1/tmp" "$1/trash"; exit 1; }
    # What needs no space goes on working: a run in memory alone is refused or runs, removal works.
    "$CORACLE" --root "$1" --runroot "$2" rm old > /dev/null
    "$CORACLE" --root "$1" --runroot "$2" rmi busybox > /dev/null
    rm "$1/filler"
    "$CORACLE" --root "$1" --runroot "$2" import -q "$4" two > /dev/null
    "$CORACLE" --root "$1" --runroot "$2" run --rm two true
  ' sh "$d" "$CORACLE_RUNROOT" "$T" "$(fixture busybox)" 3>&- 4>&-
  rmdir "$d.small"
}

@test "a controller that is missing: an error for who asks for its limits, nothing for others" {
  require root cgroup:memory
  [ -d /sys/fs/cgroup/memory ] || skip "needs cgroup v1's memory hierarchy"
  import_busybox
  ERR=$T/err unshare -m sh -c '
    umount -l /sys/fs/cgroup/memory || exit 3
    shift
    "$CORACLE" "$@" run --rm busybox true || exit 4
    "$CORACLE" "$@" run --rm --memory 64m busybox true 2> "$ERR"
    [ $? = 125 ] || exit 5' sh x --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" 3>&- 4>&- < <(:) || fail "exit code $?"
  contains "memory" "$(< "$T/err")"
}

@test "systemd asks a unit's monitor to end: that is for a container in a cgroup elsewhere, whatever its restart policy" {
  require cgroup:pids
  import_busybox
  run_ok --cgroup-manager cgroupfs run -d --name c --restart always --stop-signal USR1 busybox \
    sh -c 'trap "exit 5" USR1; echo ready; while :; do sleep 0.1; done'
  logged() { coracle logs c | grep -q ready; }
  eventually 10 logged
  kill -TERM "$(coracle inspect -f '{{.State.ConmonPid}}' c)"
  run_ok wait c
  equals 5
  run_ok inspect -f '{{.State.Running}}' c
  equals false
}
