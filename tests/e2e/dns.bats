# Names: of containers on a network, as root and as an ordinary user, and those that are forwarded. run-bats gives
# this file an uplink (needs_uplink: tests/e2e/isolated), and a resolv.conf that names 127.0.0.1, where a dnsmasq of
# ours answers.
# shellcheck disable=SC2154  # run_ok sets them
load helpers

setup() {
  coracle_setup
  require python3 nft
  is_root || require pasta subids
  is_root || [ -w /dev/net/tun ] || skip "needs /dev/net/tun"
  resolv=$(< /etc/resolv.conf)
  import_busybox
  run_ok network create net
}
teardown() {
  [ -z "${dnsmasq:-}" ] || kill "$dnsmasq" 2> /dev/null || true
  [ -z "${resolv:-}" ] || echo "$resolv" > /etc/resolv.conf
  local containers
  containers=$(coracle ps -aq)
  # shellcheck disable=SC2086  # one id a line
  [ -z "$containers" ] || coracle rm -f -t 0 $containers > "$T/stderr" 2>&1
  coracle network rm -f net other inner > "$T/stderr" 2>&1 || true
  ip link del coracle0 2> /dev/null || true
  local failed=0
  eventually 5 nothing_named || failed=1
  coracle_teardown || failed=1
  return "$failed"
}
nothing_named() {
  local left
  left=$(find "$CORACLE_RUNROOT"/{networks,rootless-net} \( -type l -o -type p -o -path '*/names/*' \) 2> /dev/null)
  [ -z "$left" ] || { echo "$left"; return 1; }
}

# upstream [ADDRESS]: the host's resolver.
upstream() {
  dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --no-resolv --no-hosts --cache-size=0 --user="$(id -un)" \
    --port=53 --listen-address="${1:-127.0.0.1}" --bind-interfaces --local=/test/ \
    --address=/up.test/198.51.100.7 --address=/up.test/2001:db8::7 \
    --txt-record=long.test,"$(printf 'x%.0s' {1..250})","$(printf 'y%.0s' {1..250})","$(printf 'z%.0s' {1..250})" \
    > "$T/dnsmasq.log" 2>&1 3>&- 4>&- &
  dnsmasq=$!
  eventually 5 upstream_answers "${1:-127.0.0.1}"
}
upstream_answers() { (exec 3<> "/dev/tcp/$1/53") 2> /dev/null; }
box() {
  local name=$1
  shift
  run_ok run -d --name "$name" --network net "$@" busybox sleep 300
}
# ask CONTAINER [OPTION...] NAME: what its resolver says (dns-query).
ask() {
  local pid
  pid=$(coracle inspect "$1" --format '{{.State.Pid}}')
  shift
  if is_root; then
    nsenter --net="/proc/$pid/ns/net" "$CORACLE_TESTS/dns-query" "$@" 3>&- 4>&-
  else
    coracle unshare nsenter --net="/proc/$pid/ns/net" "$CORACLE_TESTS/dns-query" "$@"
  fi
}
address_of() { coracle inspect "$1" --format "{{.NetworkSettings.Networks.${2:-net}.IPAddress}}"; }
says() {
  local want=$1
  shift
  [ "$(ask "$@" 2> /dev/null)" = "$want" ]
}

# reaches CONTAINER ADDRESS: who is there refuses, others are silent.
reaches() {
  run_status 1 exec "$1" timeout 5 nc "$2" 9
  contains "Connection refused" "$stderr"
}
says_not() { ! says "$@"; }

@test "containers are found by name, alias and id, backwards, and with the network's name" {
  box web --network-alias www
  id=$output
  box client
  address=$(address_of web)
  for name in web www "${id:0:12}" web.net WEB; do
    equals "0 0 $address" "$(ask client "$name")"
  done
  IFS=. read -r a b c d <<< "$address"
  contains web "$(ask client --type 12 "$d.$c.$b.$a.in-addr.arpa")"
  equals "0 0" "$(ask client --type 28 web)"
  reaches client "$address"
  run_ok exec client nslookup -type=a web
  contains "$address"
}

@test "an alias of two containers has both addresses, in rotation, and follows them within 100 ms" {
  box one --network-alias service
  box two --network-alias service
  box client
  both=$(printf '%s\n' "$(address_of one)" "$(address_of two)" | sort | xargs)
  equals "0 0 $both" "$(ask client service)"
  for _ in {1..8}; do coracle exec client nslookup -type=a service | awk '/^Address/ { last = $2 } END { print last }'; done |
    sort -u > "$T/last"
  equals 2 "$(wc -l < "$T/last")"
  first=$(address_of one)
  run_ok rm -f -t 0 two
  sleep 0.1
  equals "0 0 $first" "$(ask client service)"
}

