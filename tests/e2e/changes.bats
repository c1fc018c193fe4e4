# What containers write: diff, export, commit; on every storage driver.
load helpers

# made NAME [DRIVER]: a container of busybox that added, changed and deleted.
made() {
  run_ok ${2:+--storage-driver "$2"} run --name "$1" --network none busybox sh -c '
    echo more >> /etc/passwd; mkdir -p /opt/a; echo one > /opt/a/f; ln /opt/a/f /opt/a/g
    ln -s f /opt/a/s; chmod 4711 /opt/a/f; rm /bin/vi; rm -r /var/log; chmod 700 /home; truncate -s 1M /opt/a/hole'
}
made_diff='C /bin
D /bin/vi
C /etc
C /etc/passwd
C /home
A /opt
A /opt/a
A /opt/a/f
A /opt/a/g
A /opt/a/hole
A /opt/a/s
C /var
D /var/log'

@test "diff: as podman shows it, of containers, images and two of them" {
  import_busybox
  made c
  run_ok diff c
  equals "$made_diff"
  run_ok diff --latest
  equals "$made_diff"
  run_ok container diff c
  equals "$made_diff"
  run_ok diff --format json c
  jq -e '.deleted == ["/bin/vi", "/var/log"] and (.added | length) == 6 and .changed[0] == "/bin"' <<< "$output"
  run_fails 125 diff --format yaml c
  run_fails 125 diff no-such
  run_ok commit -q c img
  run_ok image diff img
  equals "$made_diff"
  run_ok diff busybox busybox
  equals ""
  run_ok create --name d busybox true
  run_ok diff d
  equals ""
  run_ok diff d img
  contains "A /bin/vi"
  contains "D /opt"
}

@test "commit: an image that has it all, history and names" {
  import_busybox
  made c
  run_ok commit -q -a 'Me <me@example.org>' -m 'by hand' -c 'CMD ["cat","/opt/a/f"]' -c 'ENV X=y' -c 'LABEL l=v' --iidfile "$T/iid" c img:1
  [[ $output =~ ^[0-9a-f]{64}$ ]]
  local id=$output
  equals "sha256:$id" "$(< "$T/iid")"
  run_ok run --rm img:1
  equals one
  run_ok run --rm img:1 sh -c 'ls -l /opt/a/f | cut -c1-10; test /opt/a/f -ef /opt/a/g && readlink /opt/a/s; ls -d /bin/vi /var/log 2>&1; tail -1 /etc/passwd; stat -c %s /opt/a/hole; echo $X'
  contains "-rws--x--x"
  contains "more"
  contains "1048576"
  contains "No such file"
  equals "y" "${lines[-1]}"
  run_ok image inspect -f '{{.Author}}|{{len .RootFS.Layers}}|{{.Config.Labels.l}}' img:1
  equals "Me <me@example.org>|2|v"
  run_ok image inspect -f '{{json .History}}' img:1
  jq -e 'length == 2 and .[1].comment == "by hand" and .[1].author == "Me <me@example.org>"' <<< "$output"
  # The name moves; the older image stays without one.
  run_ok run --name c2 img:1 sh -c 'echo two > /two'
  run_ok commit c2 img:1
  lacks "$id"
  run_ok run --rm img:1 cat /two /opt/a/f
  equals $'two\none'
  run_ok image exists "$id"
  run_ok commit c
  run_fails 125 commit -c 'NONSENSE x' c bad
  run_fails 125 commit c 'Bad Name'
  run_fails 125 commit --format tar c bad
  run_fails 125 commit no-such bad
  run_status 1 image exists bad
}

