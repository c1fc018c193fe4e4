# Images past the store: copy, inspect and manifest lists; the store checked, and looked at in other ways.
load helpers
load registry
teardown() { registries_stop; coracle_teardown; }

another() { "$CORACLE" --root "$T/root2" --runroot "$T/run2" "$@" 3>&- 4>&-; }

# A layout of one gzip image in $T/l, called localhost/bb:1.
layout() {
  gzip -nc "$(fixture busybox)" > "$T/bb.tgz"
  run_ok import -q -c 'CMD ["echo","one"]' -c 'LABEL l=v' "$T/bb.tgz" bb:1
  run_ok save -q --format oci-dir -o "$T/l" bb:1
  id=$(coracle images -q --no-trunc bb:1)
}

@test "copy: from every transport to every other, the same image" {
  layout
  run_ok copy -q oci:"$T/l" docker-archive:"$T/0.tar":x:1
  run_ok copy -q oci:"$T/l":localhost/bb:1 oci-archive:"$T/0.oci":a
  run_ok copy -q oci:"$T/l" dir:"$T/0.dir"
  local from n=0
  for from in docker-archive:"$T/0.tar" oci-archive:"$T/0.oci":a dir:"$T/0.dir"; do
    n=$((n + 1))
    run_ok copy -q "$from" docker-archive:"$T/$n.tar":docker.io/library/x:1
    run_ok copy -q "$from" oci-archive:"$T/$n.oci":a
    run_ok copy -q "$from" oci:"$T/$n.l":b
    run_ok copy -q "$from" dir:"$T/$n.dir"
    cmp "$T/0.tar" "$T/$n.tar"
    equals "${id#sha256:}" "$(tar -xOf "$T/$n.tar" manifest.json | jq -r '.[0].Config' | cut -d. -f1)"
    equals "$id" "$(jq -r .config.digest "$T/$n.dir/manifest.json")"
  done
  cmp "$T/0.oci" "$T/2.oci"
  run_ok copy -q dir:"$T/2.dir" containers-storage:localhost/from-dir:1
  equals "$id" "$(coracle images -q --no-trunc from-dir:1)"
}

@test "copy: with a registry, all platforms, digests kept, digest file" {
  require skopeo
  layout
  registry_start
  run_ok copy -q --dest-tls-verify=false --digestfile "$T/digest" oci:"$T/l" docker://"$registry"/bb:1
  equals "$(jq -r '.manifests[0].digest' "$T/l/index.json")" "$(< "$T/digest")"
  equals "$(< "$T/digest")" "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' docker://"$registry"/bb:1)"
  run_ok copy -q --preserve-digests --src-tls-verify=false docker://"$registry"/bb:1 oci:"$T/back":x
  diff -r "$T/l/blobs" "$T/back/blobs"
  # An index with its images.
  run_ok manifest create --tls-verify=false list bb:1
  run_ok manifest push -q --tls-verify=false list docker://"$registry"/list:1
  run_ok copy -q --all --src-tls-verify=false --dest-tls-verify=false docker://"$registry"/list:1 docker://"$registry"/list:2
  equals "$(skopeo inspect --raw --tls-verify=false docker://"$registry"/list:1)" "$(skopeo inspect --raw --tls-verify=false docker://"$registry"/list:2)"
  run_ok copy -q --src-tls-verify=false docker://"$registry"/list:2 dir:"$T/one"
  equals "$id" "$(jq -r .config.digest "$T/one/manifest.json")"
}

