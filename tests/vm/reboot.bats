# After a reboot; before-reboot says what there was.
load helpers

# The containers are those of the file, not of each test.
teardown() { rm -rf "$T"; }

@test "no container runs, and those of --rm are gone" {
  run_as root 0 "coracle ps -q"
  equals ""
  run_as root 0 "coracle ps -a --format '{{.Names}}' | sort | xargs"
  equals "always created kept listens paused scopeless stopped"
  run_as user 0 "coracle ps -a --format '{{.Names}} {{.State}}'"
  equals "kept exited"
}

@test "states: what ran has exited, what was created is still that" {
  run_as root 0 "coracle inspect -f '{{.Name}} {{.State.Status}} {{.State.Pid}}' kept scopeless paused stopped created | xargs"
  equals "kept exited 0 scopeless exited 0 paused exited 0 stopped exited 0 created created 0"
}

@test "containers were stopped as stop does it, and those that do not listen in their time" {
  run_as root 0 "coracle inspect -f '{{.State.ExitCode}}' listens; coracle cp listens:/said - | tar -xO"
  equals "5 asked" "$(xargs <<< "$output")"
  local away=$(($(sed -n 's/^btime //p' /proc/stat) - $(< /var/lib/coracle-tests/down)))
  [ "$away" -lt 85 ] || fail "the machine was away for $away s"
}

@test "a container starts again, with its files, its address and its port" {
  run_as root 0 "coracle start kept && coracle exec kept cat /file && coracle port kept && coracle inspect -f '{{.NetworkSettings.IPAddress}}' kept | grep -c ."
  equals "kept content 80/tcp -> 0.0.0.0:8090 80/tcp -> [::]:8090 1" "$(xargs <<< "$output")"
  run_as user 0 "coracle start kept && coracle exec kept echo fine"
  contains fine
}

@test "a volume keeps what was written" {
  run_as root 0 "coracle run --rm -v data:/data busybox cat /data/file"
  equals kept
}

@test "start --filter restart-policy=always starts what a boot unit would" {
  run_as root 0 "coracle start --all --filter restart-policy=always"
  run_as root 0 "coracle ps --format '{{.Names}}' | sort | xargs"
  equals "always kept"
  run_as root 0 "coracle rm -fa -t 0 > /dev/null; coracle ps -aq"
  equals ""
}
