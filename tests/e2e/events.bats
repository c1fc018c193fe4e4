#!/usr/bin/env bats
# events and stats.

load helpers

# events_of ARGS...: TYPE STATUS NAME of what happened, a line each.
events_of() { run_ok events --stream=false --format '{{.Type}} {{.Status}} {{.Name}}' "$@"; }

follow() { # FILE ARGS...
  local file=$1
  shift
  "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" events "$@" > "$file" 2>&1 3>&- 4>&- &
  followers+=($!)
}
setup() {
  followers=()
  coracle_setup
}
teardown() {
  local pid
  for pid in "${followers[@]}"; do
    kill "$pid" 2> /dev/null || true
    wait "$pid" || true
  done
  coracle_teardown
}
has_lines() { [ "$(wc -l < "$1")" -ge "$2" ]; }
has_text() { grep -qF -- "$2" "$1"; }
watches() { readlink "/proc/$1/fd/"* 2> /dev/null | grep -q inotify; }

@test "the life of a container is told, in order" {
  import_busybox
  run_ok run -d --name web --label a=b --network none busybox sleep 100
  local id=$output
  run_ok exec web true
  run_ok exec -d web true
  eventually 5 eval 'coracle events --stream=false | grep -c exec_died | grep -qx 2'
  local paused=()
  if is_root; then  # an ordinary user need not have a cgroup here
    run_ok pause web
    run_ok unpause web
    paused=('pause web' 'unpause web')
  fi
  run_ok rename web shop
  run_ok kill -s USR1 shop
  run_ok restart -t 0 shop
  run_ok stop -t 0 shop
  run_ok rm shop
  events_of -f container="${id:0:12}"
  equals "$(printf 'container %s\n' 'create web' 'init web' 'start web' 'exec web' 'exec_died web' 'exec web' \
    'exec_died web' "${paused[@]}" 'rename shop' 'kill shop' 'died shop' 'cleanup shop' 'stop shop' \
    'restart shop' 'init shop' 'start shop' 'died shop' 'cleanup shop' 'stop shop' 'remove shop')"
  # docker's words and members
  run_ok events --stream=false -f event=die --format '{{.Action}} {{.Actor.Attributes.exitCode}} {{.Actor.ID}}'
  equals "die 137 $id" "${lines[0]}"
  run_ok events --since 1h --until 0s -f event=destroy -f type=container --format '{{json .}}'
  contains '"Action":"destroy"'
  contains '"a":"b"'
}

@test "a foreground run with --rm: its end has its exit code, the container goes last" {
  import_busybox
  run_status 3 run --rm --name job --network none busybox sh -c 'exit 3'
  events_of -f type=container
  equals "$(printf 'container %s job\n' create init start attach died remove)"
  run_ok events --stream=false -f event=died --format '{{.ContainerExitCode}} {{.Image}}'
  equals '3 localhost/busybox:latest'
}

@test "a killed monitor's container died, says the command that finds it" {
  import_busybox
  run_ok run -d --name a --network none busybox sleep 100
  run_ok run -d --rm --name b --network none busybox sleep 100
  local name
  for name in a b; do
    kill -9 "$(coracle inspect -f '{{.State.ConmonPid}}' "$name")"
  done
  eventually 10 eval '[ "$(coracle ps -q)" = "" ]'
  events_of -f event=died -f event=remove
  contains 'container died a'
  contains 'container died b'
  contains 'container remove b'
  lacks 'container remove a'
}

@test "runs of a restart policy, and memory that ran out" {
  import_busybox
  run_ok run --name again --restart on-failure:2 --network none -d busybox false
  run_ok wait again
  eventually 5 eval '[ "$(coracle events --stream=false -f event=died -f container=again | wc -l)" = 3 ]'
  events_of -f event=restart
  equals "$(printf 'container restart again\n%.0s' 1 2)"
  if has_controller memory; then
    run_status 137 run --name big --network none -m 8m busybox sh -c 'x=; while :; do x=$x$x-----------------; done'
    events_of -f container=big -f event=oom -f event=died
    equals "$(printf 'container %s big\n' oom died)"
  fi
}

@test "images, volumes and networks" {
  import_busybox
  run_ok tag busybox other:1
  run_ok save -o "$T/i.tar" other:1
  run_ok rmi other:1
  run_ok untag busybox
  run_ok rmi "$(coracle images -q)"
  run_ok load -i "$T/i.tar"
  run_ok volume create v1
  run_ok run --rm --network none -v v2:/x -v /anon other:1 true
  run_ok volume rm v1 v2
  run_ok network create n1
  run_ok create --name c --network n1 other:1 true
  run_ok network create n2
  run_ok network connect n2 c
  run_ok network disconnect n1 c
  run_ok rm c
  run_ok network rm n1 n2
  events_of -f type=image
  equals "$(printf 'image %s\n' "import busybox" 'tag localhost/other:1' "save $T/i.tar" 'untag localhost/other:1' \
    'untag localhost/busybox:latest' 'remove ' "loadfromarchive $T/i.tar")"
  events_of -f type=volume
  equals 'volume create v1' "${lines[0]}"
  contains 'volume create v2'
  contains 'volume remove v1'
  equals 6 "${#lines[@]}"  # with the anonymous one
  events_of -f type=network
  equals "$(printf 'network %s\n' 'create n1' 'create n2' 'connect n2' 'disconnect n1' 'remove n1' 'remove n2')"
  events_of -f network=n2
  equals "$(printf 'network %s n2\n' create connect remove)"
  events_of -f volume=v1
  equals "$(printf 'volume %s v1\n' create remove)"
}

