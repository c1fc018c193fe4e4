# A registry that lies, cuts, stalls and loops: one clear line, exit code 125, and the store as it was.
load helpers
load registry
teardown() { registries_stop; coracle_teardown; }

# An OCI layout with one image of busybox and a layer of noise: $layout; $layer and $config are the digests' digits.
make_layout() {
  layout=$T/layout
  mkdir -p "$layout/blobs/sha256"
  mapfile -t digests < <(python3 - "$layout" "$(fixture busybox)" "${1:-}" << 'PYTHON'
import gzip, hashlib, io, json, os, random, sys, tarfile
directory, busybox, special = sys.argv[1:]
def put(data):
    digest = hashlib.sha256(data).hexdigest()
    open(f"{directory}/blobs/sha256/{digest}", "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}
random.seed(1)
noise = random.randbytes(2 << 20)
out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w") as tar:
    info = tarfile.TarInfo("noise")
    info.size = len(noise)
    tar.addfile(info, io.BytesIO(noise))
plain = [open(busybox, "rb").read(), out.getvalue()]
packed = [gzip.compress(p, mtime=0) for p in plain]
diff_ids = ["sha256:" + hashlib.sha256(p).hexdigest() for p in plain]
if special == "diff-id":
    diff_ids[1] = "sha256:" + "1" * 64
config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["true"]}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
if special == "no-diff-ids":
    config["rootfs"]["diff_ids"] = []
config = put(json.dumps(config).encode())
layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **put(p)} for p in packed]
if special == "size":
    layers[1]["size"] -= 1
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config}, "layers": layers}
if special == "schema1":
    manifest = {"schemaVersion": 1, "name": "x", "tag": "1", "fsLayers": [], "history": [], "signatures": []}
if special == "deep":
    raw = b'{"schemaVersion":2,"x":' + b"[" * 100000 + b"]" * 100000 + b"}"
else:
    raw = json.dumps(manifest).encode()
entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", **put(raw),
    "annotations": {"org.opencontainers.image.ref.name": "1"}}
json.dump({"schemaVersion": 2, "manifests": [entry]}, open(f"{directory}/index.json", "w"))
print(layers[1]["digest"][7:])
print(config["digest"][7:])
print(layers[1]["size"])
PYTHON
  )
  layer=${digests[0]} config=${digests[1]} layer_size=${digests[2]}
}

# Nothing is listed, staged or stored; a partial blob may wait.
store_unchanged() {
  run_ok images -aq
  equals ""
  [ -z "$(find "$CORACLE_ROOT"/{layers,blobs/sha256,images,names/images,tmp,staged/*/*} "$CORACLE_RUNROOT"/{leases,transfers} -mindepth 1 2> /dev/null)" ] ||
    fail "left: $(find "$CORACLE_ROOT" "$CORACLE_RUNROOT" -mindepth 2)"
}
# refused FAULT...: a pull from a registry with these faults fails, and is $said why.
refused() {
  local options=() fault
  for fault in "$@"; do options+=(--fault "$fault"); done
  bad_registry_start "$layout" "${options[@]}"
  run_fails 125 pull -q --retry 1 --retry-delay 10ms "$registry/x:1"
  said=$stderr
  [ "$(wc -l <<< "$stderr")" = 1 ] || fail "more than a line: $stderr"
  [ "${#stderr}" -lt 700 ] || fail "a long line: $stderr"
  store_unchanged
  registry_stop
}

@test "lies about digests, sizes and types" {
  make_layout
  refused "corrupt@blobs/sha256:$layer"
  contains "$layer" "$said"
  refused "truncate=1000@blobs/sha256:$layer"
  refused "extend=5000@blobs/sha256:$layer"
  refused "corrupt@blobs/sha256:$config"
  refused "header-digest=sha256:$(printf '2%.0s' {1..64})@manifests/"
  refused "type=text/html@manifests/"
  refused "corrupt@manifests/"
  rm -rf "$CORACLE_ROOT/partial"
}

