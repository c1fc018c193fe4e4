# The network of an ordinary user's container: pasta, and slirp4netns. run-bats gives this file an uplink
# (needs_uplink: tests/e2e/isolated): 192.0.2.1 is this host's own address.
# shellcheck disable=SC2154  # run_ok sets them
# shellcheck disable=SC2016  # for the container's shell
load helpers

setup() {
  coracle_setup
  require pasta
  [ -w /dev/net/tun ] || skip "needs /dev/net/tun"
  import_busybox
  mkdir "$T/www"
  echo from-the-host > "$T/www/index.html"
}
teardown() {
  [ -z "${http:-}" ] || kill "$http" 2> /dev/null || true
  coracle_teardown
}

# host_server PORT [ADDRESS]: an HTTP server of the host, with $T/www.
host_server() {
  python3 -m http.server --directory "$T/www" --bind "${2:-0.0.0.0}" "$1" > /dev/null 2>&1 3>&- 4>&- &
  http=$!
  eventually 10 answers "${2:-127.0.0.1}" "$1"
}
answers() { (exec 3<> "/dev/tcp/$1/$2") 2> /dev/null; }
nobody_answers() { ! answers "$@"; }
# fetch ADDRESS:PORT: from this host.
fetch() { python3 -c 'import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=5).read().decode())' "http://$1/"; }
# get ADDRESS PORT: for a container's shell; the busybox at hand has a wget that dies of any name.
# shellcheck disable=SC2028  # printf expands them, there
get() { echo "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 5 nc $1 $2 | tail -n 1"; }
server_in() { echo "mkdir /w; echo $1 > /w/index.html; exec httpd -f -p ${2:-80} -h /w"; }
# with_path ONLY COMMAND...: coracle finds programs in the directory ONLY alone.
with_path() {
  local only_path=$1
  shift
  "$@"
}
coracle() { PATH=${only_path:-$PATH} "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" "$@" 3>&- 4>&-; }
# udp_echo CONTAINER PORT: until the container ends.
udp_echo() {
  local pid serve enter=()
  pid=$(coracle inspect "$1" --format '{{.State.Pid}}')
  serve='import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", int(sys.argv[1]))); s.settimeout(20)
print("ready", flush=True)
data, peer = s.recvfrom(99); s.sendto(data, peer)'
  is_root || enter=(coracle unshare)
  "${enter[@]}" nsenter --net="/proc/$pid/ns/net" python3 -c "$serve" "$2" > "$T/echo" 3>&- 4>&- &
  eventually 5 grep -q ready "$T/echo"
}
no_pasta_of() { ! processes_of "$T" | xargs -r -I{} cat /proc/{}/comm 2> /dev/null | grep -q '^pasta\|^passt\|^slirp4netns'; }

@test "an ordinary user's container has pasta's network unless told otherwise" {
  require rootless
  run_ok run --rm --name web busybox sh -c 'ip -o -4 addr show eth0; ip route; cat /etc/hosts /etc/resolv.conf'
  contains "inet 10.0.2.100/24"
  contains "default via 10.0.2.2 dev eth0"
  contains "nameserver 127.0.0.11"
  contains $'192.0.2.1\thost.containers.internal host.docker.internal'
  contains " web"
  run_ok create --name c busybox true
  run_ok inspect c --format '{{.HostConfig.NetworkMode}}'
  equals pasta
  run_ok run --rm --network none busybox ip -o link
  lacks eth0
  run_ok run --rm --network host busybox ip -o -4 addr
  contains 192.0.2.1
}

@test "a container reaches the host by its names, and nothing on the host's loopback" {
  host_server 8765
  run_ok run --rm --network pasta busybox sh -c \
    "set -- \$(grep host.containers.internal /etc/hosts); $(get '$1' 8765)"
  equals from-the-host
  kill "$http"
  eventually 5 nobody_answers 127.0.0.1 8765
  host_server 8766 127.0.0.1
  run_ok run --rm --network pasta busybox sh -c "$(get 10.0.2.2 8766)"
  equals ""
  run_ok run --rm --network pasta:--map-gw busybox sh -c "$(get 10.0.2.2 8766)"
  equals from-the-host
}

@test "published ports are reached on loopback, the host's address and from inside" {
  run_ok run -d --name web --network pasta -p 8081:80 -p 127.0.0.1:8082:80 -p 8085-8086:80-81 -p 8083:5300/udp busybox \
    sh -c "$(server_in inside)"
  udp_echo web 5300
  eventually 10 answers 127.0.0.1 8081
  for at in 127.0.0.1:8081 192.0.2.1:8081 127.0.0.1:8082 127.0.0.1:8085; do
    equals inside "$(fetch "$at")"
  done
  nobody_answers 192.0.2.1 8082
  run_ok exec web sh -c "$(get 10.0.2.100 80)"
  equals inside
  run_ok port web 80/tcp
  contains 0.0.0.0:8081
  equals ping "$(python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.sendto(b"ping", ("192.0.2.1", 8083))
print(s.recv(99).decode())')"
  run_ok ps --format '{{.Ports}}'
  contains "8081->80/tcp"
  run_ok rm -f -t 0 web
  nobody_answers 127.0.0.1 8081
  # At once again: the ports are free when the command has ended.
  run_ok run -d --name web --network pasta -p 8081:80 busybox sh -c "$(server_in again)"
  eventually 10 answers 127.0.0.1 8081
}

