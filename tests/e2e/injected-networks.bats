# Killed at every step of every command that touches the network (base/fault.h): afterwards the next command leaves no
# interface, rule, address, name or namespace of a container that does not run.
load helpers
load killed

setup() {
  coracle_setup
  require faults nft
  is_root || require pasta subids
  is_root || [ -w /dev/net/tun ] || skip "needs /dev/net/tun"
  import_busybox
}
teardown() {
  coracle rm -f -t 0 -a > "$T/stderr" 2>&1 || true
  coracle network rm -f net other > "$T/stderr" 2>&1 || true
  ip link del coracle0 2> /dev/null || true
  coracle_teardown
}

# connections: what the host has of containers' networks. Of an ordinary user that lies in a namespace which is there as
# long as its keeper; that it is gone, as all processes, is seen at the end of each test.
connections() {
  find "$CORACLE_RUNROOT/networks" \( -type l -o -path '*/names/*' \) 2> /dev/null
  is_root || return 0
  ip -o link | grep -oE ' veth[0-9a-f]+' || true
  local map
  for map in ports4 ports6 ports4_at ports6_at; do
    nft list map inet coracle "$map" 2> /dev/null | grep elements || true
  done
}
# The next command tidies after a container that does not run; interfaces take the kernel a moment. A killed command's
# monitor may still be at work, so that "next" is one after that.
# shellcheck disable=SC2317  # called by `eventually`
tidied() {
  coracle ps -a --format '{{.State}}' > "$T/ps" 2> "$T/err" && [ ! -s "$T/err" ] || return 1
  grep -q running "$T/ps" || [ -z "$(connections)" ]
}

before() { :; }
# Names, port and the only address of the network are free again.
after() {
  eventually 10 tidied || { cat "$T/ps" "$T/err"; connections; return 1; }
  coracle rm -f -t 0 -a > /dev/null || return 1
  coracle run --rm --name x --network net -p 8080:80 busybox true || return 1
  eventually 10 tidied
}
# A network with one address besides its gateway's.
small_network() { run_ok network create --subnet 10.213.0.0/30 net; }

@test "run -d with a published port" {
  small_network
  MIN_STEPS=15 killed run -d --name x --network net -p 8080:80 busybox sleep 1000
}

@test "a restart policy" {
  small_network
  MIN_STEPS=15 killed run -d --name x --network net -p 8080:80 --restart on-failure:1 busybox false
}

@test "rm -f of a running container" {
  small_network
  before() { coracle run -d --name x --network net -p 8080:80 busybox sleep 1000 > /dev/null; }
  MIN_STEPS=3 killed rm -f -t 0 x
}

@test "connect and disconnect of a running container" {
  small_network
  run_ok network create --subnet 10.214.0.0/24 other
  before() { coracle run -d --name x --network other -p 8080:80 busybox sleep 1000 > /dev/null; }
  MIN_STEPS=4 killed network connect net x
  before() { coracle run -d --name x --network other --network net -p 8080:80 busybox sleep 1000 > /dev/null; }
  MIN_STEPS=2 killed network disconnect net x
}

@test "the networks themselves: create, rm" {
  after() {
    coracle network ls -q > "$T/ls" 2> "$T/err" || { cat "$T/err"; return 1; }
    [ ! -s "$T/err" ] || { cat "$T/err"; return 1; }
    coracle network create --ignore --subnet 10.213.0.0/24 --interface-name injected0 net > /dev/null || return 1
    coracle run --rm --network net busybox true && coracle network rm net > /dev/null || return 1
    ! is_root || ! ip link show injected0 > "$T/out" 2>&1 || { cat "$T/out"; return 1; }
    ! is_root || ! nft list table inet coracle | grep injected0
  }
  MIN_STEPS=0 killed network create --subnet 10.213.0.0/24 --interface-name injected0 net
  before() {
    coracle network create --subnet 10.213.0.0/24 --interface-name injected0 net > /dev/null
    coracle run --rm --network net busybox true
  }
  MIN_STEPS=1 killed network rm net
}

@test "pasta" {
  require pasta
  after() {
    coracle ps -a > "$T/ps" 2> "$T/err" || { cat "$T/err"; return 1; }
    [ ! -s "$T/err" ] || { cat "$T/err"; return 1; }
    coracle rm -f -t 0 -a > /dev/null || return 1
    # The kernel ends pasta with its killed monitor, and the port is free a moment later.
    eventually 10 coracle run --rm --network pasta -p 8080:80 busybox true 2> "$T/err" || { cat "$T/err"; return 1; }
  }
  MIN_STEPS=10 killed run -d --name x --network pasta -p 8080:80 busybox sleep 1000
}
