# Registries for tests: `load registry` after `load helpers`, and end them in teardown:
#   teardown() { registries_stop; coracle_teardown; }
# shellcheck shell=bash disable=SC2034  # variables are for the tests

# registry_start [--tls] [--client-cert] [--auth USER:PASSWORD] [--delete]: Debian's docker-registry on a free port of 127.0.0.1.
# Sets $registry (HOST:PORT), $registry_dir (its files), $registry_log, $registry_pid; with --tls $registry_certs, a
# directory with the ca.crt that clients must trust (for --cert-dir). Its name is then "localhost:PORT". With
# --client-cert (needs --tls) it wants one of its clients: client.cert and client.key, also in that directory.
registry_start() {
  require docker-registry
  local tls="" client="" auth="" delete=false
  while [ $# -gt 0 ]; do
    case $1 in
      --tls) tls=yes ;;
      --client-cert) client=yes ;;
      --auth) auth=$2 && shift ;;
      --delete) delete=true ;;
      *) fail "registry_start: $1" || return 1 ;;
    esac
    shift
  done
  registry_dir=$(mktemp -d "$T/registry.XXXXXX")
  registry_log=$registry_dir/log
  {
    printf 'version: 0.1\nlog: {level: info}\n'
    printf 'storage: {filesystem: {rootdirectory: %s/data}, delete: {enabled: %s}}\n' "$registry_dir" "$delete"
    printf 'http:\n  addr: 127.0.0.1:0\n  secret: test\n'
    if [ -n "$tls" ]; then
      make_certificate "$registry_dir"
      registry_certs=$registry_dir/certs
      printf '  tls:\n    certificate: %s/tls.crt\n    key: %s/tls.key\n' "$registry_dir" "$registry_dir"
    fi
    if [ -n "$client" ]; then
      sign_certificate "$registry_dir" client "$registry_certs/client.cert" "$registry_certs/client.key"
      printf '    clientcas: [%s/ca.crt]\n' "$registry_certs"
    fi
    if [ -n "$auth" ]; then
      htpasswd -Bbn -C 4 "${auth%%:*}" "${auth#*:}" > "$registry_dir/htpasswd"
      printf 'auth: {htpasswd: {realm: test, path: %s/htpasswd}}\n' "$registry_dir"
    fi
  } > "$registry_dir/config.yml"
  docker-registry serve "$registry_dir/config.yml" > "$registry_log" 2>&1 < /dev/null 3>&- 4>&- &
  registry_pid=$!
  registry_pids+=("$registry_pid")
  eventually 20 registry_port "$registry_log"
  registry=$([ -n "$tls" ] && echo localhost || echo 127.0.0.1):$port
}
registry_port() {
  port=$(sed -nE 's/.*listening on [^ ]*:([0-9]+).*/\1/p' "$1" | head -n 1)
  [ -n "$port" ]
}

# bad_registry_start DIR [OPTION...]: tests/e2e/bad-registry on DIR (in OCI layout form), see there for what it can do.
# Sets $registry, $registry_log (a line for each request), $registry_pid.
bad_registry_start() {
  require python3
  local dir=$1 files
  shift
  files=$(mktemp -d "$T/bad.XXXXXX")
  registry_log=$files/log
  : > "$registry_log"
  "$CORACLE_TESTS/bad-registry" "$dir" --port-file "$files/port" --log "$registry_log" "$@" \
    > "$files/out" 2>&1 < /dev/null 3>&- 4>&- &
  registry_pid=$!
  registry_pids+=("$registry_pid")
  eventually 20 test -s "$files/port"
  registry=127.0.0.1:$(< "$files/port")
}

# requests [REGEX]: how many requests of $registry_log match ("METHOD PATH STATUS BYTES range=... auth=...").
requests() { grep -cE -- "${1:-.}" "$registry_log" || true; }

# registry_stop [PID]: one of them ($registry_pid); registries_stop: all.
registry_stop() {
  local pid=${1:-$registry_pid}
  kill "$pid" 2> /dev/null || true
  wait "$pid" 2> /dev/null || true
}
registries_stop() {
  local pid
  for pid in "${registry_pids[@]}"; do registry_stop "$pid"; done
  registry_pids=()
}
registry_pids=()

# make_certificate DIR: tls.crt and tls.key for localhost and 127.0.0.1, and certs/ca.crt, which signed it.
make_certificate() {
  mkdir -p "$1/certs"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=test CA' \
    -keyout "$1/ca.key" -out "$1/certs/ca.crt" 2> /dev/null
  sign_certificate "$1" localhost "$1/tls.crt" "$1/tls.key"
}
# sign_certificate DIR NAME CERTIFICATE KEY: made for NAME by the CA of make_certificate DIR.
sign_certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$4" -out "$1/request" 2> /dev/null
  openssl x509 -req -in "$1/request" -CA "$1/certs/ca.crt" -CAkey "$1/ca.key" -set_serial "0x$(openssl rand -hex 8)" -days 2 \
    -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1') -out "$3" 2> /dev/null
}
