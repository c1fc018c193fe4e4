# Images in archives and directories: save, load, what other programs write, and what nobody should.
load helpers
load registry
load tree

setup() {
  coracle_setup
  P=("podman" --root "$T/p" --runroot "$T/pr" --storage-driver vfs --cgroup-manager cgroupfs --events-backend file)
}

teardown() { registries_stop; coracle_teardown; }

# another ARGS...: coracle on a second store.
another() { "$CORACLE" --root "$T/root2" --runroot "$T/run2" "$@" 3>&- 4>&-; }

# Two images that share a layer file by file: gzip as received, and plain.
two_images() {
  gzip -nc "$(fixture busybox)" > "$T/bb.tgz"
  run_ok import -q -c 'CMD ["echo","one"]' "$T/bb.tgz" one:1
  run_ok import -q -c 'LABEL l=2' "$(fixture busybox)" two:2
}

ids() { "$@" images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort; }

@test "save and load: every format gives the same images" {
  two_images
  local format
  for format in docker-archive oci-archive oci-dir; do
    run_ok save -q --format "$format" -o "$T/$format" one:1 two:2
    another load -q -i "$T/$format" > "$T/out"
    equals $'Loaded image: localhost/one:1\nLoaded image: localhost/two:2' "$(sort "$T/out")"
    equals "$(ids coracle)" "$(ids another)"
    another rmi -af > "$T/out"
  done
  run_ok save -q --format docker-dir -o "$T/docker-dir" one:1
  output=$(another load -i "$T/docker-dir")
  equals "Loaded image: $(coracle images -q --no-trunc one:1)"
}

@test "what was loaded is saved again bit for bit, and saving is deterministic" {
  two_images
  local format
  for format in docker-archive oci-archive; do
    coracle save --format "$format" one:1 two:2 > "$T/first"
    coracle save --format "$format" -m -o "$T/again" one:1 two:2
    cmp "$T/first" "$T/again"
    another load < "$T/first" > "$T/out"
    another save --format "$format" one:1 two:2 | cmp - "$T/first"
    another rmi -af > "$T/out"
  done
}

@test "load: compressed, from a file, a pipe and standard input" {
  two_images
  run_ok save -o "$T/a.tar" one:1
  gzip -k "$T/a.tar"
  zstd -q "$T/a.tar"
  local want
  want=$(coracle images -q --no-trunc one:1)
  another load -i "$T/a.tar.gz" > "$T/out"
  another rmi -af > "$T/out"
  another load < "$T/a.tar.zst" > "$T/out"
  another rmi -af > "$T/out"
  # shellcheck disable=SC2002  # a pipe is what is meant
  cat "$T/a.tar" | another load -q > "$T/out"
  equals "$want" "$(another images -q --no-trunc)"
  [ -z "$(ls "$T/root2/tmp")" ]
}

@test "save: names and ids" {
  two_images
  local id
  id=$(coracle images -q --no-trunc two:2)
  run_ok save -o "$T/id.tar" "${id#sha256:}"
  output=$(another load -i "$T/id.tar")
  equals "Loaded image: $id"
  # A further name, as podman has it, and a second image, as docker has it.
  run_ok save -o "$T/names.tar" one:1 example.com/other:3
  output=$(another load -i "$T/names.tar")
  equals $'Loaded image: localhost/one:1\nLoaded image: example.com/other:3'
  run_fails 125 save -m -o "$T/none.tar" one:1 example.com/other:3
  run_fails 125 save -o "$T/none.tar" no-such
  [ ! -e "$T/none.tar" ]
  run_ok save --platform linux/amd64 -o "$T/amd64.tar" one:1
  run_fails 125 save --platform linux/amd64,linux/arm64 -o "$T/none.tar" one:1
  contains "not for linux/arm64" "$stderr"
  [ ! -e "$T/none.tar" ]
  run_fails 125 save --compress -o "$T/none.tar" one:1
  run_fails 125 save --format tgz -o "$T/none.tar" one:1
  run_fails 125 save --format docker-dir -o "$T/none" one:1 two:2
  run_fails 125 save --format oci-dir one:1
}