@test "manifests that are too large, too deep, of schema 1, or contradict their config" {
  make_layout
  refused "huge=2000000000@manifests/"
  rm -r "$layout"
  make_layout deep
  refused
  rm -r "$layout"
  make_layout schema1
  refused "type=application/vnd.docker.distribution.manifest.v1+json@manifests/"
  contains "schema 1" "$said"
  local special
  for special in diff-id no-diff-ids size; do
    rm -r "$layout"
    make_layout "$special"
    refused
  done
}

@test "statuses: 401 in a loop, 403, 404, 429, 500, redirects in a circle" {
  make_layout
  refused "unauthorized@."
  refused "status=403@manifests/"
  refused "status=404@manifests/"
  refused "status=404@blobs/sha256:$layer"
  refused "retry-after=0@manifests/"
  refused "status=500@blobs/sha256:$layer"
  refused "redirect={path}@blobs/sha256:$layer"
  refused "drop@manifests/"
}

@test "a cut is resumed by range, within one pull and by the next one" {
  make_layout
  bad_registry_start "$layout" --fault "cut=700000@blobs/sha256:$layer#1"
  run_ok pull -q --retry-delay 10ms "$registry/x:1"
  equals 1 "$(requests "blobs/sha256:$layer .*range=bytes=[1-9]")"
  registry_stop
  run_ok rmi -af

  bad_registry_start "$layout" --fault "cut=700000@blobs/sha256:$layer"
  run_fails 125 pull -q --retry 0 "$registry/x:1"
  store_unchanged
  registry_stop
  local held
  held=$(stat -c %s "$CORACLE_ROOT/partial/$layer")
  [ "$held" -gt 0 ] && [ "$held" -le 700000 ]
  bad_registry_start "$layout"
  run_ok pull -q "$registry/x:1"
  equals 1 "$(requests "blobs/sha256:$layer .*range=bytes=$held-")"
  [ ! -e "$CORACLE_ROOT/partial/$layer" ]
  run_ok run --rm "$registry/x:1" wc -c /noise
}

@test "a cut at any of many places ends well, without or with ranges" {
  make_layout
  local place
  for place in 0 1 9 10 11 4095 65536 1000000 $((layer_size - 9)) $((layer_size - 8)) $((layer_size - 1)); do
    bad_registry_start "$layout" --fault "cut=$place@blobs/sha256:$layer#1"
    run_ok pull -q --retry-delay 1ms "$registry/x:1"
    registry_stop
    run_ok rmi -af
    bad_registry_start "$layout" --fault "cut=$place@blobs/sha256:$layer#1" --fault "no-range@blobs"
    run_fails 125 pull -q --retry 0 "$registry/x:1"
    run_ok pull -q --retry 0 "$registry/x:1"
    registry_stop
    run_ok rmi -af
  done
}

@test "a partial blob that was damaged meanwhile is fetched anew" {
  make_layout
  bad_registry_start "$layout" --fault "cut=700000@blobs/sha256:$layer#1"
  run_fails 125 pull -q --retry 0 "$registry/x:1"
  printf damage | dd of="$CORACLE_ROOT/partial/$layer" bs=1 seek=5000 conv=notrunc status=none
  run_ok pull -q "$registry/x:1"
  run_ok run --rm "$registry/x:1" true
}

@test "killed at any moment of a pull: the next one finishes it" {
  make_layout
  bad_registry_start "$layout" --fault "drip=0.0002@blobs/sha256:$config"
  local delay pid
  for delay in 0.01 0.03 0.06 0.1 0.15 0.25; do
    "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" pull -q "$registry/x:1" > "$T/out" 2>&1 3>&- 4>&- &
    pid=$!
    sleep "$delay"
    kill -KILL "$pid" 2> /dev/null || true
    wait "$pid" || true
    run_ok images -q
    run_ok pull -q "$registry/x:1"
    run_ok run --rm "$registry/x:1" true
    run_ok rmi -af
    run_ok image prune -f
    [ -z "$(find "$CORACLE_ROOT"/{layers,blobs/sha256,images,tmp,partial,staged/*/*} -mindepth 1)" ] ||
      fail "left: $(find "$CORACLE_ROOT" -mindepth 2)"
  done
}

