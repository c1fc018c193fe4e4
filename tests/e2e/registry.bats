# Images between a real registry (Debian's docker-registry) and the store.
load helpers
load registry
teardown() { registries_stop; coracle_teardown; }

# Requests that reached docker-registry, by its access log: "METHOD /v2/…".
seen() { grep -aoE '"(GET|HEAD|PUT|POST|PATCH) /v2/[^ ]*' "$registry_log" | tr -d '"' | grep -cE -- "${1:-.}" || true; }

# Image of two layers beyond busybox's in docker-registry, made by other hands: layered FORMAT [gzip|zstd]
layered() {
  local dir=$T/layout-$1-${2:-gzip} n
  mkdir -p "$dir/blobs/sha256"
  python3 - "$dir" "$1" "${2:-gzip}" "$(fixture busybox)" << 'PYTHON'
import gzip, hashlib, io, json, subprocess, sys, tarfile
directory, form, compression, busybox = sys.argv[1:]
docker = form == "docker"
def put(data):
    digest = hashlib.sha256(data).hexdigest()
    open(f"{directory}/blobs/sha256/{digest}", "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}
def layer(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return out.getvalue()
plain = [open(busybox, "rb").read(), layer({"one": b"1" * 200000, "gone": b"x"}), layer({"two": b"2", ".wh.gone": b""})]
layers = []
for data in plain:
    packed = gzip.compress(data, mtime=0) if compression == "gzip" else \
        subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    kind = "application/vnd.docker.image.rootfs.diff.tar.gzip" if docker else f"application/vnd.oci.image.layer.v1.tar+{compression}"
    layers.append({"mediaType": kind, **put(packed)})
config = put(json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["cat", "/one"]}, "rootfs": {
    "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(p).hexdigest() for p in plain]}}).encode())
manifest = put(json.dumps({
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json" if docker else "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.docker.container.image.v1+json" if docker else "application/vnd.oci.image.config.v1+json", **config},
    "layers": layers}).encode())
kind = json.loads(open(f"{directory}/blobs/sha256/{manifest['digest'][7:]}").read())["mediaType"]
json.dump({"schemaVersion": 2, "manifests": [{"mediaType": kind, **manifest,
    "annotations": {"org.opencontainers.image.ref.name": "1"}}]}, open(f"{directory}/index.json", "w"))
open(f"{directory}/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
PYTHON
  layout=$dir
}
# put_layered NAME FORMAT [gzip|zstd]: into docker-registry.
put_layered() {
  layered "$2" "${3:-gzip}"
  if [ "$2" = docker ]; then
    # skopeo writes no docker manifests into a layout, so this one goes by hand.
    put_layout "$layout" "$1"
  else
    skopeo --insecure-policy copy -q --preserve-digests --dest-tls-verify=false "oci:$layout:1" "docker://$registry/$1"
  fi
}
put_layout() {
  python3 - "$1" "$registry" "${2%:*}" "${2##*:}" << 'PYTHON'
import json, sys, urllib.request
directory, host, repository, tag = sys.argv[1:]
def call(method, url, data=None, kind="application/octet-stream"):
    return urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": kind}, method=method))
blob = lambda digest: open(f"{directory}/blobs/sha256/{digest[7:]}", "rb").read()
entry = json.load(open(f"{directory}/index.json"))["manifests"][0]
manifest = json.loads(blob(entry["digest"]))
for part in [manifest["config"], *manifest["layers"]]:
    place = call("POST", f"http://{host}/v2/{repository}/blobs/uploads/").headers["Location"]
    call("PUT", place + ("&" if "?" in place else "?") + "digest=" + part["digest"], blob(part["digest"]))
call("PUT", f"http://{host}/v2/{repository}/manifests/{tag}", blob(entry["digest"]), entry["mediaType"])
PYTHON
}
digest_of() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$1"; }

@test "push, pull by tag and by digest, remove, pull again: the same digest and id" {
  registry_start
  import_busybox
  run_ok push -q --digestfile "$T/digest" busybox "$registry/a/b:1"
  local digest id
  digest=$(< "$T/digest")
  equals "$digest" "$(digest_of "$registry/a/b:1")"
  id=$(coracle image inspect -f '{{.Id}}' busybox)
  run_ok rmi -f busybox
  [ -z "$(ls "$CORACLE_ROOT/blobs/sha256")" ]
  run_ok pull "$registry/a/b:1"
  equals "$id"
  contains "Copying blob" "$stderr"
  run_ok run --rm "$registry/a/b:1" echo works
  equals works
  run_ok rmi -f "$registry/a/b:1"
  run_ok pull -q "$registry/a/b@$digest"
  equals "$id"
  equals "" "$stderr"
  run_ok image inspect -f '{{index .RepoDigests 0}}' "$registry/a/b@$digest"
  equals "$registry/a/b@$digest"
  run_fails 125 pull -q "$registry/a/b:none"
  contains "none" "$stderr"
  run_fails 125 pull -q "$registry/a/b@sha256:$(printf '0%.0s' {1..64})"
}

@test "what others push in OCI's and docker's format, gzip and zstd, is pulled, and pushed on bit for bit" {
  registry_start
  local form
  for form in "oci gzip" "oci zstd" "docker gzip"; do
    # shellcheck disable=SC2086  # two words
    put_layered "src/x:1" $form
    run_ok pull -q "$registry/src/x:1"
    run_ok run --rm "$registry/src/x:1" sh -c 'wc -c < /one; cat /two; ls /gone'  2> /dev/null || true
    run_ok run --rm "$registry/src/x:1" sh -c 'wc -c < /one; cat /two; [ ! -e /gone ]'
    equals $'200000\n2'
    run_ok push -q "$registry/src/x:1" "$registry/dst/y:1"
    equals "$(digest_of "$registry/src/x:1")" "$(digest_of "$registry/dst/y:1")"
    skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$registry/dst/y:1" "dir:$T/dir"
    rm -r "$T/dir"
    run_ok rmi -af
  done
}

@test "skopeo, podman and buildah read what we pushed, in each format and compression" {
  registry_start
  import_busybox
  local options n=0
  for options in "" "-f v2s2" "-f oci --compression-format zstd --compression-level 9" "--compression-format gzip --compression-level 1"; do
    n=$((n + 1))
    # shellcheck disable=SC2086  # words
    run_ok push -q $options busybox "$registry/p:$n"
    skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$registry/p:$n" "dir:$T/dir$n"
  done
  equals application/vnd.docker.distribution.manifest.v2+json "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["mediaType"])' "$T/dir2/manifest.json")"
  contains tar+zstd "$(< "$T/dir3/manifest.json")"
  is_root || return 0
  for n in 1 2 3; do
    podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs pull -q --tls-verify=false "$registry/p:$n"
  done
  buildah --root "$T/p" --runroot "$T/pr" --storage-driver vfs pull -q --tls-verify=false "$registry/p:1"
  podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs system reset -f > /dev/null 2>&1 || true
}

@test "of an index our platform is pulled, or the one that is asked for, and both digests are known" {
  registry_start
  put_layered multi:a oci
  local manifest index
  manifest=$(digest_of "$registry/multi:a")
  python3 - "$registry" "$manifest" << 'PYTHON'
import json, sys, urllib.request
host, digest = sys.argv[1:]
kind = "application/vnd.oci.image.manifest.v1+json"
base = f"http://{host}/v2/multi/manifests/"
size = len(urllib.request.urlopen(urllib.request.Request(base + digest, headers={"Accept": kind})).read())
entry = lambda arch: {"mediaType": kind, "digest": digest, "size": size, "platform": {"os": "linux", "architecture": arch}}
index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry("amd64"), entry("arm64")]}
urllib.request.urlopen(urllib.request.Request(base + "all", json.dumps(index).encode(),
    {"Content-Type": index["mediaType"]}, method="PUT"))
PYTHON
  index=$(digest_of "$registry/multi:all")
  run_ok pull -q "$registry/multi:all"
  run_ok image inspect -f '{{.RepoDigests}}' "$registry/multi:all"
  contains "$registry/multi@$index"
  contains "$registry/multi@$manifest"
  run_ok image exists "$registry/multi@$index"
  run_ok pull -q --platform linux/arm64 "$registry/multi:all"
  run_fails 125 pull -q --arch s390x "$registry/multi:all"
  contains "s390x" "$stderr"
}

@test "a second pull of an unchanged image is one request for its manifest" {
  registry_start
  put_layered same:1 oci
  run_ok pull -q "$registry/same:1"
  local before after
  eventually 5 sh -c "grep -aq 'GET /v2/same/manifests' '$registry_log'"
  before=$(seen)
  run_ok pull -q "$registry/same:1"
  after=$(seen)
  equals 1 "$((after - before))"
  equals 2 "$(seen 'GET /v2/same/manifests/1')"
}

@test "layers that are here already, from another image or archive, are not fetched" {
  registry_start
  import_busybox
  run_ok push -q busybox "$registry/base:1"
  put_layered other:1 oci
  run_ok pull -q "$registry/base:1"
  # busybox's layer is here as a plain tar; the registry has it compressed: it is read, but not unpacked again.
  [ "$(find "$CORACLE_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" = 1 ]
  run_ok pull -q "$registry/other:1"
  [ "$(find "$CORACLE_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" = 3 ]
  local blobs
  blobs=$(seen 'GET /v2/other/blobs')
  skopeo --insecure-policy copy -q --preserve-digests --src-tls-verify=false --dest-tls-verify=false "docker://$registry/other:1" "docker://$registry/third:1"
  run_ok pull -q "$registry/third:1"
  equals 0 "$(seen 'GET /v2/third/blobs')"
  equals 4 "$blobs"
}

@test "layers and config are mounted from the repository they came from, and known ones are not sent" {
  registry_start
  put_layered from/x:1 oci
  run_ok pull -q "$registry/from/x:1"
  run_ok push -q "$registry/from/x:1" "$registry/to/y:1"
  equals 4 "$(seen 'POST /v2/to/y/blobs/uploads/\?.*mount=')"
  equals 0 "$(seen 'PUT /v2/to/y/blobs/uploads/')"
  run_ok push -q "$registry/from/x:1" "$registry/to/y:2"
  equals 4 "$(seen 'POST /v2/to/y/blobs/uploads/\?.*mount=')"
  equals "$(digest_of "$registry/from/x:1")" "$(digest_of "$registry/to/y:2")"
}

@test "--all-tags both ways, several images, --policy, a hint for a name that is not there" {
  registry_start
  put_layered many:1 oci
  skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$registry/many:1" "docker://$registry/many:2"
  run_ok pull -q --all-tags "$registry/many"
  equals 2 "${#lines[@]}"
  run_ok push -q --all-tags "$registry/many"
  run_fails 125 pull --all-tags "$registry/many:1"
  run_ok rmi -af
  run_ok pull -q "$registry/many:1" "$registry/many:2"
  equals 2 "${#lines[@]}"
  registry_stop
  run_ok pull -q --policy missing "$registry/many:1"
  run_ok pull -q --policy newer --retry 0 "$registry/many:1"
  run_fails 125 pull -q --policy never "$registry/many:9"
  run_fails 125 pull -q --policy sometimes "$registry/many:1"
  run_fails 125 pull -q --retry 0 "$registry/many:1"
}

@test "run and create pull what is missing, or as --pull says" {
  registry_start
  put_layered runs:1 oci
  run_fails 125 run --rm --pull never "$registry/runs:1"
  contains "coracle pull" "$stderr"
  run_ok run --rm -q "$registry/runs:1" echo pulled
  equals pulled
  local before
  before=$(seen)
  run_ok run --rm "$registry/runs:1" echo again
  run_ok run --rm --pull missing "$registry/runs:1" echo again
  equals "$before" "$(seen)"
  run_ok run --rm --pull always "$registry/runs:1" echo asked
  equals "$((before + 1))" "$(seen)"
  run_ok create --pull newer --name c "$registry/runs:1" true
  equals "$((before + 2))" "$(seen)"
  run_fails 125 run --rm --pull often "$registry/runs:1"
}

@test "TLS and passwords: --cert-dir, --tls-verify, --creds, --authfile" {
  registry_start --tls --auth user:secret
  import_busybox
  run_fails 125 push -q --retry 0 busybox "$registry/x:1"
  run_fails 125 push -q --retry 0 --cert-dir "$registry_certs" busybox "$registry/x:1"
  run_ok push -q --cert-dir "$registry_certs" --creds user:secret busybox "$registry/x:1"
  run_fails 125 pull -q --retry 0 --cert-dir "$registry_certs" --creds user:wrong "$registry/x:1"
  lacks wrong "$stderr"
  run_ok pull -q --tls-verify=false --creds user:secret "$registry/x:1"
  printf '{"auths":{"%s":{"auth":"%s"}}}' "$registry" "$(printf user:secret | base64)" > "$T/auth.json"
  run_ok pull -q --cert-dir "$registry_certs" --authfile "$T/auth.json" "$registry/x:1"
  run_ok run --rm -q --pull always --cert-dir "$registry_certs" --authfile "$T/auth.json" "$registry/x:1" true
}

@test "twenty pulls of one image at once fetch each blob once" {
  registry_start
  put_layered crowd:1 oci
  local before i pids=()
  before=$(seen 'GET /v2/crowd/blobs')
  for i in {1..20}; do
    coracle pull -q "$registry/crowd:1" > "$T/out$i" 2>&1 &
    pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i" || { cat "$T"/out*; fail "a pull failed"; }; done
  equals 4 "$(($(seen 'GET /v2/crowd/blobs') - before))"
  equals 1 "$(sort -u "$T"/out* | wc -l)"
  [ -z "$(find "$CORACLE_ROOT"/{partial,staged/*/*,tmp} "$CORACLE_RUNROOT/transfers" -mindepth 1)" ]
  run_ok run --rm "$registry/crowd:1" cat /two
  equals 2
}

@test "memory of a pull does not grow with the image" {
  require static
  registry_start
  mkdir "$T/big"
  head -c 150000000 /dev/urandom > "$T/big/noise"
  tar -C "$T/big" -cf - noise | "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" import -q - big 3>&- 4>&- > /dev/null
  rm -r "$T/big"
  run_ok push -q --compression-format zstd --compression-level 1 big "$registry/big:1"
  run_ok rmi -f big
  /usr/bin/python3 - "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" pull -q "$registry/big:1" << 'PYTHON'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, close_fds=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"{used} KiB")
sys.exit(used > 64 << 10)
PYTHON
}
