# Volumes: the commands on them, and every kind of mount of a container.
load helpers

# no_volumes: none is listed, and nothing of one lies on the disk.
no_volumes() {
  run_ok volume ls -q
  equals ""
  # The monitor of a container that has just ended may still empty the trash.
  eventually 10 no_files_of_volumes
}
no_files_of_volumes() {
  [ -z "$(find "$CORACLE_ROOT"/{volumes,names/owned-volumes,trash} "$CORACLE_RUNROOT/volumes" -mindepth 1 2> /dev/null)" ]
}

# An image with a directory that volumes are filled from: /fill of 12:34, mode 2750, with files, links and a directory.
import_filled() {
  mkdir -p "$T/tree"
  tar -C "$T/tree" -xf "$(fixture busybox)"
  mkdir -p "$T/tree/fill/sub"
  echo one > "$T/tree/fill/one"
  echo two > "$T/tree/fill/sub/two"
  ln -s one "$T/tree/fill/link"
  chmod 2750 "$T/tree/fill"
  chmod 600 "$T/tree/fill/one"
  # The first root directory is busybox's own, then ours with other owners.
  tar --numeric-owner --owner=0 --group=0 --exclude=./fill -C "$T/tree" -cf "$T/filled.tar" .
  tar --numeric-owner --owner=12 --group=34 --mtime=@1000000000 -C "$T/tree" -rf "$T/filled.tar" ./fill
  run_ok import -q "$@" "$T/filled.tar" filled
}

@test "a volume is made, listed, inspected and removed" {
  run_ok volume create data
  equals data
  run_fails 125 volume create data
  contains "volume with name data already exists" "$stderr"
  run_ok volume create --ignore data
  equals data
  run_ok volume ls
  equals $'DRIVER    VOLUME NAME\nlocal     data'
  run_ok volume ls --noheading --format 'table {{.Name}}'
  equals data
  run_ok volume inspect data --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Mountpoint}}'
  equals "data local local $CORACLE_ROOT/volumes/data/_data"
  run_ok volume exists data
  run_status 1 volume exists nodata
  run_ok volume rm data
  equals data
  run_fails 1 volume rm data
  contains "no such volume: data" "$stderr"
  run_ok volume rm -f data
  run_fails 125 volume inspect data
  equals '[]'
  no_volumes
}

@test "a volume without a name gets one of 64 hexadecimal digits; names that are none are refused" {
  run_ok volume create
  [[ "$output" =~ ^[0-9a-f]{64}$ ]]
  run_ok volume rm "${output:0:10}"
  run_fails 125 volume create ../x
  run_fails 125 volume create a/b
  run_fails 125 volume create --driver flocker x
  contains "plugins are not" "$stderr"
  run_fails 125 volume create -o wrong=x y
  contains "invalid mount option wrong for driver 'local'" "$stderr"
  run_fails 125 volume create -o type=ext4 y
  run_fails 125 volume create -o type=none -o o=bind -o device=relative y
  no_volumes
}

@test "filters: dangling, label, name, opt, since, until, anonymous" {
  import_busybox
  run_ok volume create -l app=web -l tier alpha
  run_ok volume create -o type=tmpfs -o device=tmpfs beta
  run_ok create --name user -v gamma:/g -v /anonymous busybox true
  ls_is() {
    local want=$1
    shift
    run_ok volume ls --format '{{.Name}}' "$@"
    equals "$want"
  }
  ls_is alpha --filter label=app=web
  ls_is alpha --filter label=tier
  ls_is beta --filter opt=type=tmpfs
  ls_is $'alpha\nbeta' --filter dangling=true
  ls_is gamma --filter dangling=false --filter name=amm
  ls_is $'beta\ngamma' --filter since=alpha --filter anonymous=false
  ls_is "" --filter until=1h
  ls_is $'alpha\nbeta\ngamma' --filter driver=local --filter scope=local --filter anonymous=0
  run_fails 125 volume ls --filter nokey=x
  run_fails 125 volume ls --filter dangling=maybe
  run_ok volume prune -f --filter label=tier
  equals alpha
  run_ok volume prune --dry-run
  equals beta
  run_ok volume prune -f
  equals beta
  run_ok rm -v user
  run_ok volume ls -q
  equals gamma
  run_ok volume rm -a
  no_volumes
}

