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
