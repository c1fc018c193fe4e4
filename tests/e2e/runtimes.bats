# Other OCI runtimes under our monitor, and what the monitor tells others of.
load helpers

@test "--runtime NAME lets another OCI runtime run the container" {
  require root runc
  import_busybox
  equals "$(printf 'hello')" "$(coracle run --rm --runtime runc busybox echo hello)"
  run_status 7 run --rm --runtime runc busybox sh -c 'exit 7'
  run_fails 127 run --rm --runtime runc busybox nosuch
  # The global option is kept for later starts.
  run_ok --runtime runc create --name c busybox sleep 1000
  run_ok start c
  run_ok inspect -f '{{.OCIRuntime}} {{.State.Running}}' c
  equals "runc true"
  run_ok exec c echo inside
  equals inside
  run_ok pause c
  run_ok ps --format '{{.State}}'
  equals paused
  run_ok unpause c
  run_ok stop -t 0 c
  run_ok inspect -f '{{.State.ExitCode}}' c
  equals 137
  run_ok rm c
}

@test "limits and a terminal under another runtime" {
  require root runc cgroup:memory expect
  import_busybox
  run_ok run --rm --runtime runc --memory 64m busybox sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2> /dev/null || true'
  equals "$((64 << 20))"
  cat > "$T/terminal.exp" << EOF
set timeout 30
spawn -noecho $CORACLE --root $CORACLE_ROOT --runroot $CORACLE_RUNROOT run --rm -it --runtime runc busybox sh
expect "# " {} default {exit 98}
send "test -t 0 && echo is-a\\\\-tty\r"
expect "is-a-tty" {} default {exit 99}
send "exit 3\r"
expect eof
exit [lindex [wait] 3]
EOF
  status=0
  expect "$T/terminal.exp" < /dev/null 3>&- 4>&- || status=$?
  equals 3 "$status"
}

@test "a killed monitor takes the container of another runtime along" {
  require root runc
  import_busybox
  run_ok run -d --name c --runtime runc busybox sleep 1000
  local pid
  pid=$(coracle inspect -f '{{.State.Pid}}' c)
  kill -KILL "$(coracle inspect -f '{{.State.ConmonPid}}' c)"
  run_ok ps -a --format '{{.State}}'
  equals exited
  eventually 10 sh -c "! kill -0 $pid 2> /dev/null"
}

@test "an unknown runtime is refused before anything is made" {
  import_busybox
  run_fails 125 run --runtime nosuch busybox true
  contains "OCI runtime nosuch" "$stderr"
  run_fails 125 create --runtime /etc/passwd busybox true
  run_ok ps -aq
  equals ""
}