@test "a volume in use is not removed, and its users are named" {
  import_busybox
  run_ok create --name user -v data:/d busybox true
  local id=$output
  run_fails 2 volume rm data
  contains "$id" "$stderr"
  run_ok volume prune -f
  equals ""
  run_ok start user
  run_ok volume rm -f -t 0 data
  equals data
  run_ok ps -aq
  equals ""
  no_volumes
}

@test "a named volume keeps its content and is shared by running containers" {
  import_busybox
  run_ok run --rm -v data:/d busybox sh -c 'echo kept > /d/f'
  run_ok run -d --name a -v data:/d busybox sleep 1000
  run_ok run -d --name b -v data:/d:ro busybox sleep 1000
  run_ok exec a sh -c 'cat /d/f; echo more > /d/g'
  equals kept
  run_ok exec b cat /d/g
  equals more
  run_status 1 exec b touch /d/h
  contains "Read-only" "$stderr"
  run_ok exec a sh -c 'grep " /d " /proc/mounts'
  contains nosuid
  contains nodev
  run_ok rm -f -t 0 a b
  run_ok run --rm -v data:/d busybox ls /d
  equals $'f\ng'
  run_ok volume rm data
  no_volumes
}

@test "the first use fills a volume with what the image has there, and no later one" {
  import_filled
  run_ok run --rm -v data:/fill filled sh -c 'stat -c "%u:%g %a" /fill /fill/one; readlink /fill/link; cat /fill/sub/two'
  equals $'12:34 2750\n12:34 600\none\ntwo'
  run_ok run --rm -v data:/fill filled rm -r /fill/sub
  run_ok run --rm -v data:/fill filled ls /fill
  equals $'link\none'
  # Elsewhere, in another order, or not at all.
  run_ok run --rm -v copied:/fill/sub filled ls /fill/sub
  equals two
  run_ok run --rm -v empty:/fill:nocopy filled ls /fill
  equals ""
  run_ok run --rm --mount type=volume,src=empty2,dst=/fill,volume-nocopy filled ls /fill
  equals ""
  # With content of its own already.
  run_ok volume create mine
  echo mine | tar -C "$T" -cf "$T/mine.tar" stderr
  run_ok volume import mine "$T/mine.tar"
  run_ok run --rm -v mine:/fill filled ls /fill
  equals stderr
  # Where the image has nothing, it is its user's.
  run_ok run --rm -u 5:6 -v new:/not/there filled stat -c '%u:%g %a' /not/there
  equals "5:6 755"
}

@test "anonymous volumes: of the command line and of the image, removed with --rm and rm -v" {
  import_filled -c 'VOLUME /fill' -c 'VOLUME ["/other"]'
  run_ok run --rm -v /mine filled sh -c 'ls /fill; touch /mine/x; grep -c -E " /(mine|fill|other) " /proc/mounts'
  equals $'link\none\nsub\n3'
  no_volumes
  run_ok create --name c -v /mine filled true
  run_ok volume ls -q --filter anonymous=true
  equals 3 "${#lines[@]}"
  run_ok rm -v c
  no_volumes
  run_ok run --rm --image-volume ignore filled sh -c 'grep -c -E " /(fill|other) " /proc/mounts || true'
  equals 0
  run_ok run --rm --image-volume tmpfs filled sh -c 'grep -E " /(fill|other) " /proc/mounts | cut -d" " -f1; ls /fill'
  equals $'tmpfs\ntmpfs\nlink\none\nsub'
  run_fails 125 run --rm --image-volume sometimes filled true
  no_volumes
  # A volume that another container still mounts stays.
  run_ok create --name first -v /shared filled true
  run_ok create --name second --image-volume ignore --volumes-from first filled true
  run_ok rm -v first
  run_ok volume ls -q
  equals 3 "${#lines[@]}"
  run_ok rm -v second
  no_volumes
}

