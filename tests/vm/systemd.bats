# Scopes, and units of the system's and of users' systemd.
load helpers

@test "a container of root is a scope with its monitor and the container in leaves of their own" {
  run_as root 0 "coracle run -d --name s busybox sleep 1000"
  local scope=coracle-$output.scope pid
  equals active "$(systemctl is-active "$scope")"
  pid=$(coracle_as_is inspect -f '{{.State.Pid}}' s)
  contains "/$scope/container" "$(< "/proc/$pid/cgroup")"
  [ "$(grep -c . "/sys/fs/cgroup$(systemctl show -P ControlGroup "$scope")/supervisor/cgroup.procs")" -ge 1 ]
  run_as root 0 "coracle stop -t 0 s"
  eventually 10 unit_gone "$scope"
}
unit_gone() { ! systemctl is-active -q "$1"; }

@test "systemctl stop ends a container, and its state says so" {
  run_as root 0 "coracle run -d --name s --stop-timeout 2 busybox sleep 1000"
  systemctl stop "coracle-$output.scope"
  run_as root 0 "timeout 20 coracle wait s > /dev/null; coracle inspect -f '{{.State.Running}}' s"
  equals false
  run_as root 0 "coracle start s && coracle inspect -f '{{.State.Running}}' s"
  contains true
}

@test "systemd stops a container as stop would: its signal, its timeout" {
  run_as root 0 "coracle run -d --name s --stop-signal RTMIN+3 --stop-timeout 3 busybox sh -c 'trap \"echo asked; exit 7\" 37; while :; do sleep 0.1; done'"
  local scope=coracle-$output.scope
  equals "37 3s" "$(systemctl show -P KillSignal "$scope") $(systemctl show -P TimeoutStopUSec "$scope")"
  systemctl stop "$scope"
  run_as root 0 "coracle wait s; coracle logs s"
  equals "7 asked" "$(xargs <<< "$output")"
  # One that does not listen is killed in time.
  run_as root 0 "coracle run -d --name deaf --stop-timeout 2 busybox sleep 1000"
  local started=$SECONDS
  systemctl stop "coracle-$output.scope"
  [ $((SECONDS - started)) -lt 15 ]
}

@test "--cgroup-parent names the slice" {
  run_as root 0 "coracle run -d --cgroup-parent test.slice busybox sleep 1000"
  equals test.slice "$(systemctl show -P Slice "coracle-$output.scope")"
  run_as root 0 "coracle rm -fa -t 0"
  run_as user 0 "coracle run -d --cgroup-parent test.slice busybox sleep 1000 > /dev/null; systemctl --user show -P Slice 'coracle-*.scope'; coracle rm -fa -t 0 > /dev/null"
  equals test.slice
}

# unit NAME KEY=VALUE... -- COMMAND: starts a service with these settings in the system's manager.
unit() {
  local name=$1 settings=()
  shift
  while [ "$1" != -- ]; do
    settings+=(-p "$1")
    shift
  done
  shift
  timeout 120 systemd-run --quiet --collect --unit "$name" "${settings[@]}" "$@" 3>&- 4>&-
}
main_of() { systemctl show -P MainPID "$1"; }

@test "Type=notify: --sdnotify conmon makes the unit ready when the container runs" {
  unit ready Type=notify NotifyAccess=all -- coracle run --rm --name n --sdnotify conmon busybox sleep 1000
  equals active "$(systemctl is-active ready)"
  [ "$(main_of ready)" != 0 ]
  # The monitor stays where systemd hears it.
  contains "/ready.service" "$(cat "/proc/$(main_of ready)/cgroup")"
  systemctl stop ready
  run_as root 0 "coracle ps -aq"
  equals ""
}

@test "Type=notify: --sdnotify container waits for the container's own word" {
  local started=$SECONDS
  unit ready Type=notify NotifyAccess=all -- coracle run --rm --name n --sdnotify container -v /usr:/usr:ro -v /lib:/lib:ro \
    -v /lib64:/lib64:ro busybox sh -c 'sleep 3; /usr/bin/systemd-notify --ready; sleep 1000'
  [ $((SECONDS - started)) -ge 3 ]
  equals active "$(systemctl is-active ready)"
  systemctl stop ready
}

@test "Type=notify with a container that ends before it is ready: the unit has failed" {
  ! unit unready Type=notify NotifyAccess=all -- coracle run --rm --sdnotify container busybox false
}

@test "Type=forking with -d and a pid file: systemd knows the monitor, Restart=on-failure starts anew" {
  unit fork Type=forking "PIDFile=$T/pid" Restart=on-failure RestartSec=100ms -- \
    coracle run -d --rm --replace --name f --conmon-pidfile "$T/pid" --cgroups no-conmon busybox sh -c 'sleep 2; exit 3'
  equals "$(< "$T/pid")" "$(main_of fork)"
  started_again() { [ "$(systemctl show -P NRestarts fork)" -ge 1 ]; }
  eventually 60 started_again
  systemctl stop fork
}

@test "--cgroups split: monitor and container lie below the unit, whose limits hold for both" {
  unit split Delegate=yes MemoryMax=100M -- coracle run --rm --name s --cgroups split --memory 50m busybox sleep 1000
  running() { [ "$(coracle_as_is inspect -f '{{.State.Running}}' s 2> /dev/null)" = true ]; }
  eventually 20 running
  local pid group
  pid=$(coracle_as_is inspect -f '{{.State.Pid}}' s)
  group=$(sed 's/^0:://' "/proc/$pid/cgroup")
  contains "/split.service/" "$group"
  equals 52428800 "$(< "/sys/fs/cgroup$group/memory.max")"
  systemctl stop split
  eventually 20 unit_gone split
  # Without delegation there is nothing to split.
  run_as login 125 "coracle run --rm --cgroups split busybox true"
  contains delegate "$stderr"
}

@test "a unit of a user: ready, limited, stopped with its container" {
  run_as user 0 "timeout 100 systemd-run --user --quiet --collect --unit mine -p Type=notify -p NotifyAccess=all -p Delegate=yes \
      coracle run --rm --name m --sdnotify conmon --memory 40m busybox sleep 1000
    systemctl --user is-active mine; coracle exec m cat /sys/fs/cgroup/memory.max; systemctl --user stop mine; coracle ps -aq"
  equals "active 41943040" "$(xargs <<< "$output")"
}

@test "SIGPIPE is as it should be in a container started where it is ignored" {
  run_as user 0 "coracle run --rm busybox grep -E 'Sig(Ign|Blk)' /proc/self/status | xargs"
  equals "SigBlk: 0000000000000000 SigIgn: 0000000000000000"
}
