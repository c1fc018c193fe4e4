# A build that is killed at each of its steps (base/fault.h): afterwards the cache is sound, the same build gives the
# image, and nothing is left of what was not finished.
load helpers
load killed

before() { coracle builder prune -af > /dev/null; coracle rmi -f built > /dev/null 2>&1 || true; }
after() {
  coracle image check -q > "$T/check" 2>&1 || { cat "$T/check"; return 1; }
  [ ! -s "$T/check" ] || { cat "$T/check"; return 1; }
  coracle build -q -t built . > "$T/again" 2>&1 || { cat "$T/again"; return 1; }
  [ "$(coracle run --rm --network none built cat /1 /2 /w/f)" = $'1\n2\nf' ] || return 1
  nothing_left
}

context() {
  import_busybox
  mkdir "$T/c"
  cd "$T/c" || return 1
  echo f > f
  printf '%s\n' 'FROM busybox AS one' 'RUN --network=none echo 1 > /1; echo 2 > /2' 'FROM busybox' \
    'COPY --from=one /1 /2 /' 'COPY f /w/' > Dockerfile
}

@test "build" {
  require faults
  context
  MIN_STEPS=10 killed build -q -t built .
}

@test "build with a network for its steps" {
  require faults
  context
  printf '%s\n' 'FROM busybox' 'RUN echo 1 > /1; echo 2 > /2; mkdir /w; echo f > /w/f' > Dockerfile
  MIN_STEPS=6 killed build -q -t built .
}
