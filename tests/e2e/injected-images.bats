# Killed at every step of every command that changes images (base/fault.h): afterwards what is listed is whole, `image
# check` is clean, and the same command works.
load helpers
load killed
load registry
teardown() { registries_stop; coracle_teardown; }

before() { coracle rmi -af > /dev/null; }
# Everything is whole, also once the command has been given again.
after() { whole && again "$@" && whole; }
again() { coracle "$@" > /dev/null; }

# Every image that is listed can be checked, inspected and run.
whole() {
  coracle image check -q > "$T/check" 2>&1 || { cat "$T/check"; return 1; }
  [ ! -s "$T/check" ] || { cat "$T/check"; return 1; }
  local id
  for id in $(coracle images -q --no-trunc); do
    coracle image inspect "$id" > /dev/null || return 1
    coracle run --rm --network none "$id" true || return 1
  done
}

archive() {
  gzip -nc "$(fixture busybox)" > "$T/bb.tgz"
  run_ok import -q "$T/bb.tgz" base:1
  run_ok run --name c --network none base:1 sh -c 'echo new > /srv/new; rm /etc/os-release'
  run_ok commit -q c img:1
  run_ok rm c
  run_ok save -q -m -o "$T/a.tar" img:1 base:1
}

@test "pull" {
  require faults
  archive
  registry_start
  run_ok push -q --tls-verify=false img:1 "$registry/img:1"
  MIN_STEPS=10 killed pull -q --tls-verify=false "$registry/img:1"
}

@test "a pull that gives a name to another image" {
  require faults
  archive
  registry_start
  run_ok push -q --tls-verify=false img:1 "$registry/img:1"
  before() {
    coracle rmi -af > /dev/null
    coracle import -q "$T/bb.tgz" "$registry/img:1" > /dev/null
  }
  MIN_STEPS=10 killed pull -q --tls-verify=false "$registry/img:1"
}

@test "load" {
  require faults
  archive
  MIN_STEPS=10 killed load -q -i "$T/a.tar"
}

@test "import" {
  require faults
  archive
  MIN_STEPS=5 killed import -q "$T/bb.tgz" base:1
}

@test "commit" {
  require faults
  archive
  before() {
    coracle rm -af > /dev/null
    coracle rmi -af > /dev/null
    coracle import -q "$T/bb.tgz" base:1 > /dev/null
    coracle run --name c --network none base:1 sh -c 'echo new > /srv/new' > /dev/null
  }
  MIN_STEPS=5 killed commit -q c img:1
}

@test "commit of a running container, which goes on" {
  require faults cgroup:freezer
  archive
  before() {
    coracle rm -f -t 0 -a > /dev/null
    coracle rmi -af > /dev/null
    coracle import -q "$T/bb.tgz" base:1 > /dev/null
    coracle run -d --name c --network none base:1 sleep 1000 > /dev/null
  }
  again() {
    eventually 10 running c || return 1
    coracle "$@" > /dev/null
  }
  MIN_STEPS=5 killed commit -q c img:1
}
running() { [ "$(coracle inspect -f '{{.State.Status}}' "$1")" = running ]; }

@test "rmi, tag, untag and prune" {
  require faults
  archive
  before() { coracle load -q -i "$T/a.tar" > /dev/null; }
  again() { coracle "$@" > /dev/null 2>&1 || true; }
  MIN_STEPS=2 killed rmi img:1
  MIN_STEPS=2 killed rmi -af
  MIN_STEPS=2 killed image prune -af
  MIN_STEPS=2 killed tag img:1 other:1
  MIN_STEPS=1 killed untag img:1
}

@test "image check --repair" {
  require faults
  archive
  before() {
    coracle rmi -af > /dev/null
    coracle import -q "$T/bb.tgz" base:1 > /dev/null
    chmod 600 "$CORACLE_ROOT"/layers/*/diff/etc/group
    echo damaged > "$T/damaged"
  }
  # What was killed while it repaired may have left the damage; once more, and it is whole.
  whole() { coracle image check --repair -q > "$T/check" 2>&1 && coracle image check -q; }
  MIN_STEPS=1 killed image check --repair -q
}

@test "system reset" {
  require faults
  archive
  before() {
    coracle load -q -i "$T/a.tar" > /dev/null
    coracle create --name c -v data:/data base:1 true > /dev/null
  }
  # Nothing of it is seen any more once it has been done again.
  again() { coracle "$@" && [ -z "$(coracle ps -aq)$(coracle images -q)$(coracle volume ls -q)" ]; }
  MIN_STEPS=15 killed system reset -f
}
