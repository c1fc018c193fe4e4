# The store as a whole: what killed commands leave goes with the next one, images go to other hosts, and all of it back
# to the first day.
load helpers
load registry
teardown() { registries_stop; coracle_teardown; }

another() { "$CORACLE" --root "$T/root2" --runroot "$T/run2" "$@" 3>&- 4>&-; }
leases() { find "$CORACLE_RUNROOT/leases" "$CORACLE_ROOT/tmp" -mindepth 1 | wc -l; }

@test "a killed push leaves a lease until the next command that takes one" {
  import_busybox
  # A registry that does not answer holds the push up.
  run_ok save -q --format oci-dir -o "$T/layout" busybox
  bad_registry_start "$T/layout" --fault 'stall=0@blobs'
  "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" push -q --tls-verify=false busybox "$registry/x:1" \
    > "$T/out" 2>&1 3>&- 4>&- &
  local pid=$!
  eventually 10 pushes
  [ "$(leases)" -gt 0 ]
  kill -KILL "$pid"
  wait "$pid" || true
  [ "$(leases)" -gt 0 ]
  run_ok save -q -o "$T/x.tar" busybox
  equals 0 "$(leases)"
}
pushes() { grep -q x "$registry_log"; }

@test "load of several images: each that is whole stays, and is told" {
  require python3
  import_busybox one
  run_ok create --name c one true
  run_ok commit -q -c 'ENV X=1' c two
  run_ok rm c
  run_ok save -q -m -o "$T/both.tar" one two
  # The second image's config is damaged.
  python3 - "$T/both.tar" << 'PY'
import json, sys, tarfile
name = sys.argv[1]
with tarfile.open(name) as tar:
    second = json.load(tar.extractfile("manifest.json"))[1]["Config"]
    at, size = tar.getmember(second).offset_data, tar.getmember(second).size
with open(name, "r+b") as f:
    f.seek(at)
    f.write(b"[" + b" " * (size - 2) + b"]")
PY
  run_ok rmi -a
  run_fails 125 load -q -i "$T/both.tar"
  equals "Loaded image: localhost/one:latest"
  contains "localhost/two:latest" "$stderr"
  run_ok images --format '{{.Repository}}'
  equals localhost/one
  run_ok run --rm --network none one true
  run_ok image check -q
}

# A "host" is another store, and ssh a program that goes there.
fake_ssh() {
  mkdir "$T/bin" "$T/host"
  cat > "$T/host/coracle" << END
#!/bin/sh
exec "$CORACLE" --root "$T/root2" --runroot "$T/run2" "\$@"
END
  cat > "$T/bin/ssh" << END
#!/bin/sh
[ "\$1" = -- ] || exit 255
shift
echo "\$1" >> "$T/hosts"
[ "\$1" != nowhere ] || { echo "ssh: Could not resolve hostname nowhere" >&2; exit 255; }
shift
PATH=$T/host:\$PATH exec sh -c "\$*"
END
  chmod +x "$T/bin/ssh" "$T/host/coracle"
  PATH=$T/bin:$PATH
}

@test "image scp: to a host and back, with the same digest and names" {
  fake_ssh
  import_busybox app:1
  local digest
  digest=$(coracle image inspect -f '{{.Id}} {{.Digest}}' app:1)
  run_ok image scp -q app:1 deploy@example.com::
  contains "Loaded image: localhost/app:1"
  equals deploy@example.com "$(< "$T/hosts")"
  equals "$digest" "$(another image inspect -f '{{.Id}} {{.Digest}}' app:1)"
  run_ok rmi app:1
  run_ok image scp -q ssh://example.com:2222::app:1
  contains "Loaded image: localhost/app:1"
  equals "$digest" "$(coracle image inspect -f '{{.Id}} {{.Digest}}' app:1)"
  run_ok run --rm --network none app:1 true
  another rmi -a > "$T/out"
}

@test "image scp: what can't be" {
  fake_ssh
  import_busybox app:1
  run_fails 125 image scp app:1
  contains "both this host" "$stderr"
  run_fails 125 image scp app:1 host::other
  contains "keeps its names" "$stderr"
  run_fails 125 image scp "host::app:1; touch $T/evil"
  [ ! -e "$T/evil" ]
  run_fails 125 image scp -- "host::-rf"
  run_status 125 image scp -q nothere:1 host::
  contains "nothere:1" "$stderr"
  run_status 125 image scp -q app:1 nowhere::
  contains "ssh: Could not resolve hostname nowhere" "$stderr"
}

@test "system reset: nothing is left, running or not, and the next command begins anew" {
  import_busybox
  run_ok run -d --name up --network none -v data:/data -v /anonymous busybox sleep 1000
  run_ok create --name down busybox true
  run_ok volume create lonely
  run_ok network create net1
  run_ok tag busybox other:1
  local pid
  pid=$(coracle inspect -f '{{.State.Pid}}' up)
  # Nobody can be asked: then the answer is no.
  run_ok system reset < /dev/null
  run_ok exec up true
  echo kept > "$CORACLE_ROOT/somebody-elses"
  run_ok system reset -f
  ! kill -0 "$pid" 2> /dev/null
  equals somebody-elses "$(ls "$CORACLE_ROOT")"
  [ ! -e "$CORACLE_RUNROOT" ]
  rm "$CORACLE_ROOT/somebody-elses"
  run_ok images -q
  equals ""
  run_ok volume ls -q
  equals ""
  import_busybox
  run_ok run --rm --network none busybox true
  run_ok system reset -f
  [ ! -e "$CORACLE_ROOT" ]
  # Of nothing.
  run_ok system reset -f
}

@test "system reset: not while somebody is at work, and not what is no store" {
  import_busybox
  mkfifo "$T/pipe"
  local pids=()
  coracle load -q -i "$T/pipe" > "$T/out" 2>&1 &
  pids+=($!)
  coracle import -q - slow < "$T/pipe" > "$T/out2" 2>&1 &
  pids+=($!)
  exec 9<> "$T/pipe"
  eventually 10 has_lease
  run_fails 125 system reset -f
  contains "in use by pid" "$stderr"
  run_ok image exists busybox
  kill "${pids[@]}"
  exec 9>&-
  wait "${pids[@]}" || :
  mkdir "$T/home"
  echo kept > "$T/home/images"
  "$CORACLE" --root "$T/home" --runroot "$T/run3" system reset -f 3>&- 4>&-
  equals kept "$(< "$T/home/images")"
}
has_lease() { [ -n "$(ls "$CORACLE_RUNROOT/leases")" ]; }
