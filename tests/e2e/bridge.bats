# Containers on networks of the kernel's: bridges, ports, names, macvlan and ipvlan. Packets really go; the host is
# this file's network namespace, and "another host" a second one behind a cable.
load helpers

setup() {
  coracle_setup
  require root nft curl
  hosts=()
}

teardown() {
  local pid
  for pid in "${hosts[@]:-}"; do [ -z "$pid" ] || kill -KILL "$pid" 2> /dev/null || true; done
  local containers networks
  containers=$(coracle ps -aq)
  # shellcheck disable=SC2086  # one id a line
  [ -z "$containers" ] || coracle rm -f -t 0 $containers > "$T/stderr" 2>&1
  networks=$(coracle network ls -q --filter type=custom)
  # shellcheck disable=SC2086
  [ -z "$networks" ] || coracle network rm -f $networks > "$T/stderr" 2>&1
  local failed=0
  eventually 5 nothing_of_networks || failed=1
  ip link del up0 2> /dev/null || true
  ip link del coracle0 2> /dev/null || true
  coracle_teardown || failed=1
  return "$failed"
}

# nothing_of_networks: no interface of a container, no port, no lease, no name.
nothing_of_networks() {
  local left
  left=$(ip -o link | grep -E ': (veth|eth)[0-9a-f]+' || true)
  [ -z "$left" ] || { echo "interfaces: $left"; return 1; }
  if nft list table inet coracle > /dev/null 2>&1; then
    for map in ports4 ports6 ports4_at ports6_at; do
      ! nft list map inet coracle "$map" | grep -q elements || { nft list map inet coracle "$map"; return 1; }
    done
    # That of the default network stays.
    left=$(nft -j list set inet coracle bridges | jq -c '([.nftables[].set.elem // empty] | add // []) - ["coracle0"]')
    [ "$left" = '[]' ] || { echo "bridges: $left"; return 1; }
  fi
}