@test "pull and push: archives, layouts and directories, named as podman names them" {
  layout
  local bare=${id#sha256:}
  run_ok tag bb:1 docker.io/library/second:2
  run_ok push -q bb:1 oci-archive:"$T/a.oci":example.com/a/b:c
  run_ok push -q bb:1 docker-archive:"$T/a.tar"
  run_ok push -q bb:1 docker-archive:"$T/named.tar":example.com/x:y
  run_ok push -q bb:1 dir:"$T/dir"
  run_ok push -q bb:1 oci:"$T/lay":tag
  run_ok save -q -m -o "$T/two.tar" bb:1 second:2
  run_ok rmi -f bb:1 second:2
  pulled() {  # PLACE NAME...
    run_ok pull -q "$1"
    equals "$bare" "${lines[0]}"
    shift
    equals "$(printf '%s\n' "$@" | sort)" "$(coracle images --format '{{.Repository}}:{{.Tag}}' | sort)"
    run_ok rmi -af
  }
  pulled oci-archive:"$T/a.oci" example.com/a/b:c
  pulled docker-archive:"$T/a.tar" localhost/bb:1
  pulled docker-archive:"$T/named.tar" example.com/x:y
  pulled docker-archive:"$T/two.tar" localhost/bb:1 docker.io/library/second:2
  pulled docker-archive:"$T/two.tar":docker.io/library/second:2 docker.io/library/second:2
  pulled oci:"$T/l" localhost/bb:1
  # A path may have upper-case letters, which no name has.
  run_ok pull -q dir:"$T/dir"
  equals "$bare"
  run_ok rmi -af
  cd "$T"
  pulled dir:dir localhost/dir:latest
  pulled oci:./lay localhost/lay:tag
  run_fails 125 pull -q containers-storage:bb:1
  run_fails 125 pull -q docker-archive:"$T/two.tar":no-such:1
  run_fails 125 pull -q oci:"$T/no-such"
  run_fails 125 pull -q --all-tags oci:"$T/l"
}

@test "push: a list that was put together here goes with its images" {
  layout
  registry_start
  run_ok manifest create list bb:1
  run_ok push -q --tls-verify=false list docker://"$registry"/list:1
  run_ok manifest inspect --tls-verify=false "$registry"/list:1
  equals 1 "$(jq '.manifests | length' <<< "$output")"
  # Of a list only the image of one platform; of an image all or nothing.
  run_ok push -q --tls-verify=false --platform linux/amd64 list docker://"$registry"/one:1
  run_ok image inspect --raw --tls-verify=false docker://"$registry"/one:1
  jq -e '.config.digest' <<< "$output"
  run_ok push -q --tls-verify=false --platform linux/amd64 bb:1 docker://"$registry"/bb:1
  run_fails 125 push -q --tls-verify=false --platform linux/s390x bb:1 docker://"$registry"/bb:2
  contains "is here for linux/amd64, not for linux/s390x" "$stderr"
  run_fails 125 push -q --tls-verify=false --platform linux/s390x list docker://"$registry"/list:2
}

@test "copy: to what is passed on, plain layers are compressed" {
  run_ok import -q "$(fixture busybox)" plain:1
  run_ok save -q --format oci-dir -o "$T/plain" plain:1
  run_ok copy -q oci:"$T/plain" oci:"$T/packed"
  grep -q tar+gzip "$T"/packed/blobs/sha256/*
  run_ok copy -q --preserve-digests oci:"$T/plain" oci:"$T/kept"
  diff -r "$T/plain/blobs" "$T/kept/blobs"
  run_ok copy -q oci:"$T/plain" dir:"$T/dir"
  ! grep -q gzip "$T/dir/manifest.json"
}

@test "copy: what can't be" {
  layout
  run_fails 125 copy bb:1 oci:"$T/x"
  run_fails 125 copy oci:"$T/no-such" oci:"$T/x"
  run_fails 125 copy oci:"$T/l":other oci:"$T/x"
  contains "localhost/bb:1" "$stderr"
  run_fails 125 copy docker-daemon:x oci:"$T/x"
  run_fails 125 copy -q --format v2s1 oci:"$T/l" dir:"$T/x"
  run_fails 125 copy -q --preserve-digests --format v2s2 oci:"$T/l" dir:"$T/x"
  [ ! -e "$T/x" ]
  mkdir "$T/mine"
  echo precious > "$T/mine/file"
  run_fails 125 copy -q oci:"$T/l" oci:"$T/mine"
  run_fails 125 copy -q oci:"$T/l" dir:"$T/mine"
  equals precious "$(< "$T/mine/file")"
  run_ok copy -q oci:"$T/l" docker-archive:"$T/a.tar"
  run_fails 125 copy -q oci:"$T/l" docker-archive:"$T/a.tar"
}

@test "image inspect: what a layout and a registry have, as skopeo says it" {
  require skopeo
  layout
  registry_start
  run_ok copy -q --dest-tls-verify=false oci:"$T/l" docker://"$registry"/bb:1
  run_ok image inspect --tls-verify=false docker://"$registry"/bb:1
  local keys='{Name,Digest,RepoTags,Created,Labels,Architecture,Os,Layers,Env}'
  equals "$(skopeo inspect --tls-verify=false docker://"$registry"/bb:1 | jq -cS "$keys")" "$(jq -cS "$keys" <<< "$output")"
  run_ok image inspect --tls-verify=false --raw docker://"$registry"/bb:1
  equals "$(skopeo inspect --raw --tls-verify=false docker://"$registry"/bb:1)"
  run_ok image inspect --tls-verify=false --raw --config docker://"$registry"/bb:1
  equals "${id#sha256:}" "$(printf %s "$output" | sha256sum | cut -d' ' -f1)"
  run_ok image inspect --config -f '{{.os}}' oci:"$T/l"
  equals linux
  run_fails 125 image inspect --tls-verify=false docker://"$registry"/no-such:1
  run_ok image inspect --raw bb:1
  equals "$(jq -r '.manifests[0].digest' "$T/l/index.json")" "sha256:$(printf %s "$output" | sha256sum | cut -d' ' -f1)"
}

@test "manifest: made, annotated, pushed, inspected, removed" {
  layout
  run_ok import -q "$(fixture busybox)" other:1
  registry_start
  run_status 1 manifest exists list
  run_ok manifest create list bb:1
  run_status 0 manifest exists list
  run_fails 125 manifest create list
  run_ok manifest create --amend list
  run_ok manifest add --arch arm64 --variant v8 --annotation a=b list other:1
  run_ok manifest inspect list
  equals '[null,{"architecture":"arm64","os":"linux","variant":"v8"}]' \
    "$(jq -c '[.manifests[0].platform.variant, .manifests[1].platform]' <<< "$output")"
  run_ok manifest annotate --os-version 12 list other:1
  run_ok manifest inspect list
  equals 12 "$(jq -r '.manifests[1].platform["os.version"]' <<< "$output")"
  run_ok manifest push -q --tls-verify=false --digestfile "$T/digest" list docker://"$registry"/list:1
  if command -v skopeo > /dev/null; then
    equals "$(< "$T/digest")" "sha256:$(skopeo inspect --raw --tls-verify=false docker://"$registry"/list:1 | sha256sum | cut -d' ' -f1)"
  fi
  run_ok manifest inspect --tls-verify=false "$registry"/list:1
  equals 2 "$(jq '.manifests | length' <<< "$output")"
  another pull -q --tls-verify=false "$registry"/list:1 > "$T/out"
  equals "$id" "sha256:$(< "$T/out")"
  run_ok manifest remove list other:1
  run_ok manifest inspect list
  equals 1 "$(jq '.manifests | length' <<< "$output")"
  run_fails 125 manifest remove list other:1
  run_fails 125 manifest add list no-such-dir:1 < /dev/null
  run_ok manifest rm list
  run_fails 125 manifest rm list
  run_ok manifest rm -i list
}

@test "image check: damage of every kind is found, and repaired from the blob" {
  layout
  run_ok image check
  contains "problems: 0"
  local layer
  layer=$(echo "$CORACLE_ROOT"/layers/*/diff)
  local kind
  for kind in content mode missing extra time link; do
    echo "--- $kind"
    case $kind in
      content) printf x | dd of="$layer/etc/passwd" conv=notrunc status=none && touch -d @1000000000 "$layer/etc/passwd" ;;
      mode) chmod 600 "$layer/etc/group" ;;
      missing) rm "$layer/etc/os-release" ;;
      extra) : > "$layer/etc/extra" ;;
      time) touch "$layer/etc/group" ;;
      link) ln -sfn elsewhere "$layer/bin/ls" ;;
    esac
    run_status 1 image check
    contains "layer "
    contains "localhost/bb:1"
    run_ok image check --repair
    contains "repaired"
    run_ok image check -q
    equals ""
  done
  run_ok run --rm bb:1 cat /etc/passwd
  contains root:x:0
}