@test "save --compress: plain layers become gzip" {
  two_images
  run_ok save --format oci-dir --compress -o "$T/d" two:2
  grep -q tar+gzip "$T"/d/blobs/sha256/*
  another load -i "$T/d" > "$T/out"
  equals "$(coracle images -q --no-trunc two:2)" "$(another images -q --no-trunc)"
}

@test "save does not write to a terminal, load does not read from one" {
  require script
  import_busybox
  script -qec "'$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' save busybox" /dev/null > "$T/out" < /dev/null || true
  grep -q 'terminal' "$T/out"
  script -qec "'$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' load" /dev/null > "$T/out" < /dev/null || true
  grep -q 'terminal' "$T/out"
}

@test "skopeo reads what we save, and we load what it copies" {
  require skopeo
  two_images
  run_ok save -o "$T/docker.tar" one:1 two:2
  run_ok save --format oci-archive -o "$T/oci.tar" one:1 two:2
  run_ok save --format oci-dir -o "$T/oci" one:1
  run_ok save --format docker-dir -o "$T/dir" one:1
  local from id
  id=$(coracle images -q --no-trunc one:1)
  for from in docker-archive:"$T/docker.tar":localhost/one:1 oci-archive:"$T/oci.tar":localhost/one:1 oci:"$T/oci":localhost/one:1 dir:"$T/dir"; do
    rm -rf "$T/out.dir" "$T/out.tar" "$T/out.oci"
    skopeo --insecure-policy copy -q "$from" dir:"$T/out.dir"
    equals "$id" "$(jq -r .config.digest "$T/out.dir/manifest.json")"
    skopeo --insecure-policy copy -q "$from" docker-archive:"$T/out.tar":example.com/x:y
    output=$(another load -i "$T/out.tar")
    equals "Loaded image: example.com/x:y"
    equals "$id" "$(another images -q --no-trunc)"
    another rmi -af > "$T/out"
    another load -i "$T/out.dir" > "$T/out"
    equals "$id" "$(another images -q --no-trunc)"
    another rmi -af > "$T/out"
  done
  skopeo --insecure-policy copy -q oci:"$T/oci":localhost/one:1 oci-archive:"$T/out.oci":example.com/x:y
  another load -i "$T/out.oci" > "$T/out"
  equals "$id" "$(another images -q --no-trunc example.com/x:y)"
}

@test "podman loads what we save, and we load what it saves" {
  require podman root
  two_images
  run_ok save -o "$T/docker.tar" one:1 two:2
  run_ok save --format oci-archive -o "$T/oci.tar" one:1
  "${P[@]}" load -q -i "$T/docker.tar"
  equals "$(coracle images --no-trunc --format '{{.ID}}' | sort)" "$("${P[@]}" images --no-trunc --format '{{.ID}}' | sort)"
  "${P[@]}" save -q -m -o "$T/theirs.tar" localhost/one:1 localhost/two:2
  output=$(another load -i "$T/theirs.tar" | sort)
  equals $'Loaded image: localhost/one:1\nLoaded image: localhost/two:2'
  equals "$(ids coracle)" "$(ids another)"
  another rmi -af > "$T/out"
  "${P[@]}" rmi -af > "$T/out"
  "${P[@]}" load -q -i "$T/oci.tar"
  equals "$(coracle images -q --no-trunc one:1)" "$("${P[@]}" images --no-trunc --format '{{.ID}}')"
  local format
  for format in docker-archive oci-archive docker-dir oci-dir; do
    "${P[@]}" save -q --format "$format" -o "$T/theirs.$format" localhost/one:1
    another load -i "$T/theirs.$format" > "$T/out"
    another rmi -af > "$T/out"
  done
}

@test "buildah reads what we save, and we load what it pushes" {
  require buildah root
  import_busybox
  run_ok save --format oci-archive -o "$T/oci.tar" busybox
  local b=(buildah --root "$T/p" --runroot "$T/pr" --storage-driver vfs)
  "${b[@]}" pull -q oci-archive:"$T/oci.tar" > "$T/out"
  equals "$(coracle images -q --no-trunc)" "sha256:$(head -n1 "$T/out")"
  "${b[@]}" push -q "$(head -n1 "$T/out")" oci-archive:"$T/theirs.tar":localhost/x:1
  output=$(another load -i "$T/theirs.tar")
  equals "Loaded image: localhost/x:1"
}

# The only layer's directory of the store $1.
layer_of() { echo "$1"/layers/*/diff; }