# other_host: a network namespace with 192.0.2.2 and 2001:db8::2 behind the host's up0 (192.0.2.1, 2001:db8::1).
# Sets $other; on_other COMMAND... runs there.
other_host() {
  unshare --net sleep 200 3>&- 4>&- &
  other=$!
  hosts+=("$other")
  eventually 5 other_is_there
  ip link add up0 type veth peer name up1 netns "$other"
  ip addr add 192.0.2.1/24 dev up0
  ip -6 addr add 2001:db8::1/64 dev up0 nodad
  ip link set up0 up
  on_other ip link set lo up
  on_other ip addr add 192.0.2.2/24 dev up1
  on_other ip -6 addr add 2001:db8::2/64 dev up1 nodad
  on_other ip link set up1 up
}
other_is_there() { [ "$(readlink "/proc/$other/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
on_other() { nsenter --net="/proc/$other/ns/net" "$@" 3>&- 4>&-; }

# serve NAME OPTIONS...: a container with a web server on port 80 that tells who asked whom. Its other files: none.
serve() {
  local name=$1
  shift
  run_ok run -d --name "$name" "$@" busybox sh -c 'mkdir -p /www/cgi-bin && cd /www/cgi-bin &&
    printf "#!/bin/sh\necho\necho \$(echo \$REMOTE_ADDR | tr -d [] | sed s/^::ffff://) \$HOSTNAME_IS\n" > who && chmod 755 who &&
    export HOSTNAME_IS='"$name"' && exec httpd -f -p 80 -h /www'
  eventually 10 listens "$name" 80
}
# listens CONTAINER PORT
listens() {
  nsenter --net="/proc/$(coracle inspect "$1" --format '{{.State.Pid}}')/ns/net" ss -Hltn "sport = :$2" | grep -q .
}
# ask WHERE...: by curl; the answer in $output.
ask() {
  output=$("${via[@]}" curl -sS -m 5 "http://$1/cgi-bin/who" 2>&1) || { echo "ask $1: $output"; return 1; }
  echo "ask $1: $output"
}
via=()
# refused WHERE: nobody answers.
refused() { ! ask "$1" || fail "$1 answers"; }
# fails ARGS...: the command in the container does not succeed.
fails() { ! coracle "$@" > "$T/out" 2>&1 || fail "coracle $*: succeeded: $(< "$T/out")"; }
address_of() { coracle inspect "$1" --format "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}"; }

@test "a container on a bridge has an address, a way out, a name; inspect tells what it has" {
  import_busybox
  other_host
  run_ok network create --subnet 10.213.0.0/24 net
  run_ok run -d --name one --cap-add net_raw --network net busybox sleep 100
  run_ok exec one ip -o addr show eth0
  contains "inet 10.213.0.2/24" "$output"
  run_ok exec one ip route
  contains "default via 10.213.0.1 dev eth0" "$output"
  run_ok exec one cat /etc/resolv.conf
  contains "nameserver 127.0.0.11" "$output"
  run_ok exec one cat /etc/hosts
  contains $'10.213.0.1\thost.containers.internal' "$output"
  contains $'10.213.0.2\t' "$output"
  run_ok inspect one --format '{{.NetworkSettings.Networks.net.IPAddress}} {{.NetworkSettings.Networks.net.Gateway}} {{.NetworkSettings.Networks.net.IPPrefixLen}} {{.NetworkSettings.Networks.net.MacAddress}}'
  equals "10.213.0.2 10.213.0.1 24 02:42:0a:d5:00:02"
  run_ok network inspect net --format '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}'
  contains "one 10.213.0.2/24" "$output"
  run_ok exec one cat /sys/class/net/eth0/address
  equals "02:42:0a:d5:00:02"
  (exec 3<> /dev/tcp/10.213.0.2/80) 2>&1 | grep -q refused
  run_ok exec one ping -c1 -W2 192.0.2.2
}

@test "what comes out has the host's address, what comes in unasked does not pass" {
  import_busybox
  other_host
  run_ok network create --subnet 10.213.0.0/24 net
  serve web --network net
  mkdir -p "$T/www/cgi-bin"
  on_other python3 -c 'import socket
s = socket.create_server(("192.0.2.2", 8000))
while True:
  c, peer = s.accept()
  c.sendall(peer[0].encode() + b"\n")
  c.close()' &
  hosts+=("$!")
  from_web() { output=$(coracle exec web nc -w 2 192.0.2.2 8000); }
  eventually 5 from_web
  equals 192.0.2.1
  # A neighbour that knows the way to the network is kept out; the host is not.
  on_other ip route add 10.213.0.0/24 via 192.0.2.1
  via=(on_other)
  refused 10.213.0.2
  via=()
  ask 10.213.0.2
  equals "10.213.0.1 web"
}

@test "containers of a network find each other by name, alias and id, others do not" {
  import_busybox
  run_ok network create net
  run_ok network create alien
  serve web --network net --network-alias www --network-alias service
  id=$output
  run_ok run -d --name second --network net:alias=service busybox sleep 100
  run_ok run -d --name client --network net busybox sleep 100
  run_ok run -d --name stranger --network alien busybox sleep 100
  for name in web www "${id:0:12}" WEB; do
    run_ok exec client wget -qO- "http://$name/cgi-bin/who"
    contains " web" "$output"
  done
  run_ok exec client nslookup service
  contains "$(address_of web net)" "$output"
  contains "$(address_of second net)" "$output"
  run_ok exec client nslookup "$(address_of web net)"
  contains "web" "$output"
  fails exec stranger nslookup -timeout=1 web
  fails exec stranger timeout 2 wget -qO- "http://$(address_of web net)/cgi-bin/who"
  run_ok rm -f -t 0 web
  gone() { ! coracle exec client nslookup www > /dev/null 2>&1; }
  eventually 2 gone
  run_ok rename second renamed
  run_ok exec client nslookup renamed
}

@test "published ports: by every address of the host, from another host with its real address, from containers" {
  import_busybox
  other_host
  run_ok network create --subnet 10.213.0.0/24 net
  serve web --network net -p 8080:80 -p 127.0.0.1:8081:80 -p 192.0.2.1:8082:80
  ask 127.0.0.1:8080
  equals "10.213.0.1 web"
  ask '[::1]:8080'
  equals "10.213.0.1 web"
  ask 192.0.2.1:8080
  ask localhost:8080
  ask 127.0.0.1:8081
  ask 192.0.2.1:8082
  refused 192.0.2.1:8081
  refused 127.0.0.1:8082
  via=(on_other)
  ask 192.0.2.1:8080
  equals "192.0.2.2 web"
  ask '[2001:db8::1]:8080'
  ask 192.0.2.1:8082
  refused 192.0.2.1:8081
  via=()
  # From the container itself, its neighbour, and another network, by the host's address.
  run_ok exec web timeout 3 wget -qO- http://192.0.2.1:8080/cgi-bin/who
  run_ok run --rm --network net busybox timeout 3 wget -qO- http://192.0.2.1:8080/cgi-bin/who
  contains web "$output"
  run_ok network create alien
  run_ok run --rm --network alien busybox timeout 3 wget -qO- http://192.0.2.1:8080/cgi-bin/who
  contains web "$output"
  run_ok port web
  equals $'80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n80/tcp -> 127.0.0.1:8081\n80/tcp -> 192.0.2.1:8082'
  run_ok ps --format '{{.Ports}}'
  equals "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 127.0.0.1:8081->80/tcp, 192.0.2.1:8082->80/tcp"
  run_ok stop -t 0 web
  refused 127.0.0.1:8080
  run_ok start web
  eventually 10 listens web 80
  ask 127.0.0.1:8080
  # Large answers, by the rules and by the program.
  run_ok exec web sh -c 'head -c 20000000 /dev/zero > /www/big'
  equals 20000000 "$(curl -sS -m 20 http://127.0.0.1:8080/big | wc -c)"
  equals 20000000 "$(curl -sS -m 20 'http://[::1]:8080/big' | wc -c)"
}

# echo_server CONTAINER PORT: answers each datagram with who sent it.
echo_server() {
  nsenter --net="/proc/$(coracle inspect "$1" --format '{{.State.Pid}}')/ns/net" python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", int(sys.argv[1])))
while True:
  data, peer = s.recvfrom(2000)
  s.sendto(data + b" " + peer[0].replace("::ffff:", "").encode(), peer)' "$2" 3>&- 4>&- &
  hosts+=("$!")
}
# ask_udp HOST PORT TEXT
ask_udp() {
  output=$("${via[@]}" python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
s.connect((sys.argv[1], int(sys.argv[2])))
s.send(sys.argv[3].encode())
print(s.recv(2000).decode())' "$@" 2>&1)
}

@test "UDP ports, ranges and random ports" {
  import_busybox
  other_host
  run_ok network create --subnet 10.213.0.0/24 net
  run_ok run -d --name dns --network net -p 5300:53/udp -p 7000-7003:7000-7003 -p 80 -p 81/udp busybox sleep 100
  echo_server dns 53
  eventually 5 ask_udp 127.0.0.1 5300 hello
  equals "hello 10.213.0.1"
  ask_udp ::1 5300 six
  equals "six 10.213.0.1"
  ask_udp 192.0.2.1 5300 again
  via=(on_other)
  ask_udp 192.0.2.1 5300 far
  equals "far 192.0.2.2"
  ask_udp 2001:db8::1 5300 farsix
  via=()
  run_ok port dns 80
  [[ "${lines[0]}" =~ ^0\.0\.0\.0:[0-9]{4,5}$ ]]
  run_ok port dns 81/udp
  [[ "${lines[0]}" =~ ^0\.0\.0\.0:[0-9]{4,5}$ ]]
  run_ok port dns 7003
  equals $'0.0.0.0:7003\n[::]:7003'
}

@test "a port that is taken is told before anything starts, with who has it" {
  import_busybox
  serve web --network bridge -p 8080:80
  run_fails 125 run --rm -p 8080:80 --network bridge busybox true
  contains "port 8080/tcp on 0.0.0.0 is in use by container web" "$stderr"
  run_fails 125 run --rm -p 8070-8090:80-100 --network bridge busybox true
  contains "port 8080/tcp" "$stderr"
  python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 8099))
time.sleep(100)' 3>&- 4>&- &
  hosts+=("$!")
  taken() { ss -Hltn 'sport = :8099' | grep -q .; }
  eventually 5 taken
  run_fails 125 run -d --name no -p 8099:80 --network bridge busybox true
  contains "port 8099/tcp on 0.0.0.0 is in use by python3 (pid $!)" "$stderr"
  run_ok ps -a --format '{{.Names}} {{.State}}'
  lacks "no running"
  ask 127.0.0.1:8080
}

@test "an internal network has no way out and none in" {
  import_busybox
  other_host
  run_ok network create --internal --subnet 10.213.0.0/24 inner
  serve web --network inner -p 8080:80
  run_ok run -d --name peer --cap-add net_raw --network inner busybox sleep 100
  run_ok exec peer wget -qO- http://web/cgi-bin/who
  fails exec peer ping -c1 -W1 192.0.2.2
  run_ok exec peer ip route
  lacks default
  # Not even with a route of its own.
  nsenter --net="/proc/$(coracle inspect peer --format '{{.State.Pid}}')/ns/net" ip route add default via 10.213.0.1
  fails exec peer ping -c1 -W1 192.0.2.2
  on_other ip route add 10.213.0.0/24 via 192.0.2.1
  via=(on_other)
  refused 10.213.0.2
}

@test "networks are isolated, unless both say otherwise" {
  import_busybox
  run_ok network create -o isolate=false open1
  run_ok network create -o isolate=false open2
  run_ok network create closed
  serve web --network open1
  serve secret --network closed
  run_ok run -d --name c --network open2 busybox sleep 100
  run_ok exec c timeout 2 wget -qO- "http://$(address_of web open1)/cgi-bin/who"
  fails exec c timeout 2 wget -qO- "http://$(address_of secret closed)/cgi-bin/who"
}

@test "chosen addresses and interfaces, several networks, an address that is taken" {
  import_busybox
  run_ok network create --subnet 10.213.0.0/24 a
  run_ok network create --subnet 10.214.0.0/24 --ipv6 --subnet fd00:214::/64 b
  run_ok run -d --name one --network a:ip=10.213.0.77,mac=02:00:00:00:00:77,interface_name=front0 \
    --network b:ip=10.214.0.9,ip6=fd00:214::9 busybox sleep 100
  run_ok exec one ip -o addr
  contains "inet 10.213.0.77/24"
  contains "front0"
  contains "inet 10.214.0.9/24"
  contains "inet6 fd00:214::9/64"
  run_ok exec one cat /sys/class/net/front0/address
  equals 02:00:00:00:00:77
  run_fails 125 run --rm --network a --ip 10.213.0.77 busybox true
  contains "10.213.0.77 is already used by container" "$stderr"
  # A stopped container gives its address back; restarted it takes what it asked for.
  run_ok stop -t 0 one
  run_ok run --rm --network a --ip 10.213.0.77 busybox true
  run_ok start one
  equals 10.213.0.77 "$(address_of one a)"
  run_ok network create --subnet 10.215.0.0/30 tiny
  run_ok run -d --name only --network tiny busybox sleep 100
  run_fails 125 run --rm --network tiny busybox true
  contains "no free address in 10.215.0.0/30" "$stderr"
}

@test "connect and disconnect of a container that runs: interface, names, files, ports" {
  import_busybox
  run_ok network create --subnet 10.213.0.0/24 a
  run_ok network create --subnet 10.214.0.0/24 b
  serve web --network a -p 8080:80
  run_ok run -d --name client --network b busybox sleep 100
  run_ok network connect --alias www --ip 10.214.0.50 b web
  run_ok exec web ip -o addr show eth1
  contains 10.214.0.50/24
  run_ok exec client wget -qO- http://www/cgi-bin/who
  run_ok exec web cat /etc/hosts
  contains 10.214.0.50
  run_ok network disconnect a web
  fails exec web ip link show eth0
  run_ok exec web cat /etc/hosts
  lacks 10.213.0.
  ask 127.0.0.1:8080
  equals "10.214.0.1 web"
  ask '[::1]:8080'
  run_ok inspect web --format '{{range $name, $n := .NetworkSettings.Networks}}{{$name}} {{$n.IPAddress}}{{end}}'
  equals "b 10.214.0.50"
  run_ok network rm a
  run_ok stop -t 0 web
  run_ok start web
  eventually 10 listens web 80
  run_ok exec client wget -qO- http://www/cgi-bin/who
}

# port_is_known: by the rules.
port_is_known() { nft list map inet coracle ports4 2> /dev/null | grep -q 8080; }

@test "rules that somebody flushed: served meanwhile, back by themselves, by reload and by the next start" {
  import_busybox
  run_ok network create --subnet 10.213.0.0/24 net
  serve web --network net -p 8080:80
  nft delete table inet coracle
  ask 127.0.0.1:8080
  eventually 3 port_is_known
  nft flush ruleset
  run_ok network reload web
  port_is_known
  nft delete table inet coracle
  run_ok run --rm --network net busybox true
  port_is_known
  ask 127.0.0.1:8080
}

@test "IPv6: addresses, names, way out, ports" {
  import_busybox
  other_host
  run_ok network create --ipv6 --subnet 10.213.0.0/24 --subnet fd00:213::/64 net
  serve web --network net --cap-add net_raw -p 8080:80
  run_ok exec web ip -o -6 addr show eth0
  contains "inet6 fd00:213::2/64"
  run_ok exec web ip -6 route
  contains "default via fd00:213::1"
  run_ok exec web ping6 -c1 -W2 2001:db8::2
  ask '[::1]:8080'
  ask '[2001:db8::1]:8080'
  via=(on_other)
  ask '[2001:db8::1]:8080'
  equals "2001:db8::2 web"
  ask 192.0.2.1:8080
  equals "192.0.2.2 web"
  run_ok run --rm --network net busybox nslookup web
  contains fd00:213::2
}

@test "macvlan and ipvlan on a parent: the other host is a neighbour" {
  import_busybox
  other_host
  for driver in macvlan ipvlan; do
    ip link add link up0 probe type "$driver" 2> /dev/null || continue  # not of this kernel
    ip link del probe
    run_ok network create -d "$driver" -o parent=up0 --subnet 192.0.2.0/24 --gateway 192.0.2.2 \
      --ip-range 192.0.2.128/25 lan
    serve web --network lan --cap-add net_raw
    run_ok exec web ip -o addr show eth0
    contains 192.0.2.128/24
    run_ok exec web ping -c1 -W2 192.0.2.2
    via=(on_other)
    ask 192.0.2.128
    via=()
    run_ok rm -f -t 0 web
    run_ok network rm lan
  done
}

@test "host, none, container: and ns: as network" {
  import_busybox
  run_ok network create net
  run_ok run --rm --network host busybox ip -o link
  equals "$(ip -o link | wc -l)" "$(wc -l <<< "$output")"
  run_ok run --rm --network none busybox ip -o link
  equals 1 "$(wc -l <<< "$output")"
  serve web --network net -p 8080:80
  run_ok run --rm --network container:web busybox wget -qO- http://127.0.0.1/cgi-bin/who
  contains web
  run_ok run --rm --network container:web busybox cat /etc/hosts /etc/resolv.conf
  contains 127.0.0.11
  run_ok run --rm --network "ns:/proc/$(coracle inspect web --format '{{.State.Pid}}')/ns/net" busybox ip -o addr
  contains "$(address_of web net)"
}

@test "a killed monitor leaves nothing behind the next command" {
  import_busybox
  run_ok network create --subnet 10.213.0.0/29 net
  for i in 1 2 3; do
    serve web --network net -p 8080:80
    run_ok inspect web --format '{{.State.ConmonPid}}'
    kill -KILL "$output"
    run_ok ps -a
    lacks elements "$(nft list map inet coracle ports4)"
    run_ok rm -f web
  done
  # Six addresses, one of them the gateway's: none is lost.
  for i in 1 2 3 4 5; do run_ok run -d --network net busybox sleep 100; done
}

@test "20 containers started at once: 20 addresses, and all go" {
  import_busybox
  run_ok network create --subnet 10.213.0.0/24 net
  pids=()
  for i in {1..20}; do
    coracle run -d --name "c$i" --network net -p $((9000 + i)):80 busybox sleep 100 > /dev/null &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  run_ok network inspect net --format '{{range .Containers}}{{.IPv4Address}} {{end}}'
  equals 20 "$(tr ' ' '\n' <<< "$output" | grep . | sort -u | wc -l)"
  run_ok exec c20 nslookup c1
  pids=()
  for i in {1..20}; do
    coracle rm -f -t 0 "c$i" > /dev/null &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  run_ok network rm net
}

@test "beside docker's rules, which drop what nobody accepts" {
  import_busybox
  other_host
  # As docker leaves them by iptables.
  nft -f - << 'END'
table ip filter {
  chain DOCKER-USER { }
  chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER-USER; }
}
END
  run_ok network create --subnet 10.213.0.0/24 net
  serve web --network net --cap-add net_raw -p 8080:80
  run_ok exec web ping -c1 -W2 192.0.2.2
  via=(on_other)
  ask 192.0.2.1:8080
  equals "192.0.2.2 web"
  via=()
  # docker started again: its rules are new, and ours come back; once, though each monitor has seen that they went.
  local i before
  before=$(nft list chain ip filter DOCKER-USER | grep -c 'co-')
  for i in 1 2 3 4 5 6; do run_ok run -d --name "c$i" --network net busybox sleep 100; done
  pings() { coracle exec web ping -c1 -W1 192.0.2.2 > "$T/out"; }
  for i in 1 2 3; do
    nft flush chain ip filter DOCKER-USER
    eventually 3 pings
    sleep 0.3
    equals "$before" "$(nft list chain ip filter DOCKER-USER | grep -c 'co-')"
  done
  # iptables understands them.
  contains 'RETURN' "$(iptables -w -L DOCKER-USER -v)"
  # What docker decides about stays docker's to decide: a bridge of its, whose ports are published nowhere.
  ip link add docker0 type bridge
  ip addr add 10.214.0.1/24 dev docker0
  ip link set docker0 up
  ip link add dpeer type veth peer name eth0 netns "$other"
  ip link set dpeer master docker0 up
  on_other ip addr add 10.214.0.2/24 dev eth0
  on_other ip link set eth0 up
  on_other ip route add 10.213.0.0/24 via 10.214.0.1
  run_status 1 exec web ping -c1 -W1 10.214.0.2
  # Without our rule's exception docker's own would have been passed by.
  nft add rule ip filter FORWARD iifname '"co-*"' oifname docker0 accept
  run_ok exec web ping -c1 -W2 10.214.0.2
  ip link del docker0
  ip link del dpeer
  run_ok rm -f -t 0 web c1 c2 c3 c4 c5 c6
  run_ok network rm net
  lacks co- "$(nft list chain ip filter DOCKER-USER)"
  nft delete table ip filter
}