@test "image check: a damaged or missing blob is fetched again, or said to be lost" {
  layout
  registry_start
  run_ok push -q --tls-verify=false bb:1 "$registry"/bb:1
  run_ok pull -q --tls-verify=false "$registry"/bb:1
  local blob
  blob=$(find "$CORACLE_ROOT/blobs/sha256" -type f -size +500k)
  printf XX | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
  run_status 1 image check
  contains "blob sha256:$(basename "$blob")"
  run_ok image check --repair --tls-verify=false
  rm "$blob"
  run_status 1 image check
  contains missing
  run_ok image check --repair --tls-verify=false
  run_ok image check -q
  equals ""
  registry_stop
  printf XX | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
  run_status 1 image check --repair --tls-verify=false
  contains "not repaired"
  # A config is in the image's record too.
  printf x | dd of="$CORACLE_ROOT/blobs/sha256/${id#sha256:}" conv=notrunc status=none
  run_status 1 image check --repair -q
  contains "blob $id: its content has another digest (localhost/bb:1): repaired"
}

@test "image check: a layer below a running container is left alone" {
  layout
  run_ok run -d --name c bb:1 sleep 1000
  chmod 600 "$CORACLE_ROOT"/layers/*/diff/etc/group
  run_status 1 image check --repair
  contains "uses it"
  run_ok rm -f -t 0 c
  run_ok image check --repair -q
}

@test "image sync: a repository into directories and from there to another path" {
  layout
  registry_start
  run_ok copy -q --dest-tls-verify=false oci:"$T/l" docker://"$registry"/team/bb:1
  run_ok copy -q --dest-tls-verify=false oci:"$T/l" docker://"$registry"/team/bb:2
  run_ok image sync -q --src docker --dest dir --src-tls-verify=false "$registry"/team/bb "$T/usb"
  equals $'bb:1\nbb:2' "$(ls "$T/usb")"
  run_ok image sync -q --src dir --dest docker --dest-tls-verify=false "$T/usb" "$registry"/mirror
  run_ok image inspect --tls-verify=false -f '{{.RepoTags}}' docker://"$registry"/mirror/bb:2
  [[ $output == "[1 2]" || $output == "[2 1]" ]]
  run_ok image sync -q --scoped --src docker --dest dir --src-tls-verify=false "$registry"/team/bb:1 "$T/scoped"
  [ -e "$T/scoped/$registry/team/bb:1/manifest.json" ]
  run_fails 125 image sync --src dir --dest dir "$T/usb" "$T/x"
  run_fails 125 image sync --src dir --dest docker "$T/l/blobs" "$registry"/x
}

@test "history and image tree" {
  layout
  run_ok history bb:1
  contains "coracle import"
  run_ok history --format json --no-trunc bb:1
  equals "${id#sha256:}" "$(jq -r '.[0].id' <<< "$output")"
  run_ok history -q bb:1
  equals "$(coracle images -q bb:1)"
  run_ok history --human=false --format '{{.Size}}' bb:1
  [[ $output =~ ^[0-9]+$ ]]
  run_fails 125 history no-such
  run_ok image tree bb:1
  contains "Image ID: $(coracle images -q bb:1)"
  contains "Top Layer of: [localhost/bb:1]"
  run_ok image tree --whatrequires bb:1
  contains "└── ID:"
}

@test "image prune --filter" {
  layout
  run_ok import -q -c 'LABEL keep=yes' "$(fixture busybox)" two:2
  run_ok untag two:2
  run_ok image prune -f --filter label=keep=no
  equals ""
  run_ok image prune -f --filter 'label!=keep'
  equals ""
  run_ok image prune -f --filter until=24h
  equals ""
  run_ok image prune -f --filter label=keep=yes
  equals 1 "${#lines[@]}"
  run_fails 125 image prune -f --filter nonsense=1
  run_ok image prune -f --filter dangling=false --filter label=l=v
  run_ok images -q
  equals ""
}
