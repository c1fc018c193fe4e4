# build: what images say of how they were made and what is in them, as BuildKit attaches it; and the cache inside images.
load helpers
load registry
teardown() { registries_stop; coracle_teardown; }

context() { mkdir -p "$T/$1" && cd "$T/$1" || exit; }
other() { "$CORACLE" --root "$T/root2" --runroot "$T/run2" "$@" 3>&- 4>&-; }

# A root with the databases of three package managers.
packages() {
  context c
  mkdir -p root/var/lib/dpkg root/lib/apk/db root/etc root/usr/lib/python3/dist-packages/Flask-3.0.dist-info
  printf 'ID=debian\nVERSION_ID="12"\n' > root/etc/os-release
  printf 'Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13\nMaintainer: M <m@x>\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n' \
    > root/var/lib/dpkg/status
  printf 'P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\n' > root/lib/apk/db/installed
  printf 'Metadata-Version: 2.1\nName: Flask\nVersion: 3.0\n\nprose\n' > root/usr/lib/python3/dist-packages/Flask-3.0.dist-info/METADATA
  printf 'FROM busybox\nARG WHO\nCOPY root /\nRUN --network=none true\n' > Dockerfile
}

# look DIR-OR-ARCHIVE: "type subject predicate-type" of all that an OCI layout's index attaches; checks every digest on the way.
look() {
  python3 - "$1" << 'END'
import hashlib, json, sys, tarfile
files = {m.name: tarfile.open(sys.argv[1]).extractfile(m).read() for m in tarfile.open(sys.argv[1]) if m.isfile()}
def blob(descriptor):
    data = files["blobs/sha256/" + descriptor["digest"][7:]]
    assert hashlib.sha256(data).hexdigest() == descriptor["digest"][7:] and len(data) == descriptor["size"], descriptor
    return json.loads(data)
top = json.loads(files["index.json"])["manifests"][0]
assert top["mediaType"] == "application/vnd.oci.image.index.v1+json", top
index = blob(top)
images = [m["digest"] for m in index["manifests"] if m["platform"]["os"] == "linux"]
for entry in index["manifests"]:
    if entry["digest"] in images:
        continue
    assert entry["platform"] == {"architecture": "unknown", "os": "unknown"}, entry
    notes = entry["annotations"]
    manifest = blob(entry)
    config = blob(manifest["config"])
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]], config
    for layer in manifest["layers"]:
        statement = blob(layer)
        assert layer["mediaType"] == "application/vnd.in-toto+json" and statement["_type"] == "https://in-toto.io/Statement/v0.1"
        assert layer["annotations"]["in-toto.io/predicate-type"] == statement["predicateType"]
        assert {"sha256:" + s["digest"]["sha256"] for s in statement["subject"]} == {notes["vnd.docker.reference.digest"]}
        print(notes["vnd.docker.reference.type"], images.index(notes["vnd.docker.reference.digest"]), statement["predicateType"])
        json.dump(statement["predicate"], open(statement["predicateType"].split("/")[2] + ".json", "w"))
END
}

@test "an archive with provenance and the list of packages; the same twice with an epoch" {
  import_busybox
  packages
  echo very-secret > "$T/secret"
  local n
  for n in 1 2; do
    run_ok build --timestamp 7 --sbom=true --provenance mode=max --build-arg WHO=me --secret "id=s,src=$T/secret" -t localhost/att:1 \
      --metadata-file meta --output "type=oci,dest=$T/$n.tar" .
  done
  cmp "$T/1.tar" "$T/2.tar"
  run look "$T/1.tar"
  equals $'attestation-manifest 0 https://spdx.dev/Document\nattestation-manifest 0 https://slsa.dev/provenance/v0.2'
  run jq -r '.packages[] | select(.externalRefs) | .externalRefs[0].referenceLocator' spdx.dev.json
  equals $'pkg:deb/debian/zlib1g@1%3A1.2.13?arch=amd64&distro=debian-12\npkg:apk/debian/musl@1.2.5-r0?arch=x86_64&distro=debian-12\npkg:pypi/flask@3.0'
  run jq -r '[.spdxVersion, .creationInfo.created, (.relationships | length)] | join(" ")' spdx.dev.json
  equals "SPDX-2.3 1970-01-01T00:00:07Z 4"
  run jq -r '[.buildType, .materials[0].uri, .invocation.parameters.args["build-arg:WHO"], .invocation.parameters.secrets[0].id,
              .metadata["https://mobyproject.org/buildkit@v1#hermetic"], .metadata.buildStartedOn] | map(tostring) | join(" ")' slsa.dev.json
  equals "https://mobyproject.org/buildkit@v1 pkg:docker/localhost/busybox@latest?platform=linux%2Famd64 me s true 1970-01-01T00:00:07Z"
  equals "$(jq -c . slsa.dev.json)" "$(jq -c '."buildx.build.provenance"' meta)"
  if grep -rq very-secret slsa.dev.json spdx.dev.json "$T/1.tar"; then fail "the secret is in it"; fi
  # It is an image for everybody else.
  other load -q -i "$T/1.tar" > /dev/null
  other run --rm --network none localhost/att:1 cat /lib/apk/db/installed | grep -q P:musl
}

