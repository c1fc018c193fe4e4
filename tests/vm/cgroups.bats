# Limits on cgroup v2 alone, under both managers, for all kinds of users.
load helpers

hog='x=$(head -c 200000000 /dev/zero | tr "\0" x); echo ${#x}'

@test "memory: a hog is killed, and inspect says why" {
  for manager in systemd cgroupfs; do
    run_as root 137 "coracle --cgroup-manager $manager run --name $manager --memory 32m busybox sh -c '$hog'"
    run_as root 0 "coracle inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' $manager"
    equals "true 137"
  done
  for who in user login plain; do
    run_as "$who" 137 "coracle run --name hog --memory 32m busybox sh -c '$hog'"
    run_as "$who" 0 "coracle inspect -f '{{.State.OOMKilled}}' hog; coracle rm hog"
    contains true
  done
}

@test "pids, cpu and swap stand in the container's own cgroup" {
  local options='--pids-limit 20 --cpus 0.5 --memory 64m --memory-swap 96m'
  local look='cd /sys/fs/cgroup; cat pids.max cpu.max memory.max memory.swap.max'
  for who in root user login plain; do
    run_as "$who" 0 "coracle run --rm $options busybox sh -c '$look' | xargs"
    equals "20 50000 100000 67108864 33554432"
  done
}

@test "pids: a fork bomb ends" {
  for who in root user; do
    run_as "$who" 0 "coracle run --rm --pids-limit 20 busybox sh -c '(while :; do sleep 100 & done) 2> /dev/null; set -- /proc/[0-9]*; echo \$#'"
    [ "$output" -le 20 ] && [ "$output" -ge 10 ]
  done
}

@test "cpu: a spinner is throttled" {
  run_as root 0 "coracle run --rm --cpus 0.2 busybox sh -c 'timeout 2 sh -c \"while :; do :; done\"; grep nr_throttled /sys/fs/cgroup/cpu.stat'"
  [ "${output##* }" -ge 3 ]
}

@test "cpuset: pinned where the controller is delegated, refused by name where not" {
  run_as root 0 "coracle run --rm --cpuset-cpus 1 busybox grep Cpus_allowed_list /proc/self/status"
  equals 1 "${output##*$'\t'}"
  # Debian's user@.service delegates cpu, memory and pids.
  run_as user 125 "coracle run --rm --cpuset-cpus 1 busybox true"
  contains cpuset "$stderr"
}

@test "io: a device's limit" {
  run_as root 0 "coracle run --rm --device-write-bps /dev/nvme0n1:1mb busybox cat /sys/fs/cgroup/io.max"
  contains "wbps=1048576"
}

@test "devices: what is not allowed can be made, but not opened" {
  run_as root 0 "coracle run --rm --cap-add MKNOD busybox sh -c 'mknod /disk b 259 0 && ! head -c 1 /disk 2>&1'"
  contains "Operation not permitted"
  run_as root 0 "coracle run --rm --cap-add MKNOD --device-cgroup-rule 'b 259:* r' busybox sh -c 'mknod /disk b 259 0 && head -c 1 /disk | wc -c; ! true > /disk'"
  equals 1
}

@test "pause stops what runs, unpause lets it go on" {
  for who in root user login; do
    run_as "$who" 0 "coracle run -d --name p busybox sh -c 'while :; do echo; sleep 0.1; done' > /dev/null; coracle pause p
      coracle inspect -f '{{.State.Status}}' p; a=\$(coracle logs p | wc -l); sleep 1; [ \$a = \$(coracle logs p | wc -l) ] || echo runs on
      coracle unpause p; sleep 1; [ \$a -lt \$(coracle logs p | wc -l) ] && echo goes on; coracle rm -f -t 0 p"
    equals "p paused p goes on p" "$(xargs <<< "$output")"
  done
}

@test "exec joins the container's cgroup and dies with it" {
  for who in root user login plain; do
    run_as "$who" 0 "coracle run -d --name e --pids-limit 30 busybox sleep 1000 > /dev/null; coracle exec e cat /sys/fs/cgroup/pids.max /proc/self/cgroup
      coracle exec -d e sleep 2000; sleep 0.5; coracle rm -f -t 0 e; pgrep -fx 'sleep [12]000' || echo gone"
    equals "30 0::/ e gone" "$(xargs <<< "$output")"
  done
}