@test "docker's options of bridges: icc, masquerade, the address that ports are bound to, mtu" {
  import_busybox
  other_host
  run_ok network create -o com.docker.network.bridge.enable_icc=false -o com.docker.network.driver.mtu=1400 \
    -o com.docker.network.bridge.host_binding_ipv4=127.0.0.1 --subnet 10.213.0.0/24 net
  serve web --network net -p 8080:80
  run_ok run -d --name peer --network net busybox sleep 100
  fails exec peer timeout 2 wget -qO- http://10.213.0.2/cgi-bin/who
  run_ok exec peer cat /sys/class/net/eth0/mtu
  equals 1400
  ask 127.0.0.1:8080
  via=(on_other)
  refused 192.0.2.1:8080
  via=()
  run_ok network create -o com.docker.network.bridge.enable_ip_masquerade=false --subnet 10.214.0.0/24 routed
  run_ok run -d --name plain --cap-add net_raw --network routed busybox sleep 100
  fails exec plain ping -c1 -W1 192.0.2.2
  on_other ip route add 10.214.0.0/24 via 192.0.2.1
  run_ok exec plain ping -c1 -W2 192.0.2.2
}

@test "a bridge that is the user's own: only ports of containers are ours; and VLANs" {
  import_busybox
  other_host
  ip link add br-own type bridge
  ip addr add 10.217.0.1/24 dev br-own
  ip link set br-own up
  run_ok network create -o mode=unmanaged --interface-name br-own --subnet 10.217.0.0/24 own
  serve web --network own -p 8080:80
  ask "$(address_of web own)"
  equals "10.217.0.1 web"
  ask 127.0.0.1:8080
  ! nft list set inet coracle bridges 2> /dev/null | grep br-own
  run_ok rm -f -t 0 web
  run_ok network rm own
  ip link show br-own > "$T/out"
  ip link del br-own
  # The gateway and containers are in the VLAN, ports of others are not.
  ip link add probe type bridge vlan_filtering 1 2> /dev/null || return 0  # not of this kernel
  ip link del probe
  run_ok network create -o vlan=7 --interface-name brvlan --subnet 10.218.0.0/24 tagged
  serve web --network tagged
  ask "$(address_of web tagged)"
  bridge vlan show dev brvlan | grep -q '7 PVID Egress Untagged'
}