@test "a registry gets an index whose statements are about what it has" {
  import_busybox
  registry_start
  packages
  run_ok build --tls-verify=false --push --attest type=provenance,version=v1,builder-id=https://ci/1 --sbom true -t "$registry/att:1" .
  curl -fsS -H 'Accept: application/vnd.oci.image.index.v1+json' "http://$registry/v2/att/manifests/1" > index
  local image attached
  image=$(jq -r '.manifests[0].digest' index)
  attached=$(jq -r --arg image "$image" '.manifests[] | select(.annotations["vnd.docker.reference.digest"] == $image) | .digest' index)
  curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$registry/v2/att/manifests/$attached" > manifest
  run jq -r '[.layers[].annotations["in-toto.io/predicate-type"]] | join(" ")' manifest
  equals "https://spdx.dev/Document https://slsa.dev/provenance/v1"
  curl -fsSL "http://$registry/v2/att/blobs/$(jq -r '.layers[1].digest' manifest)" > statement
  run jq -r '[.subject[0].digest.sha256, .predicate.runDetails.builder.id, (.predicate.buildDefinition.externalParameters.request.args // "none")] | join(" ")' statement
  equals "${image#sha256:} https://ci/1 none"
  # Whoever pulls it gets the image alone.
  other pull -q --tls-verify=false "$registry/att:1" > /dev/null
  other run --rm --network none "$registry/att:1" true
  equals 1 "$(other images -aq | sort -u | wc -l)"
  command -v skopeo > /dev/null || return 0
  skopeo inspect --tls-verify=false "docker://$registry/att:1" > /dev/null
}

@test "attestations: none unless they are asked for; where they can't go; mistakes" {
  import_busybox
  packages
  run_ok build --output "type=oci,dest=$T/plain.tar" .
  run_ok build --provenance=false --sbom=false --attest type=sbom,disabled=true --output "type=oci,dest=$T/none.tar" .
  run python3 -c "import json,sys,tarfile; print(json.load(tarfile.open('$T/none.tar').extractfile('index.json'))['manifests'][0]['mediaType'])"
  equals application/vnd.oci.image.manifest.v1+json
  run_ok build --provenance=true -t kept .
  contains "the store's image has none" "$stderr"
  run_fails 125 build --provenance=mode=huge .
  contains "mode=min|max" "$stderr"
  run_fails 125 build --attest type=other .
  contains "its type is sbom or provenance" "$stderr"
  run_fails 125 build --sbom=generator=scanner .
  contains "not supported yet" "$stderr"
  run_fails 125 build --sbom=true --output "type=local,dest=$T/out" .
  contains "not supported yet" "$stderr"
}

@test "an image says how its layers came about, for who builds it again elsewhere" {
  import_busybox
  registry_start
  context c
  printf 'FROM busybox\nRUN --network=none cat /proc/sys/kernel/random/uuid > /id\nRUN --network=none true\n' > Dockerfile
  run_ok build --tls-verify=false --cache-to type=inline -t "$registry/in:1" --push .
  run_ok run --rm --network none "$registry/in:1" cat /id
  local want=$output
  other import -q "$(fixture busybox)" busybox > /dev/null
  other build --tls-verify=false --cache-from "$registry/in:1" --build-arg BUILDKIT_INLINE_CACHE=1 -t again . > /dev/null 2> "$T/said"
  equals 2 "$(grep -A1 'RUN' "$T/said" | grep -c CACHED)"
  equals "$want" "$(other run --rm --network none again cat /id)"
  # What was fetched for its steps is no image of ours, and what is built on it does not inherit them.
  if other image exists "$registry/in:1"; then fail "the cache's image stayed"; fi
  printf 'FROM again\nLABEL a=b\n' > Dockerfile
  other build -q -t child . > /dev/null
  equals '{"a":"b"}' "$(other image inspect -f '{{json .Config.Labels}}' child)"
}

@test "steps in the network of a running container, or at a path" {
  import_busybox
  context c
  printf 'FROM busybox\nRUN cat /proc/net/dev /etc/hosts > /seen; readlink /proc/self/ns/net > /ns\n' > Dockerfile
  run_ok run -d --name peer --network none busybox sleep 1000
  run_ok inspect -f '{{.State.Pid}}' peer
  local pid=$output
  run_ok exec peer readlink /proc/self/ns/net
  local want=$output
  run_ok build --network container:peer .
  run_ok run --rm --network none "$output" cat /ns
  equals "$want"
  if [ "$(id -u)" = 0 ]; then
    run_ok build --no-cache --network "ns:/proc/$pid/ns/net" .
    run_ok run --rm --network none "$output" cat /ns
    equals "$want"
  fi
  run_fails 1 build --no-cache --network ns:/none .
  contains /none "$stderr"
  run_ok rm -f -t 0 peer
  run_fails 1 build --no-cache --network container:peer .
  contains "peer" "$stderr"
}

@test "a network that a step uses is not removed; the pull of a base is shown" {
  import_busybox
  context c
  registry_start
  run_ok push -q --tls-verify=false busybox "$registry/base:1"
  printf 'FROM %s/base:1\nRUN --network=none true\n' "$registry" > Dockerfile
  run_ok build --tls-verify=false --progress plain .
  grep -q "^#[0-9]* [0-9.]* blob .* done" <<< "$stderr" || fail "no pull to be seen: $stderr"
  [ "$(id -u)" = 0 ] || return 0
  run_ok network create --disable-dns used
  printf 'FROM busybox\nRUN touch /begun && sleep 4\n' > Dockerfile
  coracle build --network used . > "$T/said" 2>&1 &
  local build=$!
  eventually 10 leased used
  run_fails 2 network rm used
  contains "a step of a running build" "$stderr"
  wait "$build"
  run_ok network rm used
}
leased() { compgen -G "$CORACLE_RUNROOT/networks/*/leases/*" > /dev/null; }
