# Kills, races and hostile hosts: nothing is lost, nothing is left.
load helpers

@test "a killed monitor takes its container with it, and the next command cleans up" {
  import_busybox
  run_ok run -d --name m busybox sleep 1000
  local monitor pid
  monitor=$(coracle inspect -f '{{.State.ConmonPid}}' m)
  pid=$(coracle inspect -f '{{.State.Pid}}' m)
  kill -KILL "$monitor"
  eventually 10 sh -c "! kill -0 $pid 2> /dev/null"
  run_ok ps -a --format '{{.Names}} {{.State}}'
  equals "m exited"
  run_ok start m
  run_ok exec m echo alive
  equals alive
}

@test "a killed monitor of a --rm container leaves no container" {
  import_busybox
  run_ok run -d --rm --name m busybox sleep 1000
  kill -KILL "$(coracle inspect -f '{{.State.ConmonPid}}' m)"
  eventually 10 sh -c "[ -z \"\$('$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' ps -aq)\" ]"
}

@test "a killed CLI in the foreground leaves the container running" {
  import_busybox
  "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" run --name c busybox sleep 1000 3>&- 4>&- &
  local cli=$!
  eventually 10 sh -c "[ -n \"\$('$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' ps -q)\" ]"
  kill -KILL "$cli"
  wait "$cli" || true
  run_ok ps --format '{{.Names}}'
  equals c
}

@test "a CLI killed at any moment of run --rm leaves nothing or a running container" {
  import_busybox
  local i
  for i in $(seq 0 24); do
    "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" run --rm busybox sleep 1000 3>&- 4>&- &
    sleep "0.0$(printf %02d "$i")"
    kill -KILL $! 2> /dev/null || true
    wait $! || true
  done
  # A monitor that was just being born may still be on its way.
  sleep 0.3
  run_ok ps -a --format '{{.State}}'
  lacks created
}

@test "a monitor killed at any moment leaves nothing running" {
  import_busybox
  local i pid
  for i in $(seq 0 14); do
    "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" run -d --name "m$i" busybox sleep 1000 > /dev/null 2>&1 3>&- 4>&- &
    sleep "0.0$(printf %02d "$i")"
    # The monitor is the child of the CLI.
    for pid in $(pgrep -P $! || true); do kill -KILL "$pid" 2> /dev/null || true; done
    wait $! || true
  done
  run_ok ps -a --format '{{.Names}} {{.State}}'
  [ -z "$output" ] || coracle rm -f -t 0 -a
}

@test "of many with one name, one wins and the others say so" {
  import_busybox
  local i
  for i in $(seq 40); do
    echo "$i"
  done | xargs -P 8 -I{} sh -c "'$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' run -d --name one busybox sleep 1000 > '$T/out.{}' 2> '$T/err.{}' || true"
  [ "$(cat "$T"/out.* | wc -l)" = 1 ]
  [ "$(cat "$T"/err.* | grep -c 'already in use')" = 39 ]
  run_ok ps -aq
  [ "${#lines[@]}" = 1 ]
}

@test "eight at a time, many short runs" {
  import_busybox
  seq 40 | xargs -P 8 -I{} sh -c "'$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' run --rm busybox echo {} >> '$T/out'"
  [ "$(sort -n "$T/out" | uniq | wc -l)" = 40 ]
}

@test "a working directory that was removed" {
  import_busybox
  mkdir "$T/gone"
  cd "$T/gone"
  rmdir "$T/gone"
  run_ok run --rm busybox echo fine
  equals fine
}
