# Networks as objects: the commands on them, and what run and create say about them. Packets are elsewhere.
load helpers

# no_networks: only the default network is listed, and nothing of another lies on the disk.
no_networks() {
  run_ok network ls -q
  equals bridge
  equals "" "$(find "$CORACLE_ROOT/networks" -mindepth 1 ! -name bridge.network 2> /dev/null)"
  equals "" "$(find "$CORACLE_RUNROOT/networks" -mindepth 1 2> /dev/null)"
}

@test "a network is made, listed, inspected and removed" {
  run_ok network create web
  equals web
  run_fails 125 network create web
  contains "network name web is already used" "$stderr"
  run_ok network create --ignore web
  equals web
  run_ok network ls --format '{{.Name}} {{.Driver}}'
  equals $'bridge bridge\nweb bridge'
  run_ok network ls --noheading --format 'table {{.Name}}'
  equals $'bridge\nweb'
  run_ok network inspect web --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Internal}} {{.DNSEnabled}}'
  equals "web bridge local false true"
  run_ok network inspect web --format '{{range .Subnets}}{{.Subnet}} {{.Gateway}}{{end}}'
  subnet=$output
  # docker's members say the same.
  run_ok network inspect web --format '{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}}{{end}}'
  equals "$subnet"
  run_ok network inspect web --format '{{.ID}}'
  run_ok network inspect "${output:0:12}" --format '{{.Name}}'
  equals web
  run_ok network exists web
  run_status 1 network exists noweb
  run_ok network rm web
  equals web
  run_fails 1 network rm web
  contains "no such network: web" "$stderr"
  run_ok network rm -f web
  run_fails 125 network inspect web
  equals '[]'
  no_networks
}

@test "the default network is always there, under its three names, and stays" {
  for name in bridge podman default; do
    run_ok network inspect "$name" --format '{{.Name}} {{.NetworkInterface}}'
    equals "bridge coracle0"
  done
  run_fails 125 network rm bridge
  contains "the default network bridge cannot be removed" "$stderr"
  run_fails 125 network create podman
  contains "network name podman is already used" "$stderr"
  run_ok network prune -f
  no_networks
}

@test "everything that create takes is shown again" {
  run_ok network create --subnet 10.213.0.0/24 --gateway 10.213.0.254 --ip-range 10.213.0.128/25 --internal \
    --label app=web --label tier -o mtu=1400,isolate=true --dns 9.9.9.9 --route 10.214.0.0/16,10.213.0.9,50 \
    --interface-name testbr0 lab
  run_ok network inspect lab
  jq -e '.[0] | .subnets == [{subnet: "10.213.0.0/24", gateway: "10.213.0.254",
           lease_range: {start_ip: "10.213.0.128", end_ip: "10.213.0.254"}}] and
         .routes == [{destination: "10.214.0.0/16", gateway: "10.213.0.9", metric: 50}] and
         .internal and .labels == {app: "web", tier: ""} and .options == {mtu: "1400", isolate: "true"} and
         .network_dns_servers == ["9.9.9.9"] and .network_interface == "testbr0" and
         .IPAM.Config == [{Subnet: "10.213.0.0/24", Gateway: "10.213.0.254", IPRange: "10.213.0.128/25"}] and
         .Labels.app == "web" and .Containers == {} and .EnableIPv4 and (.EnableIPv6 | not)' <<< "$output"
  run_ok network create --ipv6 six
  run_ok network inspect six
  jq -e '.[0] | .EnableIPv6 and (.subnets | length == 2) and (.subnets[1].subnet | test("^fd.*::/64$"))' <<< "$output"
  run_ok network create -o com.docker.network.driver.mtu=1300 -o com.docker.network.bridge.name=testbr1 docker
  run_ok network inspect docker --format '{{.Options.mtu}} {{.NetworkInterface}}'
  equals "1300 testbr1"
  run_ok network update --dns-add 1.1.1.1,8.8.8.8 --dns-drop 9.9.9.9 lab
  run_ok network inspect lab --format '{{.NetworkDNSServers}}'
  equals "[1.1.1.1 8.8.8.8]"
  run_fails 125 network update --dns-drop 9.9.9.9 lab
  contains "network lab has no DNS server 9.9.9.9" "$stderr"
  run_ok network ls -q --filter label=app=web
  equals lab
  run_ok network rm lab six docker
  no_networks
}

@test "what can't be is refused in one line that names it" {
  refused() {
    local reason=$1
    shift
    run_fails 125 network create "$@"
    contains "$reason" "$stderr"
    equals 1 "$(wc -l <<< "$stderr")"
  }
  ip link add uplink type dummy 2> /dev/null && ip addr add 172.29.5.1/24 dev uplink && ip link set uplink up &&
    refused "overlaps 172.29.5.0/24, which is used by a route of the host (uplink)" --subnet 172.29.0.0/16 x
  run_ok network create --subnet 10.213.0.0/24 first
  refused "overlaps 10.213.0.0/24, which is used by network first" --subnet 10.213.0.128/25 x
  refused "gateway 10.1.1.1 is in no subnet" --subnet 10.1.0.0/24 --gateway 10.1.1.1 x
  refused "is in no subnet" --subnet 10.1.0.0/24 --ip-range 10.2.0.0/25 x
  refused "is not a subnet" --subnet 10.1.0.0 x
  refused "has no room" --subnet 10.1.0.0/32 x
  refused "is not valid" 'a b'
  refused "is not valid" ../x
  refused "conflicts with the network mode" host
  refused "it has 16 bytes" --interface-name sixteen-bytes-xx x
  refused 'unknown network driver "overlay"' -d overlay x
  refused 'unknown network option "frob"' -o frob=1 x
  refused "expected a number from 68 to 65535" -o mtu=1 x
  refused "not supported yet" --ipam-driver dhcp x
  run_ok network rm first
  no_networks
}

