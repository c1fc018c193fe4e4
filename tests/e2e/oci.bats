# `coracle oci`: the command line that other engines drive a runtime with.
load helpers

setup() {
  coracle_setup
  require root
  B=$T/bundle O=$T/oci ID=oci-$BATS_TEST_NUMBER-$$
  busybox_rootfs "$B/rootfs"
}
teardown() {
  local id
  for id in $(oci list -q 2> /dev/null); do oci delete --force "$id" || true; done
  [ -z "$(find /sys/fs/cgroup -type d -name "$ID" 2> /dev/null)" ] || fail "a cgroup of $ID is left" || return 1
  coracle_teardown
}

oci() { "$CORACLE" oci --root "$O" "$@" 3>&- 4>&-; }
# bundle SCRIPT: a bundle whose process is sh with that script (without double quotes), without a terminal.
bundle() {
  local script=${1//&/\\&}
  rm -f "$B/config.json"
  oci spec --bundle "$B"
  sed -i -e 's/"terminal": true/"terminal": false/' \
    -e "s|^\\( *\\)\"sh\"\$|\\1\"sh\", \"-c\", \"$script\"|" "$B/config.json"
}
# refused ARGS...: `oci ARGS...` must fail; its words are in $T/err. (A plain `!` is no test: bats passes over it.)
refused() {
  if oci "$@" > /dev/null 2> "$T/err" < /dev/null; then fail "oci $*: is not refused"; fi
}
status_of() { oci state "$1" | sed -n 's/.*"status": "\(.*\)".*/\1/p'; }
is() { [ "$(status_of "$1")" = "$2" ]; }

@test "run gives the program's output and exit code, and leaves nothing" {
  bundle 'echo out; echo err >&2; exit 3'
  code=0
  oci run -b "$B" "$ID" > "$T/out" 2> "$T/err" || code=$?
  equals 3 "$code"
  equals out "$(< "$T/out")"
  equals err "$(< "$T/err")"
  equals "" "$(oci list -q)"
}

@test "create, start, kill and delete go through the states of the specification" {
  bundle "trap 'exit 5' TERM; echo started; while :; do sleep 0.1; done"
  oci create -b "$B" --pid-file "$T/pid" "$ID" > "$T/out" < /dev/null
  is "$ID" created
  equals "" "$(< "$T/out")"
  pid=$(< "$T/pid")
  [ -d "/proc/$pid" ]
  refused create -b "$B" "$ID"
  contains "exists" "$(< "$T/err")"
  oci start "$ID"
  is "$ID" running
  eventually 5 grep -q started "$T/out"
  refused start "$ID"
  refused delete "$ID"
  contains "not stopped" "$(< "$T/err")"
  oci kill "$ID" TERM
  eventually 5 is "$ID" stopped
  refused kill "$ID" TERM
  contains "container not running" "$(< "$T/err")"
  oci delete "$ID"
  refused state "$ID"
  contains "does not exist" "$(< "$T/err")"
  refused delete "$ID"
  oci delete --force "$ID"
}

@test "delete --force ends a created, a running and a paused container" {
  bundle 'while :; do sleep 0.1; done'
  for state in created running paused; do
    oci create -b "$B" --pid-file "$T/pid" "$ID" < /dev/null > /dev/null
    [ "$state" = created ] || oci start "$ID"
    [ "$state" != paused ] || oci pause "$ID"
    is "$ID" "$state"
    oci delete --force "$ID"
    equals "" "$(tr '\0' ' ' < "/proc/$(< "$T/pid")/cmdline" 2> /dev/null)"  # a zombie has no command line
    equals "" "$(oci list -q)"
  done
}

@test "exec joins the container and gives the exit code, also of what is not there" {
  bundle 'while :; do sleep 0.1; done'
  oci create -b "$B" "$ID" < /dev/null > /dev/null
  oci start "$ID"
  code=0
  oci exec --env X=y --cwd /tmp --user 5:6 "$ID" sh -c 'echo $X; pwd; id -u; id -g; cat /proc/1/cmdline; exit 7' > "$T/out" || code=$?
  equals 7 "$code"
  contains "y
/tmp
5
6
sh" "$(tr '\0' ' ' < "$T/out")"
  code=0
  oci exec "$ID" no-such-program 2> "$T/err" || code=$?
  equals 255 "$code"
  contains "no-such-program" "$(< "$T/err")"
  oci pause "$ID"
  refused exec "$ID" true
  contains paused "$(< "$T/err")"
  oci resume "$ID"
  oci exec --detach --pid-file "$T/exec-pid" "$ID" sleep 100
  contains "$(< "$T/exec-pid")" "$(oci ps "$ID")"
  contains "sleep 100" "$(oci ps "$ID")"
}

@test "update changes limits of a running container, and those of new controllers" {
  require cgroup:memory cgroup:pids cgroup:cpu
  bundle 'while :; do sleep 0.1; done'
  oci create -b "$B" "$ID" < /dev/null > /dev/null
  oci start "$ID"
  oci update --memory 64m --pids-limit 30 --cpu-quota 50000 "$ID"
  contains "$((64 << 20))" "$(cat "/sys/fs/cgroup/memory/$ID/memory.limit_in_bytes" "/sys/fs/cgroup/$ID/memory.max" 2> /dev/null)"
  contains 50000 "$(cat "/sys/fs/cgroup/cpu/$ID/cpu.cfs_quota_us" "/sys/fs/cgroup/$ID/cpu.max" 2> /dev/null)"
  echo '{"pids": {"limit": 40}}' | oci update -r - "$ID"
  contains 40 "$(cat "/sys/fs/cgroup/pids/$ID/pids.max" "/sys/fs/cgroup/$ID/pids.max" 2> /dev/null)"
  refused update --memory nonsense "$ID"
  contains "--memory" "$(< "$T/err")"
}

@test "hooks run in their order, poststop at the deletion" {
  bundle true
  local hook
  cat > "$T/hook" << EOF
#!/bin/sh
cat > /dev/null
echo "\$1" >> "$T/hooks"
EOF
  chmod 755 "$T/hook"
  jq --arg path "$T/hook" '.hooks = {createRuntime: [{path: $path, args: ["hook", "createRuntime"]}],
    poststart: [{path: $path, args: ["hook", "poststart"]}], poststop: [{path: $path, args: ["hook", "poststop"]}]}' \
    "$B/config.json" > "$T/config" && mv "$T/config" "$B/config.json"
  oci create -b "$B" "$ID" < /dev/null > /dev/null
  equals createRuntime "$(< "$T/hooks")"
  oci start "$ID"
  oci delete --force "$ID"
  equals "createRuntime poststart poststop" "$(tr '\n' ' ' < "$T/hooks" | sed 's/ $//')"
}

