# Loaded by every .bats file: `load helpers`. bats calls setup and teardown around each test; a file that needs more
# defines its own and calls these from it (coracle_setup first, coracle_teardown last).
#
# Each test has a root and runroot of its own in $T, a short path (socket names are limited to 108 bytes). Afterwards
# every container is removed by force and NOTHING may be left: no process, mount, cgroup or file of the store.

# shellcheck shell=bash
: "${CORACLE:?is not set: run the tests by 'meson test' or tests/e2e/run-bats}"

setup() { coracle_setup; }
teardown() { coracle_teardown; }

coracle_setup() {
  T=$(mktemp -d "${CORACLE_TEST_DIR:-/tmp}/t.XXXXXX")
  CORACLE_ROOT=$T/root
  CORACLE_RUNROOT=$T/run
  # Neither a terminal's width nor a user's configuration may change what a test sees.
  unset COLUMNS CONTAINERS_CONF DOCKER_HOST CONTAINER_HOST CONTAINERS_REGISTRIES_CONF REGISTRY_AUTH_FILE DOCKER_CONFIG
  cgroups_before=$(empty_cgroups)
}

# The program under test on this test's store. bats' own descriptors are not passed on.
coracle() {
  "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" "$@" 3>&- 4>&-
}

# coracle_as_is ARGS...: with nothing but what is given (for --help, --version, completions).
coracle_as_is() { "$CORACLE" "$@" 3>&- 4>&-; }

# run_ok ARGS...: `coracle ARGS...` must end with 0. Sets $output (stdout), $stderr, $status and $lines (of $output).
run_ok() { run_status 0 "$@"; }

# run_fails CODE ARGS...: `coracle ARGS...` must end with CODE, and say why in one line on stderr that starts with
# "Error: ". For a command's own exit status use run_status: then nobody has to complain.
run_fails() {
  run_status "$@" || return 1  # said in full: bash forgets `set -e` where a caller tests for failure
  local errors
  errors=$(grep -c '^Error: ' <<< "$stderr" || true)
  [ "$errors" = 1 ] || fail "exit code $1 without exactly one line 'Error: ...' on stderr: $stderr"
}

# run_status CODE ARGS...: `coracle ARGS...` must end with CODE.
run_status() {
  local want=$1
  shift
  echo "\$ coracle $*"
  status=0
  # Substitution, not a file: it also waits for a process that keeps our stdout open, as callers' scripts would.
  output=$(coracle "$@" 2> "$T/stderr") || status=$?
  stderr=$(< "$T/stderr")
  # shellcheck disable=SC2034  # for the tests
  lines=()
  # shellcheck disable=SC2034
  [ -z "$output" ] || mapfile -t lines <<< "$output"
  [ -z "$output" ] || printf '%s\n' "$output" | head -c 4000
  [ -z "$stderr" ] || printf '%s\n' "$stderr" | head -c 4000 | sed 's/^/stderr: /'
  [ "$status" = "$want" ] || fail "coracle $*: exit code $status instead of $want"
}

fail() {
  echo "FAILED: $*" >&2
  return 1
}

# equals WANT [GOT]: GOT is $output unless given.
equals() {
  local got=${2-$output}
  [ "$got" = "$1" ] || fail "wanted '$1', got '$got'"
}

# contains TEXT [IN], lacks TEXT [IN]: IN is $output unless given.
contains() {
  local in=${2-$output}
  [[ "$in" == *"$1"* ]] || fail "'$1' is not in '$in'"
}
lacks() {
  local in=${2-$output}
  [[ "$in" != *"$1"* ]] || fail "'$1' is in '$in'"
}

# eventually SECONDS COMMAND...: until the command succeeds.
eventually() {
  local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
  shift
  until "$@"; do
    [ "${EPOCHREALTIME/[.,]/}" -lt "$deadline" ] || fail "not true in time: $*" || return 1
    sleep 0.02
  done
}

# podman_conf FILE [LINE...]: a containers.conf with which podman runs here, and further lines.
podman_conf() {
  local file=$1
  shift
  # Its default limits may lie above our own hard limits, which no runtime could set.
  printf '%s\n' '[containers]' 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]' 'pids_limit = 2048' \
    '[engine]' 'cgroup_manager = "cgroupfs"' 'events_logger = "none"' "$@" > "$file"
}

# fixture busybox|debian: the path of its tar.
fixture() { "$CORACLE_TESTS/fixtures" "$1"; }
# import_busybox [NAME]: the image NAME (busybox) in this test's store.
import_busybox() { run_ok import -q "$(fixture busybox)" "${1:-busybox}"; }
import_debian() { run_ok import -q "$(fixture debian)" "${1:-debian}"; }
# busybox_rootfs DIR: the same tree unpacked.
busybox_rootfs() { mkdir -p "$1" && tar -C "$1" -xf "$(fixture busybox)"; }

# as_user NAME COMMAND...: from a test that runs as root, as the user "coracletest" (with subordinate ids) or
# "coracleplain" (without), with an empty home and run directory below $T.
as_user() {
  local user=$1 home=$T/$1
  shift
  chmod 711 "$T"
  [ -d "$home" ] || install -d -m 700 -o "$user" -g "$user" "$home" "$home/run"
  (cd "$home" && exec setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all \
    env -i PATH="$PATH" HOME="$home" USER="$user" XDG_RUNTIME_DIR="$home/run" "$@" 3>&- 4>&-)
}

