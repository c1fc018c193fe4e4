# Networks beside docker's and podman's, as they are run by themselves: none disturbs another, also when one of them
# removes its rules and makes them again. All in this file's network
# namespace (needs_uplink: 192.0.2.1 is the host's address), with a dockerd of the test's own.
load helpers
bats_require_minimum_version 1.5.0

setup() {
  coracle_setup
  require root curl dockerd containerd docker podman nft iptables
  mkdir -p "$T/d/client"
  export DOCKER_HOST=unix://$T/d/s DOCKER_CONFIG=$T/d/client CONTAINERS_CONF=$T/containers.conf
  printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[plugins."io.containerd.internal.v1.opt"]\n  path = "%s"\n' \
    "$T/d/opt" > "$T/d/containerd.toml"
  echo '{}' > "$T/d/daemon.json"
  podman_conf "$CONTAINERS_CONF" '[network]' 'network_backend = "netavark"'
  start_containerd
  start_docker
  import_busybox
  docker import "$(fixture busybox)" busybox > "$T/out"
  pod import -q "$(fixture busybox)" busybox > "$T/out" 2>&1
}
teardown() {
  docker ps -aq 2> /dev/null | xargs -r docker rm -f > /dev/null 2>&1 || true
  [ -z "${podman_used:-}" ] || pod rm -af -t 0 > /dev/null 2>&1 || true
  [ -z "${podman_used:-}" ] || pod network rm -f theirs > /dev/null 2>&1 || true
  local program
  for program in "${dockerd:-}" "${containerd:-}"; do [ -z "$program" ] || end_process "$program"; done
  umount "$T/pod/overlay" "$T/pod" 2> /dev/null || true  # podman's own, kept on purpose
  find "$T/d" -type f -path '*/netns/*' -exec umount {} \; 2> /dev/null || true
  coracle rm -f -t 0 -a > "$T/stderr" 2>&1
  coracle network rm -f ours > "$T/stderr" 2>&1 || true
  rmdir /run/docker/plugins /run/docker 2> /dev/null || true
  coracle_teardown
}
end_process() {
  kill "$1" 2> /dev/null || return 0
  wait "$1" || true
}
start_containerd() {
  containerd -c "$T/d/containerd.toml" -a "$T/d/c" --root "$T/d/cr" --state "$T/d/cs" -l warn > "$T/d/containerd.log" 2>&1 \
    < /dev/null 3>&- 4>&- &
  containerd=$!
  eventually 20 test -S "$T/d/c"
}
start_docker() {
  dockerd --config-file "$T/d/daemon.json" --containerd "$T/d/c" -H "unix://$T/d/s" -p "$T/d/p" --data-root "$T/d/root" \
    --exec-root "$T/d/exec" --storage-driver vfs > "$T/d/dockerd.log" 2>&1 < /dev/null 3>&- 4>&- &
  dockerd=$!
  eventually 30 docker version > "$T/out" 2>&1 || { tail -n 3 "$T/d/dockerd.log"; return 1; }
}
pod() {
  podman_used=1
  env -u DOCKER_HOST -u DOCKER_CONFIG podman --root "$T/pod" --runroot "$T/podrun" --tmpdir "$T/podtmp" --network-config-dir "$T/podnet" \
    --runtime "$(dirname "$CORACLE")/coracle-oci" "$@" 3>&- 4>&-
}

server() { echo "mkdir /w; echo $1 > /w/index.html; exec httpd -f -p 80 -h /w"; }
says() { [ "$(curl -sS -m 3 "http://$2/" 2>&1)" = "$1" ]; }
# get ADDRESS: for a container's shell.
get() { printf '%s\n' "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2 $1 80 | tail -n 1"; }

# All of the three do what they did, by the host and between their own.
undisturbed() {
  eventually 10 says docker 127.0.0.1:8001
  eventually 10 says podman 127.0.0.1:8002
  eventually 10 says coracle 127.0.0.1:8003
  equals docker "$(docker exec client sh -c "$(get web)")"
  equals podman "$(pod exec client sh -c "$(get "$podman_web")")"
  equals coracle "$(coracle exec client sh -c "$(get web)")"
  # Each of them reaches what the others publish.
  local port name
  for port in 8001:docker 8002:podman 8003:coracle; do
    name=${port#*:}
    equals "$name" "$(coracle exec client sh -c "$(get "192.0.2.1" | sed "s/ 80 / ${port%:*} /")")"
  done
  # By its address ours is reached from ours only.
  equals "" "$(docker exec client sh -c "$(get "$coracle_web")")"
  # ... and what docker publishes nowhere from docker's only.
  equals "" "$(coracle exec client sh -c "$(get "$docker_client")")"
}

@test "docker, podman and ours side by side" {
  iptables -w -P FORWARD DROP  # as docker does where it is the one to turn forwarding on
  docker network create theirs > "$T/out"
  docker run -d --name web --network theirs -p 8001:80 busybox sh -c "$(server docker)" > "$T/out"
  docker run -d --name client --network theirs busybox sh -c "$(server secret)" > "$T/out"
  pod network create --disable-dns theirs > "$T/out"
  pod run -d --name web --network theirs -p 8002:80 localhost/busybox sh -c "$(server podman)" > "$T/out"
  pod run -d --name client --network theirs localhost/busybox sleep 1000 > "$T/out"
  run_ok network create ours
  run_ok run -d --name web --network ours -p 8003:80 busybox sh -c "$(server coracle)"
  run_ok run -d --name client --network ours busybox sleep 1000
  podman_web=$(pod inspect web --format '{{.NetworkSettings.Networks.theirs.IPAddress}}')
  run_ok inspect web --format '{{.NetworkSettings.Networks.ours.IPAddress}}'
  coracle_web=$output
  docker_client=$(docker inspect client --format '{{.NetworkSettings.Networks.theirs.IPAddress}}')
  equals secret "$(docker exec web sh -c "$(get "$docker_client")")"
  undisturbed
  # docker comes back, by itself and with what it had; then somebody flushes all rules there are.
  end_process "$dockerd"
  start_docker
  docker start web client > "$T/out"
  docker_client=$(docker inspect client --format '{{.NetworkSettings.Networks.theirs.IPAddress}}')
  undisturbed
  run_ok rm -f -t 0 web client
  run_ok network rm ours
  eventually 10 says docker 127.0.0.1:8001
  eventually 10 says podman 127.0.0.1:8002
  # Nothing of ours is in their tables.
  lacks coracle "$(nft list ruleset | grep -v 'inet coracle' | grep -A100000 '^table ip')"
}