@test "errors go to --log as JSON lines" {
  refused --log "$T/log" --log-format json state nobody
  contains '"level":"error"' "$(< "$T/log")"
  contains '"msg":"container nobody does not exist"' "$(< "$T/log")"
}

@test "an id cannot leave the state directory" {
  bundle true
  for id in ../x . .. /etc a/b '' .hidden; do
    refused create -b "$B" "$id"
    refused delete --force "$id"
  done
  [ ! -e "$T/x" ]
}

@test "a create that was killed can be deleted and leaves no process" {
  bundle 'sleep 1000'
  for delay in 0 0.001 0.002 0.003 0.004 0.005 0.006 0.007 0.008 0.01; do
    # Not by the function oci: then $! would be a shell, and create would go on without it.
    "$CORACLE" oci --root "$O" create -b "$B" "$ID" < /dev/null > /dev/null 2>&1 3>&- 4>&- &
    creator=$!
    sleep "$delay"
    kill -KILL "$creator" 2> /dev/null || true
    wait "$creator" || true
    oci delete --force "$ID"
    equals "" "$(oci list -q)"
    equals "" "$(find /sys/fs/cgroup -type d -name "$ID")"
  done
}

@test "the program called coracle-oci is an OCI runtime, and podman can use it" {
  ln -s "$CORACLE" "$T/coracle-oci"
  contains "spec: " "$("$T/coracle-oci" --version)"
  contains '"ociVersionMax"' "$("$T/coracle-oci" features)"
  require podman
  # Limits above our own hard limits would be refused; no network, so that nothing of the host's is needed.
  printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\npids_limit = 0\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n' > "$T/containers.conf"
  export CONTAINERS_CONF=$T/containers.conf
  pod() { podman --root "$T/p" --runroot "$T/pr" --runtime "$T/coracle-oci" "$@" 3>&- 4>&-; }
  pod import -q "$(fixture busybox)" oci-test > /dev/null 2>&1
  code=0
  equals hello "$(pod run --rm --network none oci-test sh -c 'echo hello')"
  pod run --rm --network none oci-test sh -c 'exit 4' || code=$?
  equals 4 "$code"
  pod run -d --name "$ID" --network none oci-test sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' > /dev/null
  code=0
  pod exec "$ID" sh -c 'exit 9' || code=$?
  equals 9 "$code"
  pod stop -t 5 "$ID" > /dev/null
  equals "exited 0" "$(pod inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$ID")"
  pod rm -f "$ID" > /dev/null
  pod rmi -f oci-test > /dev/null
  umount "$T/p/overlay" 2> /dev/null || true  # podman's own, kept on purpose
}