@test "a random port is chosen and told" {
  run_ok run -d --name web --network pasta -p 80 busybox sh -c "$(server_in random)"
  run_ok port web 80
  port=${output##*:}
  eventually 10 answers 127.0.0.1 "$port"
  equals random "$(fetch "127.0.0.1:$port")"
  run_ok restart -t 0 web
  run_ok port web 80
  port=${output##*:}
  eventually 10 answers 127.0.0.1 "$port"
}

@test "a port that is taken is told in one line, and nothing is left" {
  host_server 8770
  run_fails 125 run -d --name web --network pasta -p 8770:80 busybox sleep 100
  contains "8770/tcp: Address already in use" "$stderr"
  run_ok ps --format '{{.Names}}'  # it is there, as with docker, and does not run
  equals ""
  run_ok run -d --name one --network pasta -p 8771:80 busybox sleep 100
  run_fails 125 run --rm --network pasta -p 8771:80 busybox true
  contains "8771/tcp: Address already in use" "$stderr"
  run_ok rm -f -t 0 one
  no_pasta_of
}

@test "ports that are root's are refused with the sysctl to change" {
  require rootless
  run_fails 125 run --rm -p 25:25 busybox true
  contains "25/tcp: Permission denied" "$stderr"
  contains "net.ipv4.ip_unprivileged_port_start" "$stderr"
}

@test "what pasta needs is named where it is missing" {
  mkdir "$T/bin"
  ln -s "$(command -v newuidmap)" "$(command -v newgidmap)" "$T/bin"
  with_path "$T/bin" run_fails 125 run --rm --network pasta busybox true
  contains "pasta is not installed" "$stderr"
  contains passt "$stderr"
  with_path "$T/bin" run_fails 125 run --rm --network slirp4netns busybox true
  contains "is not installed" "$stderr"
  with_path "$T/bin" run_ok run --rm --network none busybox echo works
  equals works
  run_fails 125 run --rm --network pasta:--nonsense busybox true
  contains pasta "$stderr"
}

@test "where pasta is missing, slirp4netns takes its place" {
  require slirp4netns
  mkdir "$T/bin"
  ln -s "$(command -v slirp4netns)" "$(command -v newuidmap)" "$(command -v newgidmap)" "$T/bin"
  with_path "$T/bin" run_ok run --rm --network pasta busybox ip -o -4 addr show tap0
  contains 10.0.2.100/24
}

@test "slirp4netns publishes ports and takes podman's options" {
  require slirp4netns
  run_ok run -d --name web --network slirp4netns:mtu=1400,allow_host_loopback=true -p 8091:80 busybox \
    sh -c "$(server_in slirp)"
  eventually 10 answers 127.0.0.1 8091
  equals slirp "$(fetch 127.0.0.1:8091)"
  run_ok exec web ip link show tap0
  contains "mtu 1400"
  host_server 8767 127.0.0.1
  run_ok exec web sh -c "$(get 10.0.2.2 8767)"
  equals from-the-host
  run_fails 125 run --rm --network slirp4netns:nonsense=1 busybox true
  contains "slirp4netns:nonsense=1: unknown option" "$stderr"
}

@test "pasta starts where SIGPIPE is ignored, and ends with its container, its monitor and a failed start" {
  (
    trap '' PIPE
    run_ok run --rm --network pasta busybox ip -o addr show eth0
    contains 10.0.2.100
  )
  run_fails 127 run --rm --network pasta busybox /no/such/program
  eventually 5 no_pasta_of
  run_ok run -d --name c --network pasta busybox sleep 100
  run_ok stop -t 0 c
  eventually 5 no_pasta_of
  run_ok start c
  coracle inspect c --format '{{.State.ConmonPid}}' > "$T/monitor"
  kill -9 "$(< "$T/monitor")"
  eventually 5 no_pasta_of
  run_ok run --rm --network pasta busybox true
}

@test "the options of pasta are its own, and the container can be on nothing else besides" {
  run_ok run --rm --network pasta:-a,10.9.8.7,-n,24,-g,10.9.8.1,-I,net7 busybox ip -o -4 addr show net7
  contains 10.9.8.7/24
  run_ok run --rm --network pasta:--mtu,1300 busybox ip link show eth0
  contains "mtu 1300"
  run_fails 125 run --rm --network pasta --network none busybox true
  run_fails 125 run --rm --network pasta --ip 10.0.2.7 busybox true
  contains "the network mode is pasta" "$stderr"
}

@test "a restart policy starts the network again" {
  run_ok run -d --name c --network pasta --restart on-failure:3 busybox sh -c \
    'ip -o -4 addr show eth0 >> /log; [ "$(wc -l < /log)" -ge 3 ]'
  run_ok wait c
  equals 0
  run_ok cp c:/log "$T/log"
  equals 3 "$(grep -c 10.0.2.100 "$T/log")"
  eventually 5 no_pasta_of
}