@test "a Debian comes through archives and registries with every mode, owner, time, attribute and content" {
  require root python3
  import_debian deb
  local id
  id=$(coracle images -q --no-trunc deb)
  # What tar itself makes of the fixture.
  mkdir "$T/tree"
  tar -C "$T/tree" --numeric-owner --xattrs --xattrs-include='*' -xpf "$(fixture debian)"
  tree_of "$T/tree" > "$T/want"
  [ "$(wc -l < "$T/want")" -gt 5000 ]
  tree_of "$(layer_of "$CORACLE_ROOT")" | diff "$T/want" - | head
  local format
  for format in docker-archive oci-archive; do
    run_ok save -q --format "$format" -o "$T/d.tar" deb
    another load -q -i "$T/d.tar" > "$T/out"
    rm "$T/d.tar"
    equals "$id" "$(another images -q --no-trunc)"
    tree_of "$(layer_of "$T/root2")" > "$T/got"
    cmp "$T/want" "$T/got"
    another rmi -af > "$T/out"
  done
  registry_start
  for format in gzip zstd; do
    run_ok push -q --tls-verify=false --compression-format "$format" --compression-level 1 deb "$registry/deb:$format"
    another pull -q --tls-verify=false "$registry/deb:$format" > "$T/out"
    equals "${id#sha256:}" "$(< "$T/out")"
    tree_of "$(layer_of "$T/root2")" > "$T/got"
    cmp "$T/want" "$T/got"
    another rmi -af > "$T/out"
  done
}

@test "copies of a root keep the attributes of links and devices" {
  require root python3
  python3 - "$T/x.tar" << 'PY'
import sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as tar:
    for name, kind in (("link", tarfile.SYMTYPE), ("null", tarfile.CHRTYPE), ("pipe", tarfile.FIFOTYPE), ("file", tarfile.REGTYPE)):
        m = tarfile.TarInfo(name)
        m.type, m.linkname, m.devmajor, m.devminor = kind, "target" if kind == tarfile.SYMTYPE else "", 1, 3
        m.pax_headers = {"SCHILY.xattr.trusted.mark": name}
        tar.addfile(m)
PY
  run_ok --storage-driver vfs import -q "$T/x.tar" x
  run_ok --storage-driver vfs create --name c x sh
  run_ok --storage-driver vfs mount c
  local name
  for name in link null pipe file; do
    equals "b'$name'" "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "trusted.mark", follow_symlinks=False))' "$output/$name")"
  done
}

# --- what no program should write ------------------------------------------------------------------------------

# craft NAME: archives that are wrong in one way each, from a right one.
craft() {
  python3 - "$1" "$T/good.tar" "$T/bad.tar" <<'PY'
import copy, io, json, sys, tarfile
kind, good, bad = sys.argv[1:]
src = tarfile.open(good)
members = [(m, src.extractfile(m).read() if m.isreg() else b"") for m in src.getmembers()]
def find(name): return next(i for i, (m, _) in enumerate(members) if m.name == name)
def put(name, data=b"", **kw):
    m = tarfile.TarInfo(name); m.size = len(data)
    for k, v in kw.items(): setattr(m, k, v)
    members.append((m, data))
manifest = json.loads(members[find("manifest.json")][1])
image = manifest[0]
def set_manifest():
    i = find("manifest.json"); data = json.dumps(manifest).encode()
    m = copy.copy(members[i][0]); m.size = len(data); members[i] = (m, data)
layer, config = image["Layers"][0], image["Config"]
if kind == "no-layer": members.pop(find(layer))
elif kind == "no-config": members.pop(find(config))
elif kind == "no-manifest": members.pop(find("manifest.json"))
elif kind == "layer-outside": image["Layers"] = ["../../../../etc/passwd"]; set_manifest()
elif kind == "layer-absolute": image["Layers"] = ["/etc/passwd"]; set_manifest()
elif kind == "config-outside": image["Config"] = "../x"; set_manifest()
elif kind == "layer-link": members.pop(find(layer)); put(layer, type=tarfile.SYMTYPE, linkname="/etc/passwd")
elif kind == "layer-climbs": members.pop(find(layer)); put(layer, type=tarfile.SYMTYPE, linkname="../../etc/passwd")
elif kind == "link-loop": members.pop(find(layer)); put(layer, type=tarfile.SYMTYPE, linkname=layer)
elif kind == "climbs": put("../evil", b"x")
elif kind == "absolute": put("/tmp/evil", b"x")
elif kind == "control": put("evil\x1b[31m", b"x")
elif kind == "device": put("dev", type=tarfile.CHRTYPE, devmajor=1, devminor=3)
elif kind == "twice": put("manifest.json", members[find("manifest.json")][1])
elif kind == "wrong-layer":
    i = find(layer); m, data = members[i]; members[i] = (m, data[:600] + b"X" + data[601:])
elif kind == "extra-layer": image["Layers"].append(layer); set_manifest()
elif kind == "no-json": i = find("manifest.json"); m = copy.copy(members[i][0]); m.size = 3; members[i] = (m, b"[{]")
elif kind == "deep":
    i = find("manifest.json"); data = b"[" * 100000; m = copy.copy(members[i][0]); m.size = len(data); members[i] = (m, data)
elif kind == "bad-tag": image["RepoTags"] = ["example.com/CASE:x"]; set_manifest()
elif kind == "control-tag": image["RepoTags"] = ["a\x1b[31mb"]; set_manifest()
elif kind == "config-array":
    i = find(config); m = copy.copy(members[i][0]); m.size = 2; members[i] = (m, b"[]")
elif kind == "cut": pass
else: sys.exit("unknown: " + kind)
with tarfile.open(bad, "w", format=tarfile.PAX_FORMAT) as out:
    for m, data in members: out.addfile(m, io.BytesIO(data) if m.isreg() else None)
if kind == "cut":
    with open(bad, "r+b") as f: f.truncate(700000)
PY
}

