# Killed at every step of every command that changes containers (base/fault.h): afterwards the store works, and the next
# command leaves nothing of what was not finished.
load helpers
load killed

before() { :; }
# The next command works, what it lists can be removed, the name is free again, and nothing is left.
after() {
  coracle ps -a > "$T/ps" 2> "$T/err" || { cat "$T/err"; return 1; }
  [ ! -s "$T/err" ] || { cat "$T/err"; return 1; }
  coracle rm -f -t 0 -a > /dev/null || return 1
  coracle run --rm --name x busybox true || return 1
  nothing_left
}

@test "run -d" {
  require faults
  import_busybox
  MIN_STEPS=10 killed run -d --name x busybox sleep 1000
}

@test "run -d of what ends at once" {
  require faults
  import_busybox
  MIN_STEPS=10 killed run -d --name x busybox true
}

@test "run --rm" {
  require faults
  import_busybox
  MIN_STEPS=10 killed run --rm --name x busybox true
}

@test "create" {
  require faults
  import_busybox
  MIN_STEPS=4 killed create --name x busybox true
}

@test "start" {
  require faults
  import_busybox
  before() { coracle create --name x busybox sleep 1000 > /dev/null; }
  MIN_STEPS=5 killed start x
}

@test "a second start" {
  require faults
  import_busybox
  before() {
    coracle run -d --name x busybox true > /dev/null
    coracle wait x > /dev/null
  }
  MIN_STEPS=5 killed start x
}

@test "rm" {
  require faults
  import_busybox
  before() { coracle create --name x busybox true > /dev/null; }
  MIN_STEPS=3 killed rm x
}

@test "rm -f of a running container" {
  require faults
  import_busybox
  before() { coracle run -d --name x busybox sleep 1000 > /dev/null; }
  MIN_STEPS=3 killed rm -f -t 0 x
}

@test "rename" {
  require faults
  import_busybox
  before() { coracle create --name x busybox true > /dev/null; }
  MIN_STEPS=2 killed rename x y
}

@test "stop and pause" {
  require faults
  import_busybox
  before() { coracle run -d --name x busybox sleep 1000 > /dev/null; }
  MIN_STEPS=0 killed stop -t 0 x
  require cgroup:freezer
  MIN_STEPS=1 killed pause x
}

@test "a restart policy" {
  require faults
  import_busybox
  MIN_STEPS=10 killed run -d --name x --restart on-failure:2 busybox false
}