@test "SCTP: packets go to a published port and back" {
  import_busybox
  other_host
  run_ok network create --subnet 10.213.0.0/24 net
  run_ok run -d --name assoc --network net -p 9899:2905/sctp busybox sleep 100
  run_ok port assoc
  equals '2905/sctp -> 0.0.0.0:9899
2905/sctp -> [::]:9899'
  # Packets by hand: not every kernel has the protocol's own sockets. An INIT and its INIT ACK.
  cat > "$T/sctp.py" << 'P'
import socket, struct, sys
TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    TABLE.append(n)
def crc(data):
    c = 0xFFFFFFFF
    for b in data:
        c = c >> 8 ^ TABLE[(c ^ b) & 255]
    return struct.pack("<I", c ^ 0xFFFFFFFF)
def packet(source, target, tag, kind):
    chunk = struct.pack("!BBHIIHHI", kind, 0, 20, 7, 65536, 1, 1, 1)
    head = struct.pack("!HHI", source, target, tag)
    return head + crc(head + bytes(4) + chunk) + chunk
def receive(s, port):
    while True:
        data, (address, _) = s.recvfrom(65536)
        body = data[(data[0] & 15) * 4:]
        source, target, tag = struct.unpack("!HHI", body[:8])
        if target == port:
            assert body[8:12] == crc(body[:8] + bytes(4) + body[12:]), "wrong checksum"
            return address, source, body[12]
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
s.settimeout(5)
if sys.argv[1] == "serve":
    print("ready", flush=True)
    address, port, kind = receive(s, 2905)
    print(address, kind, flush=True)
    s.sendto(packet(2905, port, 7, 2), (address, 0))
else:
    s.sendto(packet(4000, 9899, 0, 1), (sys.argv[2], 0))
    print(*receive(s, 4000))
P
  local pid
  pid=$(coracle inspect assoc --format '{{.State.Pid}}')
  nsenter --net="/proc/$pid/ns/net" python3 "$T/sctp.py" serve > "$T/served" 3>&- 4>&- &
  eventually 5 grep -q ready "$T/served"
  equals '192.0.2.1 9899 2' "$(on_other python3 "$T/sctp.py" ask 192.0.2.1)"
  equals '192.0.2.2 1' "$(tail -n 1 "$T/served")"
}