@test "what a killed run --rm leaves of its anonymous volumes goes with the next command" {
  import_busybox
  run_ok run -d --rm --name c -v /data busybox sleep 1000
  kill -KILL "$(coracle inspect -f '{{.State.ConmonPid}}' c)"
  eventually 10 sh -c "[ -z \"\$('$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' ps -aq)\" ]"
  run_ok rm -f nobody
  no_volumes
}

@test "--volumes-from: volumes and directories, read-only if asked, weaker than the container's own" {
  import_busybox
  mkdir "$T/dir"
  echo host > "$T/dir/f"
  run_ok create --name from -v data:/d -v "$T/dir:/dir" --tmpfs /t busybox true
  run_ok run --rm --volumes-from from busybox sh -c 'cat /dir/f; touch /d/x; grep -c " /t " /proc/mounts || true'
  equals $'host\n0'
  run_status 1 run --rm --volumes-from from:ro busybox touch /d/y
  run_ok run --rm -v other:/d --volumes-from from busybox ls /d
  equals ""
  run_fails 125 run --rm --volumes-from nobody busybox true
  contains nobody "$stderr"
  run_fails 125 run --rm --volumes-from from:exec busybox true
}

@test "binds: a missing source is refused, options are the mount's" {
  import_busybox
  mkdir "$T/dir"
  run_fails 125 run --rm -v "$T/missing:/x" busybox true
  contains "$T/missing" "$stderr"
  [ ! -e "$T/missing" ]
  run_fails 125 run --rm --mount "type=bind,src=$T/missing,dst=/x" busybox true
  run_ok run --rm -v "$T/dir:/x:noexec,nosuid,nodev,ro" busybox grep ' /x ' /proc/mounts
  contains " ro,"
  contains nosuid
  contains nodev
  contains noexec
  (cd "$T" && run_ok run --rm -v ./dir:/x:U,z busybox touch /x/f)
  run_fails 125 run --rm -v "$T/dir:/x" -v other:/x busybox true
  contains "/x: duplicate mount destination" "$stderr"
  run_ok run --rm -v "$T/dir:/x" -v "$T/dir:/x" busybox true
  run_fails 125 run --rm -v "$T/dir:/x:ro,rw" busybox true
  run_fails 125 run --rm -v "$T/dir:/x:bogus" busybox true
  # One file, and a link that leads to it.
  ln -s dir/f "$T/link"
  run_ok run --rm -v "$T/link:/one" busybox ls -l /one
  lacks "->"
  run_ok run --rm --mount "type=glob,src=$T/dir/*,dst=/all" busybox ls /all
  equals f
}

@test "parents are mounted before children, whatever the order" {
  import_busybox
  mkdir -p "$T/outer" "$T/inner"
  touch "$T/outer/out" "$T/inner/in"
  run_ok run --rm -v "$T/inner:/a/b" -v "$T/outer:/a" busybox sh -c 'ls /a /a/b'
  contains out
  contains in
  # The container's own files lie on top of a directory that is mounted over theirs.
  run_ok run --rm -h boxname -v conf:/etc busybox sh -c 'cat /etc/hostname; ls /etc'
  contains boxname
  contains passwd
  run_ok run --rm --read-only -v data:/data --tmpfs /t busybox sh -c 'touch /data/x /t/x /tmp/x'
  run_status 1 run --rm --read-only --read-only-tmpfs=false busybox touch /tmp/x
}

@test "recursively read-only" {
  require root
  import_busybox
  mkdir -p "$T/top/below"
  (
    unshare -m sh -c "mount -t tmpfs none '$T/top/below' && exec '$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' \
      run --rm -v '$T/top:/x:ro' -v '$T/top:/y:rro' --mount 'type=bind,src=$T/top,dst=/z,readonly,bind-recursive=readonly' \
      --mount 'type=bind,src=$T/top,dst=/w,bind-recursive=disabled' busybox sh -c '
        touch /x/below/f && echo x-writable; touch /y/below/f || echo y-not; touch /z/below/f || echo z-not; ls /w/below'" \
      > "$T/out" 2> /dev/null 3>&- 4>&-
  )
  equals $'x-writable\ny-not\nz-not' "$(< "$T/out")"
}