@test "a network in use names its containers; -f removes them; prune leaves it" {
  import_busybox
  run_ok network create used
  run_ok network create idle
  run_ok create --name one --network used:alias=uno busybox true
  run_ok create --name two --network used --network idle --rm busybox true
  run_fails 2 network rm used
  contains "network used is being used by the following container(s): one, two" "$stderr"
  run_ok ps -a --filter network=used --format '{{.Names}} {{.Networks}}' --sort names
  equals $'one used\ntwo used,idle'
  run_ok rm two
  run_ok network ls -q --filter dangling=true
  equals idle
  run_ok network prune -f
  equals idle
  run_ok network rm -f used
  run_status 1 container exists one
  no_networks
}

@test "connect and disconnect of a container that does not run" {
  import_busybox
  run_ok network create --subnet 10.213.0.0/24 a
  run_ok network create b
  run_ok create --name c --network b busybox true
  run_ok network connect --ip 10.213.0.9 --alias nine --mac-address 02:42:0a:d5:00:09 a c
  run_ok inspect c --format '{{(index .NetworkSettings.Networks "a").IPAMConfig.IPv4Address}}'
  equals 10.213.0.9
  run_fails 125 network connect a c
  contains "container c is already connected to network a" "$stderr"
  run_ok network disconnect b c
  run_fails 125 network disconnect b c
  contains "container c is not connected to network b" "$stderr"
  run_ok network disconnect -f b c
  run_ok create --name n --network none busybox true
  run_fails 125 network connect a n
  contains "can't be connected to network a" "$stderr"
  run_fails 125 network connect --ip 10.99.0.1 b c
  contains "IP address 10.99.0.1 is in no subnet of network b" "$stderr"
  run_ok rm c n
  run_ok network rm a b
  no_networks
}

@test "options of create that contradict each other or name nothing" {
  import_busybox
  run_ok network create --subnet 10.213.0.0/24 a
  refused() {
    local reason=$1
    shift
    run_fails 125 create --name x "$@" busybox true
    contains "$reason" "$stderr"
    run_status 1 container exists x
  }
  refused "no such network: nonet" --network nonet
  refused "is the gateway of network a" --network a:ip=10.213.0.1
  refused "is in no subnet of network a" --network a --ip 10.9.9.9
  refused "the network mode is host" --network host --ip 10.213.0.2
  refused "the network mode is none" --network none --network-alias y
  refused "can't be combined with another network" --network a --network host
  refused "network a is given twice" --network a --network a
  refused "wanted twice" --network a -p 80:80 -p 80:81
  refused "differ in length" --network a -p 80-81:80
  refused "unknown protocol" --network a -p 80/icmp
  refused "conflicts with --network container:y" --network container:y -p 80:80
  refused "no such container" --network a --link nobody:db
  refused "not a MAC address" --network a --mac-address zz
  run_ok create --name h --network host -p 80:80 busybox true
  contains "published ports are discarded with --network host" "$stderr"
  run_ok rm h
  run_ok network rm a
  no_networks
}

@test "ports in inspect, ps and port as they were asked for" {
  import_busybox
  run_ok network create a
  run_ok create --name web --network a -p 127.0.0.1:8080:80 -p 53:53/udp -p 7000-7001:7000-7001 -p 90 --expose 443 \
    busybox true
  run_ok inspect web --format '{{json .HostConfig.PortBindings}}'
  jq -e '. == {"80/tcp": [{HostIp: "127.0.0.1", HostPort: "8080"}], "53/udp": [{HostIp: "", HostPort: "53"}],
               "7000/tcp": [{HostIp: "", HostPort: "7000"}], "7001/tcp": [{HostIp: "", HostPort: "7001"}],
               "90/tcp": [{HostIp: "", HostPort: ""}]}' <<< "$output"
  run_ok inspect web --format '{{.HostConfig.NetworkMode}} {{range $name, $n := .NetworkSettings.Networks}}{{$name}}{{end}}'
  equals "bridge a"
  run_ok ps -a --no-trunc --format '{{.Ports}}'
  equals "127.0.0.1:8080->80/tcp, 0.0.0.0:53->53/udp, [::]:53->53/udp, 0.0.0.0:7000-7001->7000-7001/tcp, [::]:7000-7001->7000-7001/tcp, 90/tcp, 443/tcp"
  run_ok port web 80
  equals 127.0.0.1:8080
  run_fails 125 port web 81
  contains "no public port 81/tcp published for web" "$stderr"
  run_ok rm web
  run_ok network rm a
  no_networks
}

@test "200 networks made and removed by 8 processes at once: no subnet twice, nothing left" {
  make() {
    local i
    for ((i = 0; i < 25; ++i)); do coracle_as_is --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" network create "n$1-$i" || return 1; done
  }
  remove() {
    local i
    for ((i = 0; i < 25; ++i)); do coracle_as_is --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" network rm "n$1-$i" || return 1; done
  }
  local p pids=()
  for p in 1 2 3 4 5 6 7 8; do make "$p" > /dev/null & pids+=($!); done
  for p in "${pids[@]}"; do wait "$p"; done
  run_ok network ls --format '{{range .Subnets}}{{.Subnet}}{{end}}'
  equals 201 "$(sort -u <<< "$output" | wc -l)"
  pids=()
  for p in 1 2 3 4 5 6 7 8; do remove "$p" > /dev/null & pids+=($!); done
  for p in "${pids[@]}"; do wait "$p"; done
  no_networks
}