@test "a kernel without nf_tables is told of, and containers without bridges run there" {
  import_busybox
  # Sockets of NETLINK_NETFILTER do not exist for what runs below this.
  cat > "$T/without" << 'P'
#!/usr/bin/env python3
import ctypes, os, struct, sys
def op(code, jt, jf, k):
    return struct.pack("HBBI", code, jt, jf, k)
SOCKET = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
program = b"".join([
    op(0x20, 0, 0, 0), op(0x15, 0, 5, SOCKET),       # the call is socket
    op(0x20, 0, 0, 16), op(0x15, 0, 3, 16),          # of AF_NETLINK
    op(0x20, 0, 0, 32), op(0x15, 0, 1, 12),          # NETLINK_NETFILTER
    op(0x06, 0, 0, 0x00050000 | 93),                 # EPROTONOSUPPORT
    op(0x06, 0, 0, 0x7FFF0000),
])
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(program)
fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, fprog, 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
P
  chmod 755 "$T/without"
  coracle() { "$T/without" "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" "$@" 3>&- 4>&-; }
  run_fails 125 run --rm --name a busybox true
  contains 'need nf_tables (CONFIG_NF_TABLES), which this kernel does not have' "$stderr"
  run_ok ps -aq
  equals ''
  run_ok run --rm --network none busybox echo none
  equals none
  run_ok run --rm --network host busybox echo host
  equals host
  ! ip -o link | grep -q veth || fail "an interface is left"
}