is_root() { [ "$(id -u)" = 0 ]; }
# require NAME...: skips the test where one of these does not hold here.
require() {
  local need
  for need in "$@"; do
    case $need in
      root) is_root || skip "needs root" ;;
      rootless) ! is_root || skip "is for an ordinary user" ;;
      subids) grep -q "^$(id -un):" /etc/subuid || skip "needs subordinate ids" ;;
      # The controller, of either version, with a directory that we may make one in.
      cgroup:*) has_controller "${need#cgroup:}" || skip "needs a writable cgroup controller '${need#cgroup:}'" ;;
      # A build with sanitizers needs the C library's shared objects, and memory of its own.
      static) ldd "$CORACLE" 2>&1 | grep -q 'not a dynamic' || skip "needs a static program" ;;
      # base/fault.h
      faults) grep -qaF CORACLE_FAULT_LOG "$CORACLE" || skip "needs build/tests/coracle-faults" ;;
      *) command -v "$need" > /dev/null || skip "needs the program '$need'" ;;
    esac
  done
}
has_controller() {
  [ -w "/sys/fs/cgroup/$1/cgroup.procs" ] ||
    { [ -w /sys/fs/cgroup/cgroup.procs ] && grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }
}

# --- nothing is left -------------------------------------------------------------------------------------------

coracle_teardown() {
  local failed=0 containers=""
  [ -n "${T:-}" ] || return 0
  cd /
  # What the test itself left in the background (logs -f, ...) is the test's to end.
  if [ -e "$CORACLE_ROOT" ] || [ -e "$CORACLE_RUNROOT" ]; then
    containers=$(coracle ps -aq --no-trunc 2>&1) || { echo "ps -aq: $containers"; failed=1; containers=""; }
    if [ -n "$containers" ]; then
      # shellcheck disable=SC2086  # one id a line
      coracle rm -f -t 0 $containers > "$T/stderr" 2>&1 || { echo "rm -f: $(< "$T/stderr")"; failed=1; }
    fi
  fi
  nothing_left || failed=1
  remove_test_dir || failed=1
  return "$failed"
}

# Ending takes the monitor a moment, and cgroups may be those of tests that run at the same time: asked again for
# fifteen seconds before it counts.
nothing_left() {
  local i left=""
  for ((i = 0; i < 300; i++)); do
    left=$(list_left)
    [ -n "$left" ] || return 0
    sleep 0.05
  done
  echo "LEFT BEHIND:"
  echo "$left"
  end_processes
  return 1
}

list_left() {
  processes_of "$T" | while read -r pid; do
    echo "process $pid: $(tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | head -c 300)"
  done
  # Each mount namespace once.
  find /proc/[0-9]*/ns/mnt -printf '%l %h\n' 2> /dev/null | sort -u -k1,1 |
    sed 's|.* \(/proc/[0-9]*\)/ns$|\1/mountinfo|' | xargs -r grep -hsF "$T/" 2> /dev/null |
    sed 's/^/mount: /' | head -n 10
  comm -13 <(echo "$cgroups_before") <(empty_cgroups) | sed '/^$/d; s/^/cgroup: /'
  # Leases of addresses and names of containers.
  find "$CORACLE_RUNROOT/networks" \( -type l -o -path '*/names/*' \) 2> /dev/null | sed 's/^/of a network: /'
  # Exit records (exits/) outlive their containers on purpose; images and their blobs stay.
  local dir
  for dir in "$CORACLE_RUNROOT"/{containers,leases} "$CORACLE_ROOT"/{containers,names/containers,tmp,trash}; do
    [ ! -d "$dir" ] || find "$dir" -mindepth 1 -maxdepth 1 2> /dev/null | sed 's/^/file: /'
  done
}

# Processes with the directory $1 in their arguments, environment, working directory or open files. This shell and
# its parents know the directory too (they have it from the test), so they are left out. Listed before the programs
# that look are started, since those have it in their arguments.
processes_of() {
  local pid self=" $$ $BASHPID $PPID " dirs=(/proc/[0-9]*)
  {
    grep -lsaF "$1/" "${dirs[@]/%//cmdline}" "${dirs[@]/%//environ}" 2> /dev/null
    find "${dirs[@]/%//cwd}" "${dirs[@]/%//fd}" -maxdepth 1 -lname "*$1/*" -printf 'link %p\n' 2> /dev/null
  } | sed -E 's|/proc/([0-9]+)/.*|\1|' | sort -u | while read -r pid; do
    case $pid in
      link*) is_ours "${pid#link }" || echo "${pid#link }" ;;
      *) [[ "$self" == *" $pid "* ]] || echo "$pid" ;;
    esac
  done | sort -un
}

# Whether $1 is this test's own shell or one that came from it (substitutions, pipelines).
is_ours() {
  local parent=$1 stat
  while [ "${parent:-0}" -gt 1 ]; do
    [ "$parent" != "$$" ] && [ "$parent" != "$BASHPID" ] || return 0
    stat=$(< "/proc/$parent/stat") 2> /dev/null || return 0
    stat=${stat##*) }
    read -r _ parent _ <<< "$stat"
  done
  return 1
}

# Kills what was found, so that one failure does not disturb the tests after it.
end_processes() {
  local pid
  for pid in $(processes_of "$T"); do kill -KILL "$pid" 2> /dev/null || true; done
}

# cgroups named by a container's 64-digit id with nothing in them, on every hierarchy.
empty_cgroups() {
  local dir
  find /sys/fs/cgroup -type d -regextype posix-extended -regex '.*[0-9a-f]{64}[^/]*' 2> /dev/null |
    while read -r dir; do
      read -r _ 2> /dev/null < "$dir/cgroup.procs" || echo "$dir"
    done | sort
}

# Files of subordinate ids can't be removed by the user alone.
remove_test_dir() {
  rm -rf "$T" 2> /dev/null && return 0
  is_root || unshare --user --map-root-user --map-auto rm -rf "$T" 2> /dev/null && return 0
  chmod -R u+rwX "$T" 2> /dev/null
  rm -rf "$T"
}