@test "Ctrl-C leaves a partial blob that the next pull goes on with, and nothing else" {
  make_layout
  bad_registry_start "$layout" --fault "stall=500000@blobs/sha256:$layer#1"
  # A background job of a script has SIGINT ignored: python gives it back.
  python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
    "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" pull "$registry/x:1" > "$T/out" 2> "$T/err" 3>&- 4>&- &
  local pid=$! code=0
  eventually 10 sh -c "[ \"\$(stat -c %s '$CORACLE_ROOT/partial/$layer' 2> /dev/null || echo 0)\" -gt 100000 ]"
  kill -INT "$pid"
  wait "$pid" || code=$?
  cat "$T/err"
  equals 130 "$code"
  store_unchanged
  run_ok pull -q "$registry/x:1"
  equals 1 "$(requests "blobs/sha256:$layer .*range=bytes=[1-9]")"
}

@test "a bomb is bounded by what the disk has" {
  require root
  layout=$T/layout
  mkdir -p "$layout/blobs/sha256" "$T/small"
  python3 - "$layout" << 'PYTHON'
import gzip, hashlib, io, json, sys, tarfile, zlib
directory = sys.argv[1]
def put(data):
    digest = hashlib.sha256(data).hexdigest()
    open(f"{directory}/blobs/sha256/{digest}", "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}
pack = zlib.compressobj(9, zlib.DEFLATED, 31)
info = tarfile.TarInfo("zeros")
info.size = 300 << 20
plain = hashlib.sha256()
parts = []
for block in [info.tobuf(), *[bytes(1 << 20)] * 300, bytes(1024)]:
    plain.update(block)
    parts.append(pack.compress(block))
blob = b"".join(parts) + pack.flush()
config = put(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + plain.hexdigest()]}}).encode())
manifest = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
    "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **put(blob)}]}).encode())
json.dump({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest,
    "annotations": {"org.opencontainers.image.ref.name": "1"}}]}, open(f"{directory}/index.json", "w"))
PYTHON
  mount -t tmpfs -o size=100m tmpfs "$T/small"
  CORACLE_ROOT=$T/small/root
  bad_registry_start "$layout"
  run_fails 125 pull -q "$registry/x:1"
  contains "free" "$stderr"
  store_unchanged
  [ "$(df --output=pcent "$T/small" | tail -n 1 | tr -dc 0-9)" -lt 10 ]
  umount "$T/small"
}

@test "a full disk: the pull fails, leaves room, and works once there is room" {
  require root
  make_layout
  mkdir "$T/small"
  mount -t tmpfs -o size=60m tmpfs "$T/small"
  CORACLE_ROOT=$T/small/root
  bad_registry_start "$layout"
  run_ok images
  head -c 58M /dev/zero > "$T/small/filler" || true
  run_fails 125 pull -q "$registry/x:1"
  rm "$T/small/filler"
  store_unchanged
  run_ok pull -q "$registry/x:1"
  run_ok run --rm "$registry/x:1" true
  coracle rm -fa > /dev/null || true
  umount "$T/small"
  CORACLE_ROOT=$T/root
}

@test "a mirror that fails is left for the next, and the registry itself" {
  make_layout
  bad_registry_start "$layout" --fault "status=500@."
  local broken=$registry
  bad_registry_start "$layout" --fault "cut=500000@blobs/sha256:$layer"
  local cutting=$registry cutting_log=$registry_log
  bad_registry_start "$layout"
  mkdir -p "$T/home/.config/containers"
  cat > "$T/home/.config/containers/registries.conf" << CONF
[[registry]]
location = "$registry"
insecure = true
[[registry.mirror]]
location = "$broken"
insecure = true
[[registry.mirror]]
location = "$cutting"
insecure = true
CONF
  export CONTAINERS_REGISTRIES_CONF=$T/home/.config/containers/registries.conf
  run_ok pull -q --retry 0 "$registry/x:1"
  unset CONTAINERS_REGISTRIES_CONF
  grep -q "blobs/sha256:$layer" "$cutting_log"
  equals 1 "$(requests "blobs/sha256:$layer")"
  run_ok image exists "$registry/x:1"
}
