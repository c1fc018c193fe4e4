# Loaded by every .bats file of this directory. The tests use each user's own store, as he would, and leave no container,
# process, scope or cgroup behind.
# shellcheck shell=bash
load ../e2e/helpers
load as

setup() { T=$(mktemp -d /tmp/t.XXXXXX) && chmod 755 "$T"; }

teardown() {
  local who left=""
  for who in root user plain; do
    [ "$(run_quietly "$who" 'coracle ps -aq | wc -l')" = 0 ] || run_quietly "$who" 'coracle rm -fa -t 0'
  done
  nothing_runs() { left=$(still_there); [ -z "$left" ]; }
  eventually 30 nothing_runs || { echo "LEFT BEHIND: $left"; rm -rf "$T"; return 1; }
  rm -rf "$T"
}
run_quietly() {
  case $1 in
    user) as login "$2" ;;
    *) as "$1" "$2" ;;
  esac 2>&1
}
still_there() {
  pgrep -a coracle
  find /sys/fs/cgroup -type d -regextype posix-extended -regex '.*[0-9a-f]{64}[^/]*'
  ip -o link show type veth
}

# run_as WHO CODE SCRIPT: the script must end with CODE. Sets $output, $stderr and $status.
run_as() {
  echo "\$ ($1) $3"
  status=0
  output=$(as "$1" "$3" 2> "$T/stderr") || status=$?
  stderr=$(< "$T/stderr")
  [ -z "$output$stderr" ] || printf '%s\n' "$output" "$stderr" | head -c 4000
  [ "$status" = "$2" ] || fail "$1: exit code $status instead of $2"
}