@test "followers see what happens, filtered, until their time is up or they are killed" {
  import_busybox
  follow "$T/all"
  follow "$T/some" -f event=start -f event=die -f label=keep --format '{{.Status}} {{.Name}}'
  follow "$T/json" -f type=container --format json
  local pid
  for pid in "${followers[@]}"; do eventually 5 watches "$pid"; done
  run_ok run --rm --name a --network none busybox true
  run_ok run --rm --name b --network none --label keep=1 busybox true
  eventually 5 has_lines "$T/all" 12
  eventually 5 has_lines "$T/some" 2
  equals "$(printf '%s b\n' start died)" "$(< "$T/some")"
  lacks import "$(< "$T/all")"  # was before
  python3 - "$T/json" << 'P'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
assert [e["Status"] for e in events[:6]] == ["create", "init", "start", "attach", "died", "remove"], events
assert all(e["Type"] == "container" and len(e["ID"]) == 64 and e["Time"] for e in events)
assert events[4]["ContainerExitCode"] == 0 and events[0]["Image"] == "localhost/busybox:latest"
assert events[6]["Attributes"] == {"keep": "1"}
P
  # From a time on, and until one that is yet to come.
  local before=$EPOCHREALTIME
  run_ok events --since 1h --until -1s --format '{{.Status}}'
  [ "${lines[0]}" = import ] || fail "the past is not there"
  [ $(((${EPOCHREALTIME/[.,]/} - ${before/[.,]/}) / 1000)) -ge 1000 ] || fail "ended before its time"
  run_ok events --until "$before" --since 1h -f type=image
  equals 1 "${#lines[@]}"
  run_ok events --since "$before" --stream=false
  equals ''
}

@test "a follower ends with who reads it" {
  import_busybox
  local fifo=$T/fifo
  mkfifo "$fifo"
  follow "$fifo" &
  head -n 1 "$fifo" > "$T/first" &
  local reader=$!
  sleep 0.3
  run_ok run --rm --network none busybox true
  wait "$reader"
  has_text "$T/first" ' container create '
  run_ok run --rm --network none busybox true
  eventually 5 eval '! pgrep -f "$CORACLE_RUNROOT events" > /dev/null'
}

@test "podman's line, whole ids or short ones; bad input" {
  import_busybox
  run_ok run --rm --name n --label x=y --network none busybox true
  run_ok events --stream=false -f event=start
  [[ $output =~ ^20[0-9-]{8}\ [0-9:]{8}\.[0-9]+\ [+-][0-9]{4}\ [A-Z]+\ container\ start\ [0-9a-f]{64}\ \(image=localhost/busybox:latest,\ name=n,\ x=y\)$ ]] ||
    fail "$output"
  run_ok events --stream=false -f event=start --no-trunc=false
  [[ $output =~ \ [0-9a-f]{12}\ \( ]] || fail "$output"
  run_ok events --stream=false -f image=busybox -f event=start
  equals 1 "${#lines[@]}"
  run_ok system events --stream=false -f image=nothing
  equals ''
  run_fails 125 events --stream=false -f foo=bar
  contains "foo" "$stderr"
  run_fails 125 events --stream=false --since yesterday
  contains "not a time" "$stderr"
  run_fails 125 events --stream=false --format '{{.Nothing'
  run_ok events --stream=false --format '{{.ID}}' -f event=start
  run_fails 125 events --stream=false --format '{{.Nothing}}'
}

@test "events that cannot be told, and damaged ones, are in nobody's way" {
  import_busybox
  run_ok run --rm --name a --network none busybox true
  head -c 100000 /dev/urandom >> "$CORACLE_RUNROOT/events/log"
  run_ok run --rm --name b --network none busybox true
  events_of -f event=died
  equals "$(printf 'container died %s\n' a b)"
  rm -r "$CORACLE_RUNROOT/events"
  : > "$CORACLE_RUNROOT/events"
  run_ok run --rm --name c --network none busybox echo hi
  equals hi
  events_of
  equals ''
  rm "$CORACLE_RUNROOT/events"
}

@test "240 runs by 8 at once: every event is there once, the log stays small" {
  import_busybox
  seq 240 | xargs -P 8 -I{} "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" run --rm --name r{} \
    --network none --label "l=$(head -c 600 /dev/zero | tr '\0' x)" busybox true 3>&- 4>&-
  events_of -f event=remove
  equals 240 "$(sort -u <<< "$output" | wc -l)"
  equals 240 "${#lines[@]}"
  local size
  size=$(cat "$CORACLE_RUNROOT/events/"* | wc -c)
  [ "$size" -lt 2200000 ] || fail "$size bytes of events"
}
