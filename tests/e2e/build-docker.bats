# build: the Dockerfiles of build-corpus.txt and build-real.txt give what docker's BuildKit gives, field by field and
# file by file. Lines "#! docker FIELD: WHY" in the lists say what rightly differs, and what docker here is too old for
# is told, not failed. A suite of its own: minutes.
load helpers
load dockerd

setup_file() {
  export BATS_TEST_TIMEOUT=1200  # a build by the daemon takes seconds, and there are many
  dockerd_start
}
teardown_file() { dockerd_stop; }

setup() {
  coracle_setup
  require root dockerd containerd docker python3
  dockerd_runs || skip "dockerd does not start here: $(grep -a 'failed\|error' "$DOCKER_DIR/dockerd.log" | tail -n 1)"
  # A client from 23.0 on builds with a plugin that may be missing.
  local client usable=""
  for client in $(type -ap docker); do
    [ -n "$usable" ] || ! DOCKER_BUILDKIT=1 "$client" build --help 2> /dev/null | grep -q -- --secret || usable=$client
  done
  [ -n "$usable" ] || skip "no docker client here builds with BuildKit"
  PATH="$(dirname "$usable"):$PATH"
  export DOCKER_HOST=unix://$DOCKER_DIR/s DOCKER_CONFIG=$T/docker
  mkdir "$DOCKER_CONFIG"
}

# corpus LIST BASE
corpus() {
  mkdir "$T/w"
  "$CORACLE_TESTS/build-corpus" "$CORACLE" "$CORACLE_TESTS/$1" "$(fixture "$2")" "$T/w" > "$T/report" 2>&1 3>&- 4>&- || {
    grep -A12 -v '^same' "$T/report"
    fail "not the same"
  }
  grep -c '^same' "$T/report"
  grep '^unknown' "$T/report" || true
  [ "$(grep -c '^same' "$T/report")" -ge "$3" ] || fail "too few could be compared: $(cat "$T/report")"
}

@test "the corpus gives what docker's BuildKit gives" { corpus build-corpus.txt busybox 40; }

@test "Dockerfiles as projects write them give what docker's BuildKit gives" { corpus corpus/build-real.txt debian 20; }
