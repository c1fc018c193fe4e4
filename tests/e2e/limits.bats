# Limits bite.
load helpers

@test "--memory kills a hog: 137, and inspect says why" {
  require cgroup:memory
  import_busybox
  run_status 137 run --name hog --memory 64m busybox sh -c 'x=$(head -c 200000000 /dev/zero | tr "\0" x); echo ${#x}'
  run_ok inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' hog
  equals "true 137"
}

@test "--pids-limit stops a fork bomb" {
  require cgroup:pids
  import_busybox
  # The inner shell ends when it can't fork; the outer one counts by itself what it left.
  run_ok run --rm --pids-limit 20 busybox sh -c '(while :; do sleep 100 & done) 2> /dev/null; set -- /proc/[0-9]*; echo $#'
  [ "$output" -le 20 ]
  [ "$output" -ge 15 ]
}

@test "--cpus halves a spinner" {
  require cgroup:cpu
  import_busybox
  run_ok run -d --name spin --cpus 0.5 busybox sh -c 'while :; do :; done'
  local pid before after
  pid=$(coracle inspect -f '{{.State.Pid}}' spin)
  before=$(awk '{print $14+$15}' "/proc/$pid/stat")
  sleep 2
  after=$(awk '{print $14+$15}' "/proc/$pid/stat")
  # 200 ticks pass in two seconds: about 100 are its share.
  [ $((after - before)) -le 130 ]
  [ $((after - before)) -ge 40 ]
}

@test "--cpuset-cpus pins it" {
  require cgroup:cpuset
  import_busybox
  run_ok run --rm --cpuset-cpus 0 busybox grep Cpus_allowed_list /proc/self/status
  contains $'\t0'
  lacks "0-"
}

@test "limits that cannot be applied are refused, by name" {
  require rootless
  import_busybox
  if has_controller memory; then skip "this user has the memory controller"; fi
  run_fails 125 run --rm --memory 64m busybox true
  contains memory "$stderr"
}

@test "limits nobody asked for: 2048 processes, and as much swap as memory" {
  require cgroup:pids cgroup:memory
  import_busybox
  run_ok run -d --name x --memory 64m busybox sleep 1000
  run_ok inspect -f '{{.HostConfig.PidsLimit}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' x
  equals "2048 67108864 134217728"
  local pid pids memory
  pid=$(coracle inspect -f '{{.State.Pid}}' x)
  pids=/sys/fs/cgroup/pids$(sed -n 's/^[0-9]*:pids://p' "/proc/$pid/cgroup")
  memory=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' "/proc/$pid/cgroup")
  if [ -e "$pids/pids.max" ]; then equals 2048 "$(< "$pids/pids.max")"; fi
  if [ -e "$memory/memory.memsw.limit_in_bytes" ]; then equals 134217728 "$(< "$memory/memory.memsw.limit_in_bytes")"; fi
  local unified
  unified=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
  if [ -e "$unified/pids.max" ]; then equals 2048 "$(< "$unified/pids.max")"; fi
  if [ -e "$unified/memory.swap.max" ]; then equals 67108864 "$(< "$unified/memory.swap.max")"; fi
  # What is asked for wins.
  run_ok create --name own --memory 64m --memory-swap 64m --pids-limit 20 busybox true
  run_ok inspect -f '{{.HostConfig.PidsLimit}} {{.HostConfig.MemorySwap}}' own
  equals "20 67108864"
  run_ok create --name none --memory 64m --memory-swap -1 --pids-limit -1 busybox true
  run_ok inspect -f '{{.HostConfig.PidsLimit}} {{.HostConfig.MemorySwap}}' none
  equals "-1 -1"
  run_ok create --name plain busybox true
  run_ok inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' plain
  equals "0 0"
}

@test "an AppArmor profile that nobody would apply is refused" {
  import_busybox
  run_ok run --rm --security-opt apparmor=unconfined busybox echo fine
  if [ "$(cat /sys/module/apparmor/parameters/enabled 2> /dev/null)" = Y ]; then
    run_fails 125 run --rm --security-opt apparmor=no-such-profile busybox true
    contains no-such-profile "$stderr"
    return
  fi
  run_fails 125 run --rm --security-opt apparmor=docker-default busybox true
  contains "AppArmor is not enabled" "$stderr"
}