@test "propagation: what is mounted in a shared directory shows outside, in a private one it does not" {
  require root
  import_busybox
  mkdir -p "$T/s/in"
  unshare -m --propagation shared sh -c "
    mount --bind '$T/s' '$T/s'; mount --make-shared '$T/s'
    c() { '$CORACLE' --root '$CORACLE_ROOT' --runroot '$CORACLE_RUNROOT' \"\$@\"; }
    c run --rm --privileged -v '$T/s:/s:rshared' busybox mount -t tmpfs none /s/in
    grep -q '$T/s/in' /proc/self/mountinfo && echo shown; umount '$T/s/in'
    c run --rm --privileged -v '$T/s:/s' busybox mount -t tmpfs none /s/in
    grep -q '$T/s/in' /proc/self/mountinfo || echo hidden
    umount '$T/s'" > "$T/out" 3>&- 4>&- || true
  equals $'shown\nhidden' "$(< "$T/out")"
}

@test "overlays: what is written stays apart, and goes with the container" {
  import_busybox
  mkdir "$T/dir" "$T/upper" "$T/work"
  echo old > "$T/dir/f"
  run_ok run --name c -v "$T/dir:/x:O" busybox sh -c 'cat /x/f; echo new > /x/f; touch /x/g'
  equals old
  equals old "$(cat "$T/dir/f")"
  [ ! -e "$T/dir/g" ]
  run_ok rm c
  run_ok run --rm -v data:/d busybox sh -c 'echo base > /d/f'
  run_ok run --rm -v data:/d:O busybox sh -c 'rm /d/f; ls /d'
  equals ""
  run_ok run --rm -v data:/d busybox cat /d/f
  equals base
  run_fails 125 run --rm -v "$T/dir:/x:upperdir=$T/upper,workdir=$T/work" busybox true
  run_ok run --rm -v "$T/dir:/x:O,upperdir=$T/upper,workdir=$T/work" busybox touch /x/kept
  [ -e "$T/upper/kept" ]
  is_root || unshare --user --map-root-user --map-auto rm -rf "$T/work" "$T/upper"
}

@test "images as mounts: read-only, writable, a part of them" {
  import_busybox
  run_ok run --rm --mount type=image,src=busybox,dst=/img busybox cat /img/etc/os-release
  contains "busybox of the tests"
  run_status 1 run --rm --mount type=image,src=busybox,dst=/img busybox touch /img/x
  run_ok run --rm --mount type=image,src=busybox,dst=/img,rw=true busybox touch /img/x
  run_ok run --rm --mount type=image,src=busybox,dst=/img,subpath=etc busybox ls /img
  contains passwd
  run_fails 125 run --rm --mount type=image,src=nosuch,dst=/img busybox true
  # It is in use as long as the container is there.
  run_ok tag busybox second
  run_ok create --name c --mount type=image,src=second,dst=/img --rootfs / true
  run_ok rmi second
  run_fails 2 rmi busybox
  run_ok rm c
}

@test "subpaths of volumes; no link leads out" {
  import_busybox
  run_ok run --rm -v data:/d busybox sh -c 'mkdir -p /d/a/b; touch /d/a/b/f; ln -s / /d/out; ln -s a /d/inside; ln -s ../../.. /d/up'
  run_ok run --rm --mount type=volume,src=data,dst=/x,volume-subpath=a/b busybox ls /x
  equals f
  run_ok run --rm -v data:/x:subpath=inside busybox ls /x
  equals b
  run_fails 125 run --rm -v data:/x:subpath=out busybox true
  run_fails 125 run --rm -v data:/x:subpath=up busybox true
  run_fails 125 run --rm -v data:/x:subpath=missing busybox true
  run_fails 125 run --rm -v data:/x:subpath=../a busybox true
}

@test "tmpfs: size, mode, content of the image, owner" {
  import_filled
  run_ok run --rm --tmpfs /t:size=1m,mode=1700 filled sh -c 'grep " /t " /proc/mounts; stat -c %a /t'
  contains size=1024k
  contains noexec
  contains 1700
  run_ok run --rm --tmpfs /fill:mode=1711,uid=3 filled stat -c '%a %u:%g' /fill
  equals "1711 3:34"
  run_ok run --rm --mount type=tmpfs,dst=/fill filled ls /fill
  equals $'link\none\nsub'
  run_ok run --rm --mount type=tmpfs,dst=/fill,notmpcopyup filled ls /fill
  equals ""
  run_ok run --rm -u 7:8 --mount type=tmpfs,dst=/t,U=true filled stat -c %u:%g /t
  equals 7:8
  run_fails 125 run --rm --mount type=tmpfs,dst=/t,src=/x filled true
  run_fails 125 run --rm --tmpfs /t:nonsense filled true
}

@test "a volume in memory is shared by those that run, and empty again when none does" {
  import_busybox
  run_ok volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,nodev mem
  run_ok run -d --name a -v mem:/m busybox sh -c 'echo here > /m/f; exec sleep 1000'
  eventually 10 coracle exec a test -s /m/f
  run_ok run --rm -v mem:/elsewhere busybox sh -c 'cat /elsewhere/f; echo b > /elsewhere/g'
  equals here
  run_ok exec a cat /m/g
  equals b
  run_ok rm -f -t 0 a
  run_ok run --rm -v mem:/m busybox ls /m
  equals ""
  run_ok volume create -o type=nosuchfs -o device=/x wrong
  run_fails 125 run --rm -v wrong:/m busybox true
  contains "volume wrong: mount /x of type nosuchfs" "$stderr"
}

@test "a volume can be a directory of the host" {
  import_busybox
  mkdir "$T/dir"
  run_ok volume create -o type=none -o o=bind -o "device=$T/dir" host
  run_ok run --rm -v host:/d busybox touch /d/f
  [ -e "$T/dir/f" ]
  run_ok volume mount host
  equals "$T/dir"
  run_ok volume unmount host
  equals host
  run_ok volume rm host
  [ -e "$T/dir/f" ]
  run_ok volume create -o type=none -o o=bind -o "device=$T/gone" gone
  run_fails 125 run --rm -v gone:/d busybox true
  contains "$T/gone" "$stderr"
}

@test "export and import: the same bytes for the same content, compressed or not" {
  import_filled
  run_ok run --rm -v data:/fill filled true
  coracle volume export data > "$T/a.tar"
  run_ok volume export -o "$T/b.tar" data
  cmp "$T/a.tar" "$T/b.tar"
  gzip -k "$T/a.tar"
  run_ok volume create other
  run_ok volume import other "$T/a.tar.gz"
  coracle volume export other | cmp "$T/a.tar" -
  run_ok volume create third
  coracle volume import third - < "$T/a.tar"
  coracle volume export third | cmp "$T/a.tar" -
  run_fails 125 volume import third "$(command -v true)"
  run_fails 125 volume import nosuch "$T/a.tar"
  run_fails 125 volume export nosuch
}

@test "U gives a volume to the container's user, and no link leads out" {
  import_busybox
  touch "$T/outside"
  run_ok run --rm -v data:/d busybox sh -c "mkdir /d/sub; touch /d/sub/f; ln -s '$T/outside' /d/link"
  run_ok run --rm -u 9:10 -v data:/d:U busybox stat -c %u:%g /d /d/sub /d/sub/f
  equals $'9:10\n9:10\n9:10'
  equals "$(id -u)" "$(stat -c %u "$T/outside")"
  run_fails 125 run --rm -u 9 -v /usr:/d:U busybox true
  contains "not allowed" "$stderr"
}

@test "idmap: owners as the mapping says" {
  require root
  import_busybox
  mkdir "$T/dir"
  touch "$T/dir/f"
  chown 1000:1000 "$T/dir/f"
  run_ok run --rm -v "$T/dir:/d:idmap=uids=1000-5-1;gids=1000-6-1" busybox stat -c %u:%g /d/f
  equals 5:6
  run_fails 125 run --rm -v "$T/dir:/d:idmap=uids=x" busybox true
}

@test "inspect and ps tell of mounts" {
  import_busybox
  mkdir "$T/dir"
  run_ok create --name c -v data:/d:ro -v "$T/dir:/h" --tmpfs /t busybox true
  run_ok inspect -f '{{range .Mounts}}{{.Type}} {{.Name}} {{.Source}} {{.Destination}} {{.RW}} {{end}}' c
  equals "volume data $CORACLE_ROOT/volumes/data/_data /d false bind  $T/dir /h true "
  run_ok inspect -f '{{range .HostConfig.Binds}}{{println .}}{{end}}' c
  equals "data:/d:ro,rprivate,nosuid,nodev,rbind
$T/dir:/h:rw,rprivate,rbind"
  run_ok ps -a --format '{{.Mounts}}'
  equals /d,/h,/t
  for value in data "$T/dir" /d; do
    run_ok ps -a --filter "volume=$value" --format '{{.Names}}'
    equals c
  done
  run_ok ps -aq --filter volume=nosuch
  equals ""
}

@test "twenty creators of one volume, twenty first users" {
  import_filled
  local i pids=() made=0
  for i in $(seq 20); do
    coracle volume create one > "$T/made.$i" 2> /dev/null &
    pids+=($!)
  done
  for i in "${pids[@]}"; do
    if wait "$i"; then made=$((made + 1)); fi
  done
  equals 1 "$made"
  pids=()
  for i in $(seq 20); do
    coracle run --rm -v filled-by-all:/fill filled sh -c 'ls /fill/sub/two /fill/one /fill/link' > "$T/used.$i" 2> "$T/said.$i" &
    pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i"; done
  for i in $(seq 20); do equals $'/fill/link\n/fill/one\n/fill/sub/two' "$(sort "$T/used.$i")"; done
  run_ok volume ls -q
  equals $'filled-by-all\none'
}

@test "removing while containers come: each has a volume or is refused" {
  import_busybox
  local i pids=() status
  for i in $(seq 12); do
    coracle run --rm -v busy:/d busybox sh -c 'touch /d/f && ls /d' > "$T/out.$i" 2>&1 &
    pids+=($!)
    coracle volume rm busy > /dev/null 2>&1 || true
  done
  for i in "${!pids[@]}"; do
    status=0
    wait "${pids[$i]}" || status=$?
    [ "$status" = 0 ] || fail "run $((i + 1)): $status: $(< "$T/out.$((i + 1))")"
    contains f "$(< "$T/out.$((i + 1))")"
  done
  coracle volume rm busy > /dev/null 2>&1 || true
  no_volumes
}

@test "commands on volumes killed at any moment leave whole volumes or none" {
  import_filled
  local i
  for i in $(seq 0 19); do
    "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" volume create "v$i" > /dev/null 2>&1 3>&- 4>&- &
    sleep "0.00$((i % 10))"
    kill -KILL $! 2> /dev/null || true
    wait $! 2> /dev/null || true
    "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" run --rm -v "w$i:/fill" filled true > /dev/null 2>&1 3>&- 4>&- &
    sleep "0.0$(printf %02d "$i")"
    kill -KILL $! 2> /dev/null || true
    wait $! 2> /dev/null || true
  done
  run_ok volume inspect --all
  # Whatever was killed half-way is done whole by the next user.
  for i in $(seq 0 19); do
    run_ok run --rm -v "w$i:/fill" filled sh -c 'cat /fill/one /fill/sub/two; stat -c "%u:%g %a" /fill'
    equals $'one\ntwo\n12:34 2750'
  done
  for i in $(coracle volume ls -q); do
    "$CORACLE" --root "$CORACLE_ROOT" --runroot "$CORACLE_RUNROOT" volume rm "$i" > /dev/null 2>&1 3>&- 4>&- &
    sleep 0.003
    kill -KILL $! 2> /dev/null || true
    wait $! 2> /dev/null || true
  done
  run_ok volume rm -a
  no_volumes
}
