# shellcheck shell=bash
# A dockerd of a test file's own, started by hand with everything it writes below that file's directory. It only runs
# as root. To be loaded after helpers; setup_file calls dockerd_start, teardown_file dockerd_stop.

# dockerd_start: does nothing where it can't.
dockerd_start() {
  [ "$(id -u)" = 0 ] && command -v dockerd containerd docker > /dev/null || return 0
  # A short path: it holds sockets.
  export DOCKER_DIR
  DOCKER_DIR=$(mktemp -d "${CORACLE_TEST_DIR:-/tmp}/d.XXX")
  cat > "$DOCKER_DIR/containerd.toml" << END
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[plugins."io.containerd.internal.v1.opt"]
  path = "$DOCKER_DIR/opt"
END
  echo '{}' > "$DOCKER_DIR/daemon.json"
  containerd -c "$DOCKER_DIR/containerd.toml" -a "$DOCKER_DIR/c" --root "$DOCKER_DIR/cr" --state "$DOCKER_DIR/cs" -l warn \
    > "$DOCKER_DIR/containerd.log" 2>&1 < /dev/null 3>&- 4>&- &
  echo $! > "$DOCKER_DIR/containerd.pid"
  eventually 20 test -S "$DOCKER_DIR/c" || return 0
  dockerd --config-file "$DOCKER_DIR/daemon.json" --containerd "$DOCKER_DIR/c" -H "unix://$DOCKER_DIR/s" -p "$DOCKER_DIR/p" \
    --data-root "$DOCKER_DIR/root" --exec-root "$DOCKER_DIR/exec" --iptables=false --ip6tables=false --bridge=none \
    --storage-driver vfs > "$DOCKER_DIR/dockerd.log" 2>&1 < /dev/null 3>&- 4>&- &
  echo $! > "$DOCKER_DIR/dockerd.pid"
  eventually 30 docker -H "unix://$DOCKER_DIR/s" version > "$DOCKER_DIR/version" 2>&1 || true
}

dockerd_stop() {
  [ -n "${DOCKER_DIR:-}" ] || return 0
  local program
  for program in dockerd containerd; do
    [ ! -s "$DOCKER_DIR/$program.pid" ] || end_process "$(< "$DOCKER_DIR/$program.pid")"
  done
  rm -rf "$DOCKER_DIR"
  rmdir /run/docker/plugins /run/docker 2> /dev/null || true
}
# The daemons were started by another shell than the one that ends them.
end_process() {
  kill "$1" 2> /dev/null || return 0
  eventually 20 gone "$1" || kill -KILL "$1"
}
gone() { ! kill -0 "$1" 2> /dev/null; }
# Whether there is one.
dockerd_runs() { [ -S "$DOCKER_DIR/s" ] && ! gone "$(< "$DOCKER_DIR/dockerd.pid")"; }