@test "commit: the same content is the same layer" {
  import_busybox
  run_ok run --name c --network none busybox sh -c 'rm /bin/vi; mkdir /x; echo a > /x/b; touch -d @1000000000.5 /x/b /x /bin /; ls -ld / /x'
  run_ok commit c one
  run_ok commit c two
  run_ok commit -f docker c three
  local one two three
  one=$(coracle image inspect -f '{{json .RootFS.Layers}}' one)
  two=$(coracle image inspect -f '{{json .RootFS.Layers}}' two)
  three=$(coracle image inspect -f '{{json .RootFS.Layers}}' three)
  equals "$one" "$two"
  equals "$one" "$three"
  [ "$(find "$CORACLE_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
}

@test "commit --squash: one layer that shows the same" {
  import_busybox
  made c
  run_ok commit -s c flat
  run_ok image inspect -f '{{len .RootFS.Layers}}' flat
  equals 1
  run_ok run --rm flat sh -c 'cat /opt/a/f; ls /bin/vi 2>&1; echo ok'
  contains "one"
  contains "No such file"
  run_ok rm -f c
  run_ok rmi busybox
  run_ok run --rm flat echo alone
  equals alone
}

@test "commit of a running container pauses it meanwhile and lets it go on" {
  import_busybox
  run_ok run -d --name c --network none busybox sh -c 'i=0; while :; do i=$((i+1)); echo $i > /new; mv /new /n; done'
  eventually 5 coracle exec c test -s /n
  run_ok commit --pause=false c running
  run_ok run --rm running sh -c 'cat /n | wc -l'
  equals 1
  run_ok commit c default
  run_ok inspect -f '{{.State.Status}}' c
  equals running
  local one two
  one=$(coracle exec c cat /n)
  eventually 5 more_than "$one"
  run_ok diff c
  contains "A /n"
  run_ok export c -o "$T/live.tar"
  tar -tf "$T/live.tar" | grep -qx 'n'
}
more_than() {
  local now
  now=$(coracle exec c cat /n)
  [ "${now:-0}" -gt "$1" ]
}

@test "export: the whole root, the same bytes each time, and import makes it an image again" {
  import_busybox
  made c
  run_ok export -o "$T/a.tar" c
  coracle export c > "$T/b.tar"
  cmp "$T/a.tar" "$T/b.tar"
  tar -tvf "$T/a.tar" > "$T/list"
  grep -q -- '-rws--x--x 0/0 .* opt/a/f$' "$T/list" || grep -q -- '-rws--x--x root/root .* opt/a/f$' "$T/list"
  ! grep -q ' bin/vi$' "$T/list"
  run_ok import -q "$T/a.tar" again
  run_ok run --rm again sh -c 'cat /opt/a/f; test /opt/a/f -ef /opt/a/g && echo linked'
  equals $'one\nlinked'
  run_fails 125 export -o "$T/none/x.tar" c
  run_fails 125 export no-such
  run_ok create --name fresh busybox true
  coracle export fresh | tar -tf - | grep -qx 'bin/sh'
}

# The same on a driver that is asked for: import, run, write, commit, diff, export, rmi while it is used.
on_driver() {
  local driver=$1
  d() { coracle --storage-driver "$driver" "$@"; }
  import_busybox
  if ! d run --rm busybox true 2> "$T/why"; then skip "$driver does not work here: $(head -c 300 "$T/why")"; fi
  made c "$driver"
  run_ok --storage-driver "$driver" diff c
  equals "$made_diff"
  run_ok --storage-driver "$driver" commit -q c img
  run_ok --storage-driver "$driver" image diff img
  equals "$made_diff"
  run_ok --storage-driver "$driver" run --rm img sh -c 'cat /opt/a/f; ls /bin/vi 2>&1; test /opt/a/f -ef /opt/a/g && echo linked'
  contains one
  contains linked
  contains "No such file"
  run_ok --storage-driver "$driver" export -o "$T/x.tar" c
  tar -tf "$T/x.tar" | grep -qx opt/a/hole
  run_ok --storage-driver "$driver" start c
  run_ok --storage-driver "$driver" wait c
  run_ok --storage-driver "$driver" run -d --name used img sleep 100
  run_fails 2 --storage-driver "$driver" rmi img
  run_ok --storage-driver "$driver" exec used cat /opt/a/f
  equals one
  run_ok --storage-driver "$driver" rm -f -t 0 used c
  run_ok --storage-driver "$driver" rmi img busybox
  [ -z "$(ls "$CORACLE_ROOT/layers")" ]
}
@test "driver overlay: import, run, write, commit, diff, export, rmi" { on_driver overlay; }
@test "driver fuse-overlayfs: import, run, write, commit, diff, export, rmi" { on_driver fuse-overlayfs; }
@test "driver vfs: import, run, write, commit, diff, export, rmi" { on_driver vfs; }

@test "system df and system prune: what nobody uses is reclaimable, and goes" {
  import_busybox
  run_ok run --name c --network none busybox sh -c 'head -c 3000000 /dev/zero > /data'
  run_ok system df --format '{{.Type}} {{.TotalCount}} {{.Active}} {{.RawReclaimable}}'
  contains "Images 1 1 0"
  contains "Containers 1 0 3000000"
  run_ok commit c img
  run_ok system df --format json
  jq -e '.[0].Total == 2 and .[0].RawReclaimable > 3000000 and .[0].RawSize > .[0].RawReclaimable' <<< "$output"
  run_ok system df
  contains RECLAIMABLE
  run_ok system df -v
  contains localhost/img
  contains "UNIQUE SIZE"
  run_ok untag img
  run_ok system prune -f --filter label=none
  lacks Deleted
  run_ok system prune -f
  contains "Deleted Containers"
  contains "Deleted Images"
  contains "Total reclaimed space: 6"
  run_ok images -q
  [ "${#lines[@]}" = 1 ]
  run_ok system prune -af
  equals "" "$(find "$CORACLE_ROOT/layers" "$CORACLE_ROOT/blobs/sha256" -mindepth 1)"
  run_fails 125 system prune -f --filter nonsense=1
}

@test "system df and system prune --volumes: volumes that no container uses" {
  import_busybox
  run_ok volume create --label keep=1 labelled
  run_ok volume create alone
  run_ok run --name c --network none -v used:/u -v alone:/a busybox sh -c 'head -c 2000000 /dev/zero > /u/f; head -c 1000000 /dev/zero > /a/f'
  run_ok system df --format '{{.Type}} {{.TotalCount}} {{.Active}} {{.RawSize}} {{.RawReclaimable}}'
  contains "Local Volumes 3 2 3000000 0"
  run_ok system df -v
  contains "VOLUME NAME"
  run_ok rm c
  run_ok system df --format '{{.Type}} {{.Active}} {{.RawReclaimable}}'
  contains "Local Volumes 0 3000000"
  run_ok run --name c --network none -v used:/u busybox true
  # Volumes only when asked for.
  run_ok system prune -f --filter label=none
  run_ok volume ls -q
  [ "${#lines[@]}" = 3 ]
  run_ok system prune -f --volumes --filter label!=keep
  contains "Deleted Volumes"
  contains "Total reclaimed space: 3"
  run_ok volume ls -q
  equals labelled
}

@test "mount, unmount and image mount: as root on the host" {
  require root
  import_busybox
  run_ok run --name c --network none busybox sh -c 'echo one > /f'
  run_ok mount c
  local path=$output
  equals one "$(cat "$path/f")"
  echo two > "$path/g"
  run_ok mount
  contains "$path"
  run_ok unmount c
  run_ok mount
  equals ""
  [ ! -e "$path/f" ]
  run_ok diff c
  contains "A /g"
  run_ok run -d --name live --network none busybox sh -c 'echo here > /h; sleep 100'
  eventually 5 coracle exec live test -s /h
  run_ok mount live
  path=$output
  equals here "$(cat "$path/h")"
  echo there > "$path/i"
  run_ok exec live cat /i
  equals there
  run_ok umount live
  run_ok image mount busybox
  path=$output
  [ -x "$path/bin/sh" ]
  ! touch "$path/x" 2> /dev/null
  run_ok image mount
  contains "localhost/busybox:latest"
  # It stays while it is mounted, unless by force.
  run_ok rm -f -t 0 live c
  run_fails 2 rmi busybox
  contains "is mounted" "$stderr"
  run_ok image prune -af
  run_ok image mount
  contains "localhost/busybox:latest"
  run_ok image unmount busybox
  run_ok image mount
  equals ""
  run_ok image mount busybox
  run_ok rmi -f busybox
  run_ok image mount
  equals ""
}

@test "rm of a mounted container unmounts it" {
  require root
  import_busybox
  run_ok create --name c --network none busybox true
  run_ok mount c
  run_ok rm c
  [ ! -e "$output" ]
  ! grep -q "$CORACLE_RUNROOT/mounts" /proc/self/mountinfo
}

@test "a commit that is killed leaves its container running" {
  require cgroup:freezer
  import_busybox
  # Something to be busy with while the container is paused.
  run_ok run -d --name c --network none busybox sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo $i > /f$i; done; touch /ready; while :; do sleep 0.1; done'
  eventually 60 coracle exec c test -e /ready
  local paused=0 i state
  for i in 1 2 3 4 5 6; do
    coracle commit -q c killed 2> /dev/null &
    local pid=$!
    # Until it is paused, or that was missed.
    while kill -0 "$pid" 2> /dev/null; do
      state=$(coracle inspect -f '{{.State.Status}}' c)
      if [ "$state" = paused ]; then paused=$((paused + 1)) && break; fi
    done
    kill -KILL "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
    eventually 10 running c
    # It is not only called so.
    run_ok exec c true
  done
  [ "$paused" -gt 0 ] || skip "no commit was met while it paused its container"
  run_ok rm -f -t 0 c
}
running() { [ "$(coracle inspect -f '{{.State.Status}}' "$1")" = running ]; }

@test "mount: an ordinary user needs unshare" {
  require rootless
  import_busybox
  run_ok run --name c --network none busybox sh -c 'echo one > /f'
  run_fails 125 mount c
  contains "coracle unshare" "$stderr"
  run_fails 125 image mount busybox
  run_ok unshare id -u
  equals 0
  run_ok unshare sh -c '
    c="$0 --root $1 --runroot $2"; p=$($c mount c) && cat "$p/f" && $c mount | grep -c "$p" && $c unmount c > /dev/null &&
    p=$($c image mount busybox) && test -x "$p/bin/sh" && $c image unmount -a > /dev/null && echo done' "$CORACLE" "$CORACLE_ROOT" "$CORACLE_RUNROOT"
  equals $'one\n1\ndone'
  run_status 7 unshare sh -c 'exit 7'
  run_fails 127 unshare no-such-program
}
