#!/usr/bin/env bats
# stats: what containers use.

load helpers

# bytes TEXT: of of "1.5kB".
bytes() {
  python3 -c 'import re,sys
n,u=re.fullmatch(r"([0-9.]+)([kMGT]?)i?B",sys.argv[1]).groups()
print(int(float(n)*1000**" kMGT".index(u or " ")))' "$1"
}

@test "a table of those that run; the columns say what a container does" {
  import_busybox
  run_ok run -d --name busy --network none busybox sh -c 'while :; do :; done'
  run_ok run -d --name idle --network none busybox sleep 100
  run_ok create --name never --network none busybox true
  run_ok stats --no-stream
  [[ ${lines[0]} =~ ^ID\ +NAME\ +CPU\ %\ +MEM\ USAGE\ /\ LIMIT\ +MEM\ %\ +NET\ IO\ +BLOCK\ IO\ +PIDS\ +CPU\ TIME\ +AVG\ CPU\ %$ ]] ||
    fail "${lines[0]}"
  equals 3 "${#lines[@]}"
  lacks never
  run_ok stats --no-stream --format '{{.Name}} {{.CPU}} {{.CPUNano}} {{.PIDs}}' busy
  local name cpu nanos pids
  read -r name cpu nanos pids <<< "$output"
  equals busy "$name"
  [ "${cpu%.*}" -ge 10 ] || fail "CPU $cpu%"
  [ "$nanos" -gt 10000000 ] || fail "$nanos ns"
  equals 1 "$pids"
  run_ok stats --no-stream --format '{{.CPU}}' idle
  [ "${output%.*}" -lt 5 ] || fail "idle, and yet CPU $output%"
  run_ok stats --no-stream -a --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}}'
  contains 'never -- -- / -- -- / --'
}

@test "memory follows what the container holds, the limit is its own" {
  import_busybox
  local limit=()
  ! has_controller memory || limit=(-m 64m)
  run_ok run -d --name m "${limit[@]}" --network none busybox sh -c \
    'x=$(head -c 10000000 /dev/zero | tr "\0" x); echo ready; sleep 100; echo "$x"'
  eventually 10 eval '[ "$(coracle logs m)" = ready ]'
  run_ok stats --no-stream --format '{{.MemUsage}}' m
  local used=${output%% / *} of=${output##* / }
  [ "$(bytes "$used")" -gt 9000000 ] || fail "$used"
  [ "$(bytes "$used")" -lt 60000000 ] || fail "$used"
  ! has_controller memory || equals 67.11MB "$of"
  run_ok container stats --no-stream --format json m
  python3 - "$output" << 'P'
import json, sys
rows = json.loads(sys.argv[1])
assert list(rows[0]) == ["id", "name", "cpu_time", "cpu_percent", "avg_cpu", "mem_usage", "mem_percent", "net_io",
                         "block_io", "pids"], rows
assert len(rows) == 1 and rows[0]["name"] == "m" and len(rows[0]["id"]) == 12, rows
assert rows[0]["mem_percent"].endswith("%") and rows[0]["pids"] == "2", rows
P
}

@test "the network columns are those of the container's own interfaces" {
  import_busybox
  run_ok network create n
  run_ok run -d --name server --network n busybox sh -c 'while :; do nc -l -p 8000 -e cat; done'
  run_ok run -d --name client --network n busybox sh -c \
    'until head -c 1000000 /dev/zero | nc server 8000 | head -c 1000000 > /dev/null; do sleep 0.1; done; echo done; sleep 100'
  eventually 20 eval '[ "$(coracle logs client)" = done ]'
  run_ok stats --no-stream --format '{{.Name}} {{.NetInput}} {{.NetOutput}}' client server
  local name in out
  while read -r name in out; do
    # A million bytes each way, and headers.
    [ "$in" -ge 1000000 ] && [ "$in" -lt 1600000 ] || fail "$name: in $in"
    [ "$out" -ge 1000000 ] && [ "$out" -lt 1600000 ] || fail "$name: out $out"
  done <<< "$output"
  run_ok stats --no-stream --format '{{.NetIO}}' client
  [[ $output =~ ^1\.[0-9]+MB\ /\ 1\.[0-9]+MB$ ]] || fail "$output"
  run_ok run -d --name lone --network none busybox sleep 100
  run_ok stats --no-stream --format '{{.NetIO}}' lone
  equals '0B / 0B'
  run_ok run -d --name host --network host busybox sleep 100
  run_ok stats --no-stream --format '{{.NetIO}}' host
  equals '-- / --'
  run_ok rm -f -t 0 client server lone host
  run_ok network rm n
}

@test "what is read and written on disks" {
  require root
  # Version 1 counts nothing for containers without a limit on it.
  grep -qw io /sys/fs/cgroup/cgroup.controllers 2> /dev/null || skip "needs cgroup v2's controller io"
  import_busybox
  run_ok run -d --name w --network none busybox sh -c 'dd if=/dev/zero of=/f bs=1M count=8 conv=fsync; echo ok; sleep 100'
  eventually 10 eval 'coracle logs w | grep -q ok'
  run_ok stats --no-stream --format '{{.BlockOutput}}' w
  # Where the store's file system has no disk of its own (tmpfs), nothing is counted.
  [ "$(stat -f -c %T "$CORACLE_ROOT")" = tmpfs ] || [ "$output" -ge 8000000 ] || fail "$output bytes written"
}

@test "a stream: new containers come in, ended ones go; it ends with who reads it, or with all it watched" {
  import_busybox
  run_ok run -d --name a --network none busybox sleep 100
  "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" stats -i 1 --format '{{.Name}}' > "$T/out" 3>&- 4>&- &
  local pid=$!
  eventually 5 grep -qx a "$T/out"
  run_ok run -d --name b --network none busybox sleep 100
  eventually 5 grep -qx b "$T/out"
  run_ok rm -f -t 0 a b
  kill "$pid"
  wait "$pid" || true
  run_ok run -d --rm --name c --network none busybox sleep 1
  run_ok stats -i 1 --format '{{.Name}}' c
  contains c
  run_ok run -d --name d --network none busybox sleep 100
  coracle stats -i 1 d | head -n 1 > "$T/first"
  grep -q '^ID' "$T/first"
}

@test "bad input" {
  import_busybox
  run_fails 125 stats --no-stream nobody
  contains 'no container with name or ID "nobody" found' "$stderr"
  run_fails 125 stats --no-stream --format '{{.Nothing'
  run_ok stats --no-stream
  equals 1 "${#lines[@]}"
  run_ok run -d --name x --network none busybox sleep 100
  run_fails 125 stats --no-stream --format '{{.Nothing}}' x
  run_fails 125 stats --no-stream x nobody
  contains x
  run_ok stats --no-stream --latest --no-trunc --format '{{.ID}}'
  equals 64 "${#output}"
}