@test "bad docker archives: one line, and the store is as it was" {
  require python3
  import_busybox
  run_ok save -o "$T/good.tar" busybox
  coracle rmi busybox > "$T/out"
  local kind
  for kind in no-layer no-config no-manifest layer-outside layer-absolute config-outside layer-link layer-climbs \
    link-loop climbs absolute control device twice wrong-layer extra-layer no-json deep bad-tag control-tag \
    config-array cut; do
    echo "--- $kind"
    craft "$kind"
    run_fails 125 load -i "$T/bad.tar"
    lacks $'\x1b' "$stderr"
    gzip -f "$T/bad.tar"
    run_fails 125 load -i "$T/bad.tar.gz"
  done
  run_ok images -q
  equals ""
  [ ! -e "$T/evil" ] && [ ! -e /tmp/evil ]
  [ -z "$(find "$CORACLE_ROOT"/{layers,blobs/sha256,tmp} -mindepth 1 2> /dev/null)" ]
  [ -z "$(find "$CORACLE_ROOT/staged" -type f 2> /dev/null)" ]
}

@test "bad layouts: wrong digests, sizes, links and names" {
  require python3
  import_busybox
  local kind
  for kind in blob size missing index version ref link escape; do
    echo "--- $kind"
    rm -rf "$T/l"
    coracle save --format oci-dir -o "$T/l" busybox 2> "$T/stderr" || coracle import -q "$(fixture busybox)" busybox
    [ -e "$T/l/index.json" ] || coracle save --format oci-dir -o "$T/l" busybox
    coracle rmi busybox > "$T/out"
    python3 - "$kind" "$T/l" <<'PY'
import json, os, sys
kind, root = sys.argv[1:]
index_path = root + "/index.json"
index = json.load(open(index_path))
def blob(digest): return root + "/blobs/" + digest.replace(":", "/")
manifest_digest = index["manifests"][0]["digest"]
manifest = json.load(open(blob(manifest_digest)))
layer = blob(manifest["layers"][0]["digest"])
if kind == "blob":
    with open(layer, "r+b") as f: f.seek(1000); f.write(b"XX")
elif kind == "size":
    with open(layer, "ab") as f: f.write(b"more")
elif kind == "missing": os.unlink(layer)
elif kind == "index": index["manifests"][0]["digest"] = "sha256:" + "0" * 64
elif kind == "version": open(root + "/oci-layout", "w").write('{"imageLayoutVersion":"9.0"}')
elif kind == "ref": index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] = "../\x07evil"
elif kind == "link": os.unlink(layer); os.symlink("/etc/passwd", layer)
elif kind == "escape": os.unlink(layer); os.symlink("../../../../../etc/passwd", layer)
json.dump(index, open(index_path, "w"))
PY
    run_fails 125 load -i "$T/l"
    lacks $'\x07' "$stderr"
    run_ok images -q
    equals ""
    coracle import -q "$(fixture busybox)" busybox > "$T/out"
  done
}

@test "load of what is no image says so" {
  head -c 100000 /dev/urandom > "$T/noise"
  run_fails 125 load -i "$T/noise"
  run_fails 125 load -i "$T/no-such-file"
  run_fails 125 load -i "$(fixture busybox)"
  contains "no image in it" "$stderr"
  mkdir "$T/empty"
  run_fails 125 load -i "$T/empty"
  : > "$T/nothing"
  run_fails 125 load -i "$T/nothing"
  printf 'BZh91AY&SY' > "$T/x.bz2"
  run_fails 125 load -i "$T/x.bz2"
  contains bzip2 "$stderr"
}