@test "who is renamed, disconnected or gone is not found by what it was" {
  upstream
  box web
  box client
  address=$(address_of web)
  run_ok rename web shop
  says "0 0 $address" client shop
  says_not "0 0 $address" client web
  run_ok network disconnect net shop
  says_not "0 0 $address" client shop
  run_ok network connect --alias corner.test net shop
  says "0 0 $(address_of shop)" client corner.test
  coracle inspect shop --format '{{.State.ConmonPid}}' > "$T/monitor"
  kill -9 "$(< "$T/monitor")"
  sleep 0.1
  equals "3 0" "$(ask client corner.test)"
}

@test "names of another network are not found" {
  upstream
  run_ok network create other
  box web
  run_ok run -d --name stranger --network other busybox sleep 300
  equals 3 "$(ask stranger web.test | cut -d' ' -f1)"
  run_ok network connect other web
  equals "0 0 $(address_of web other)" "$(ask stranger web)"
  # On both: one answer for each network.
  run_ok network connect net stranger
  equals "0 0 $(printf '%s\n' "$(address_of web)" "$(address_of web other)" | sort | xargs)" "$(ask stranger web)"
}

@test "other names are the host's resolver's, over UDP and TCP, and unknown ones are refused at once" {
  upstream
  box client
  equals "0 0 198.51.100.7" "$(ask client up.test)"
  equals "0 0 2001:db8::7" "$(ask client --type 28 up.test)"
  equals "0 0 198.51.100.7" "$(ask client --tcp up.test)"
  # More than a datagram takes: told so, and whole over TCP.
  equals "0 1" "$(ask client --udp --type 16 long.test | cut -c 1-3)"
  equals "0 0 type16:753" "$(ask client --type 16 long.test)"
  begin=${EPOCHREALTIME/[.,]/}
  equals "3 0" "$(ask client nobody.test)"
  [ $((${EPOCHREALTIME/[.,]/} - begin)) -lt 1500000 ] || fail "a name that is not there takes too long"
}

@test "a change of the host's resolv.conf is followed" {
  upstream 127.0.0.1
  box client
  equals "0 0 198.51.100.7" "$(ask client up.test)"
  kill "$dnsmasq"
  eventually 5 no_upstream 127.0.0.1
  upstream 192.0.2.1
  echo 'nameserver 192.0.2.1' > /etc/resolv.conf
  equals "0 0 198.51.100.7" "$(ask client up.test)"
}
no_upstream() { ! upstream_answers "$1"; }

@test "a container's own servers, search domains and options" {
  upstream 192.0.2.1
  box client --dns 192.0.2.1 --dns-search example.test --dns-search second.test --dns-option ndots:2
  run_ok exec client cat /etc/resolv.conf
  equals $'search example.test second.test\nnameserver 127.0.0.11\noptions ndots:2'
  equals "0 0 198.51.100.7" "$(ask client up.test)"
  box plain --dns-search .
  run_ok exec plain cat /etc/resolv.conf
  equals "nameserver 127.0.0.11"
}

@test "an internal network answers its own names and forwards nothing" {
  upstream
  run_ok network create --internal inner
  run_ok run -d --name web --network inner busybox sleep 300
  run_ok run -d --name client --network inner busybox sleep 300
  equals "0 0 $(address_of web inner)" "$(ask client web)"
  lacks 198.51.100.7 "$(ask client up.test)"
}

@test "a link is a name of one container only" {
  upstream
  box db
  box web --link db:database.test
  box client
  equals "0 0 $(address_of db)" "$(ask web database.test)"
  equals 3 "$(ask client database.test | cut -d' ' -f1)"
}

@test "garbage is survived" {
  box client
  pid=$(coracle inspect client --format '{{.State.Pid}}')
  garbage='import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(3000): s.sendto(os.urandom(i % 600), ("127.0.0.11", 53))
for i in range(40):
  t = socket.create_connection(("127.0.0.11", 53)); t.sendall(os.urandom(i * 7)); t.close()'
  if is_root; then
    nsenter --net="/proc/$pid/ns/net" python3 -c "$garbage" 3>&- 4>&-
  else
    coracle unshare nsenter --net="/proc/$pid/ns/net" python3 -c "$garbage"
  fi
  equals "0 0 $(address_of client)" "$(ask client client)"
}

@test "a published port leads to a container of the network, and goes with it" {
  run_ok run -d --name web --network net -p 8701:80 busybox sh -c 'mkdir /w; echo here > /w/index.html; exec httpd -f -p 80 -h /w'
  eventually 10 upstream_of 127.0.0.1 8701
  for at in 127.0.0.1 192.0.2.1; do
    equals here "$(python3 -c 'import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=5).read().decode())' "http://$at:8701/")"
  done
  run_fails 125 run --rm --network net -p 8701:80 busybox true
  contains 8701 "$stderr"
  run_ok rm -f -t 0 web
  eventually 1 nobody_serves 127.0.0.1 8701
  # One after the other, without a wait: each finds the network of the one before going away, and its port free.
  for _ in 1 2 3 4 5 6; do run_ok run --rm --network net -p 8701:80 busybox true; done
}
nobody_serves() { ! upstream_of "$@"; }
upstream_of() { (exec 3<> "/dev/tcp/$1/$2" && echo >&3) 2> /dev/null; }