@test "beside firewalld: the way out is open, also after its reload, and goes with the network" {
  require firewalld firewall-cmd dbus-daemon
  import_busybox
  other_host
  on_other ip route add 10.213.0.0/24 via 192.0.2.1
  cat > "$T/bus.conf" << END
<busconfig><type>system</type><listen>unix:path=$T/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow own="*"/><allow user="*"/>
<allow receive_sender="*"/></policy></busconfig>
END
  export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$T/bus
  dbus-daemon --config-file="$T/bus.conf" --nofork --nopidfile > "$T/bus.log" 2>&1 3>&- 4>&- &
  hosts+=($!)
  eventually 5 test -S "$T/bus"
  firewalld --nofork --nopid --system-config "$T/fw" --log-file "$T/fw.log" > "$T/fw.out" 2>&1 3>&- 4>&- &
  hosts+=($!)
  eventually 30 eval 'firewall-cmd --state > "$T/out" 2>&1'
  run_ok network create --subnet 10.213.0.0/24 net
  serve web --network net --cap-add net_raw -p 8080:80
  pings() { coracle exec web ping -c1 -W1 192.0.2.2 > "$T/out"; }
  pings || fail "no way out"
  via=(on_other)
  ask 192.0.2.1:8080
  equals "192.0.2.2 web"
  via=()
  # What is published nowhere stays closed.
  ! on_other curl -s -m 1 http://10.213.0.2/ > "$T/out" || fail "reached by its address"
  firewall-cmd --reload > "$T/out"
  eventually 8 pings
  contains 10.213.0.0/24 "$(firewall-cmd --zone trusted --list-sources)"
  run_ok rm -f -t 0 web
  run_ok network rm net
  equals '' "$(firewall-cmd --zone trusted --list-sources)"
}