@test "--cgroups split needs cgroup v2, and modes that are none" {
  import_busybox
  if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
    run_fails 125 run --rm --cgroups split busybox true
    contains "cgroup v2 only" "$stderr"
  fi
  run_fails 125 run --rm --cgroups half busybox true
  contains "enabled, disabled, no-conmon or split" "$stderr"
}

@test "who tells systemd of readiness stays in the unit's cgroup" {
  import_busybox
  NOTIFY_SOCKET=$T/none run_ok create --name x busybox true
  run_ok inspect --format '{{.HostConfig.Cgroups}}' x
  equals no-conmon
  NOTIFY_SOCKET=$T/none run_ok create --name y --sdnotify ignore busybox true
  run_ok inspect --format '{{.HostConfig.Cgroups}}' y
  equals enabled
}

# What the kernel has for container $1: limit FILE of controller $2, in v1 or v2.
limit_of() {
  local pid v1 v2
  pid=$(coracle inspect -f '{{.State.Pid}}' "$1")
  v1=/sys/fs/cgroup/$2$(sed -n "s/^[0-9]*:\(.*,\)\?$2\(,.*\)\?://p" "/proc/$pid/cgroup")
  v2=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
  if [ -e "$v1/$3" ]; then cat "$v1/$3"; else cat "$v2/$4"; fi
}

@test "update changes limits of what runs, and of its next start" {
  require cgroup:memory cgroup:pids cgroup:cpu
  import_busybox
  run_ok run -d --name c --memory 64m --pids-limit 20 busybox sleep 600
  run_ok update --memory 96m --pids-limit 30 --cpus 0.5 c
  equals c
  equals 100663296 "$(limit_of c memory memory.limit_in_bytes memory.max)"
  equals 30 "$(limit_of c pids pids.max pids.max)"
  limit_of c cpu cpu.cfs_quota_us cpu.max | grep -q '^50000' || fail "no quota"
  run_ok inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}' c
  equals "100663296 201326592 30 500000000"
  # Down again, below the memory and swap of before.
  run_ok update --memory 32m c
  equals 33554432 "$(limit_of c memory memory.limit_in_bytes memory.max)"
  run_ok restart -t 0 c
  equals 33554432 "$(limit_of c memory memory.limit_in_bytes memory.max)"
  equals 30 "$(limit_of c pids pids.max pids.max)"
  # What was not named stays; what cannot be is refused and changes nothing.
  run_fails 125 update --memory 1k c
  run_fails 125 update --memory-swap 16m c
  run_fails 125 update --cpus 0.5 --cpu-quota 1000 c
  run_fails 125 update c
  run_fails 125 update --memory 64m nobody
  equals 33554432 "$(limit_of c memory memory.limit_in_bytes memory.max)"
  # One that does not run has it when it starts.
  run_ok create --name later busybox sleep 600
  run_ok update --pids-limit 40 later
  run_ok start later
  equals 40 "$(limit_of later pids pids.max pids.max)"
}

@test "update pins what runs, in a cgroup that it did not have before" {
  require cgroup:cpuset
  import_busybox
  run_ok run -d --name c busybox sleep 600
  run_ok update --cpuset-cpus 0 c
  local pid
  pid=$(coracle inspect -f '{{.State.Pid}}' c)
  grep -q '^Cpus_allowed_list:[[:space:]]0$' "/proc/$pid/status" || fail "$(grep Cpus_allowed_list "/proc/$pid/status")"
  run_ok restart -t 0 c
  run_ok exec c grep Cpus_allowed_list /proc/self/status
  contains $'\t0'
}

@test "update changes the restart policy of what runs" {
  import_busybox
  # Without one before: the monitor has forgotten how to start it.
  run_ok run -d --name c busybox sh -c 'echo tick; sleep 1'
  run_ok update --restart always c
  run_ok inspect -f '{{.HostConfig.RestartPolicy.Name}}' c
  equals always
  run_ok events --stream=false --filter event=update --format '{{.Name}}'
  equals c
  ticks() { [ "$(coracle logs c | grep -c tick)" -ge 3 ]; }
  eventually 20 ticks
  run_ok update --restart no c
  ended() { [ "$(coracle inspect -f '{{.State.Status}}' c)" = exited ]; }
  eventually 20 ended
  run_fails 125 update --restart sometimes c
  run_ok run -d --rm --name gone busybox sleep 600
  run_fails 125 update --restart always gone
}