@test "servers behind published ports see their clients' addresses" {
  run_ok run -d --name web --network net -p 8703:80 -p 8703:80/udp busybox sh -c 'mkdir -p /w/cgi-bin && cd /w/cgi-bin &&
    printf "#!/bin/sh\necho\necho \$REMOTE_ADDR | tr -d [] | sed s/^::ffff://\n" > who && chmod 755 who && exec httpd -f -p 80 -h /w'
  fetch() { python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode().strip())' "http://$1/cgi-bin/who"; }
  # The port is open before the server is there.
  sees_us() { [ "$(fetch 192.0.2.1:8703 2> /dev/null)" = 192.0.2.1 ]; }
  eventually 10 sees_us
  # No container could answer to 127.0.0.1: it sees its gateway.
  run_ok inspect web --format '{{.NetworkSettings.Networks.net.Gateway}}'
  equals "$output" "$(fetch 127.0.0.1:8703)"
  in_network_of web timeout 20 python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 80)); print("ready", flush=True)
data, peer = s.recvfrom(99); s.sendto(peer[0].encode(), peer)' > "$T/echo" 3>&- 4>&- &
  eventually 5 grep -q ready "$T/echo"
  equals 192.0.2.1 "$(python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.sendto(b"who", ("192.0.2.1", 8703)); print(s.recv(99).decode())')"
}

@test "a container may serve port 53 itself, on every address" {
  serve='import socket
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("0.0.0.0", 53))
t = socket.socket(); t.bind(("0.0.0.0", 53)); t.listen()
print("bound")'
  box web
  box server
  in_network_of server python3 -c "$serve" > "$T/served"
  equals bound "$(< "$T/served")"
  equals "0 0 $(address_of web)" "$(ask server web)"
  equals "0 0 $(address_of web)" "$(ask server --tcp web)"
  is_root && return
  run_ok run -d --name alone --network pasta busybox sleep 300
  in_network_of alone python3 -c "$serve" > "$T/served"
  equals bound "$(< "$T/served")"
}
# in_network_of CONTAINER COMMAND...
in_network_of() {
  local pid enter=()
  pid=$(coracle inspect "$1" --format '{{.State.Pid}}')
  shift
  is_root || enter=(coracle unshare)
  "${enter[@]}" nsenter --net="/proc/$pid/ns/net" "$@"
}

@test "IPv6 on a network: names, packets, ports" {
  run_ok network create --ipv6 --subnet fd00:213::/64 other
  run_ok run -d --name web --network other -p 8702:80 busybox \
    sh -c 'mkdir /w; echo here > /w/index.html; exec httpd -f -p 80 -h /w'
  eventually 10 upstream_of ::1 8702
  run_ok run --rm --network other --cap-add net_raw busybox ping6 -c1 -W2 web
  is_here() { [ "$(python3 -c 'import urllib.request as u; print(u.urlopen("http://[::1]:8702/", timeout=5).read().decode().strip())' 2> /dev/null)" = here ]; }
  eventually 10 is_here
}

@test "unshare --rootless-netns is where an ordinary user's bridges are" {
  require rootless
  box web
  run_ok unshare --rootless-netns ip -o -4 addr
  contains " co-"
  run_status 1 unshare --rootless-netns python3 -c "import socket; socket.create_connection(('$(address_of web)', 9), 5)"
  contains "Connection refused" "$stderr"
  run_ok rm -f -t 0 web
  # Made for the command alone, it goes with it.
  run_ok unshare --rootless-netns ip -o -4 addr show eth0
  contains 10.0.2.100
  eventually 5 no_keeper
}

@test "an ordinary user's networks are in one namespace, which goes with the last container" {
  require rootless
  box one
  box two
  reaches one "$(address_of two)"
  equals 1 "$(keepers)"
  run_ok exec one cat /etc/hosts
  contains $'192.0.2.1\thost.containers.internal'
  kill -9 "$(coracle inspect one --format '{{.State.ConmonPid}}')"
  run_ok exec two true
  equals 1 "$(keepers)"
  run_ok rm -f -t 0 two
  eventually 5 no_keeper
  # All at once from nothing: one namespace.
  for i in 1 2 3 4 5; do
    coracle run -d --name "c$i" --network net busybox sleep 300 > "$T/c$i" 2>&1 &
    started+=($!)
  done
  for pid in "${started[@]}"; do wait "$pid"; done
  equals 1 "$(keepers)"
  reaches c1 "$(address_of c5)"
  for i in 1 2 3 4 5; do kill -9 "$(coracle inspect "c$i" --format '{{.State.ConmonPid}}')"; done
  eventually 5 no_keeper
}
keepers() { grep -lx coracle-net /proc/[0-9]*/comm 2> /dev/null | while read -r f; do grep -aqF "$T/" "${f%comm}cmdline" && echo x; done | wc -l; }
no_keeper() { [ "$(keepers)" = 0 ]; }
