# Ordinary users: after a login, without subordinate ids, and when they log out.
load helpers

@test "in a login session a container is a scope of the user's manager" {
  run_as login 0 "coracle run -d --name l busybox sleep 1000 > /dev/null; cat /proc/\$(coracle inspect -f '{{.State.Pid}}' l)/cgroup; coracle rm -f -t 0 l"
  contains "/user@"
  contains ".scope/container"
}

@test "a detached container outlives the session of a user who lingers" {
  run_as login 0 "coracle run -d --name l busybox sleep 1000"
  sleep 2
  run_as login 0 "coracle inspect -f '{{.State.Status}}' l; coracle exec l echo still here; coracle rm -f -t 0 l"
  contains "running"
  contains "still here"
}

@test "without subordinate ids: root inside is the user, other ids are refused" {
  run_as plain 0 "coracle run --rm busybox id -u; coracle run --rm busybox sh -c 'touch /x && stat -c %u /x'"
  equals "0 0" "$(xargs <<< "$output")"
  run_as plain 125 "coracle run --rm -u 5 busybox true"
  contains "does not map" "$stderr"
}

@test "a container of a user who does not linger ends with the last session, and its state says so" {
  # It ignores SIGTERM; logind and systemd wait ten seconds each.
  run_as plain 0 "coracle run -d --name gone busybox sleep 1000"
  no_process() { ! pgrep -u coracleplain sleep > /dev/null; }
  eventually 60 no_process
  run_as plain 0 "coracle ps -a --format '{{.Names}} {{.Status}}'; coracle rm gone"
  lacks "Up "
}

@test "without a session, a manager or a delegated cgroup a run without limits works" {
  output=$(setpriv --reuid coracleplain --regid coracleplain --clear-groups env -i PATH="$PATH" HOME=/home/coracleplain \
    coracle run --rm busybox echo fine)
  equals fine
}
